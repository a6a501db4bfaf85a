//! Reading request bodies as Go's `encoding/json` does, because clients have
//! come to rely on it: keys in any letter case, unknown fields passed over,
//! `null` as if absent, only the first value of a body (but for files), integers written as
//! integers.
//!
//! Pure. Used by [`super::body`]. The words of a [`Mistake`] are Go's in spirit;
//! nobody may rely on them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Why a body could not be read, in a decoder's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mistake(String);

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text of a body; bytes that are no UTF-8 are replaced, as Go does.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(body)
}

/// The first value of a text. What follows it is nobody's business.
pub(crate) fn first_value(text: &str) -> Result<&RawValue, Mistake> {
    if text.trim().is_empty() {
        return Err(Mistake("EOF".to_owned()));
    }
    let mut decoder = serde_json::Deserializer::from_str(text);
    Deserialize::deserialize(&mut decoder).map_err(|error| Mistake(error.to_string()))
}

/// The first value of a text, behind which nothing may stand.
pub(crate) fn only_value(text: &str) -> Result<&RawValue, Mistake> {
    serde_json::from_str(text).map_err(|error| Mistake(error.to_string()))
}

/// The elements of an array; `null` is an empty one.
pub(crate) fn array(value: &RawValue) -> Result<Vec<&RawValue>, Mistake> {
    if is_null(value) {
        return Ok(Vec::new());
    }
    serde_json::from_str(value.get()).map_err(|_| mismatch(value, "", "slice"))
}

/// The fields of an object, in their order, values still unread.
#[derive(Debug, Default)]
pub(crate) struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads the fields; `null` has none.
    pub(crate) fn read(value: &'a RawValue, field: &str) -> Result<Self, Mistake> {
        if is_null(value) {
            return Ok(Self::default());
        }
        serde_json::from_str(value.get()).map_err(|_| mismatch(value, field, "struct"))
    }

    /// A string.
    pub(crate) fn string(&self, field: &str) -> Result<Option<String>, Mistake> {
        self.last(field, "string")
    }

    /// A truth value.
    pub(crate) fn flag(&self, field: &str) -> Result<Option<bool>, Mistake> {
        self.last(field, "bool")
    }

    /// A whole number, written as one.
    pub(crate) fn integer(&self, field: &str) -> Result<Option<i64>, Mistake> {
        self.last(field, "int64")
    }

    /// A number that 32 bits hold.
    pub(crate) fn float(&self, field: &str) -> Result<Option<f32>, Mistake> {
        let number = self.last::<f32>(field, "float32")?;
        match (number, self.values(field).last()) {
            (Some(number), Some(value)) if !number.is_finite() => {
                Err(mismatch(value, field, "float32"))
            }
            _ => Ok(number),
        }
    }

    /// An object; of several, their fields one after the other.
    pub(crate) fn object(&self, field: &str) -> Result<Self, Mistake> {
        let mut fields = Vec::new();
        for value in self.values(field) {
            fields.extend(Self::read(value, field)?.0);
        }
        Ok(Self(fields))
    }

    /// The elements of an array; of several, the last one's.
    pub(crate) fn array(&self, field: &str) -> Result<Option<Vec<&'a RawValue>>, Mistake> {
        self.values(field).last().map(array).transpose()
    }

    /// Of several values of one field the last one counts, but each must fit.
    fn last<T: DeserializeOwned>(&self, field: &str, kind: &str) -> Result<Option<T>, Mistake> {
        let mut last = None;
        for value in self.values(field) {
            let read = serde_json::from_str(value.get());
            last = Some(read.map_err(|_| mismatch(value, field, kind))?);
        }
        Ok(last)
    }

    fn values(&self, field: &str) -> impl Iterator<Item = &'a RawValue> {
        let is_it = move |key: &str| key.eq_ignore_ascii_case(field);
        let found = self.0.iter().filter(move |(key, _)| is_it(key));
        found
            .map(|(_, value)| *value)
            .filter(|value| !is_null(value))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut fields = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, &'de RawValue>()? {
                    fields.push((key, value));
                }
                Ok(Object(fields))
            }
        }
        from.deserialize_map(Fields)
    }
}

fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

fn mismatch(value: &RawValue, field: &str, kind: &str) -> Mistake {
    let text = value.get();
    let found = match text.as_bytes().first() {
        Some(b'"') => "string",
        Some(b'{') => "object",
        Some(b'[') => "array",
        Some(b't' | b'f') => "bool",
        _ => "number",
    };
    // Numbers are short; anything else a caller sends back to itself is not.
    let shown = if found == "number" && text.len() <= 40 {
        format!("number {text}")
    } else {
        found.to_owned()
    };
    let place = if field.is_empty() {
        format!("Go value of type {kind}")
    } else {
        format!("Go struct field .{field} of type {kind}")
    };
    Mistake(format!("json: cannot unmarshal {shown} into {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Object<'_> {
        Object::read(first_value(text).unwrap(), "").unwrap()
    }

    #[test]
    fn keys_may_be_in_any_case_and_the_last_one_counts() {
        let object = object(r#"{"Name": "a", "other": [1, {}], "NAME": "b", "name": null}"#);
        assert_eq!(object.string("name"), Ok(Some("b".to_owned())));
        assert_eq!(object.string("listen"), Ok(None));
    }

    #[test]
    fn only_the_first_value_is_read() {
        assert_eq!(
            object(r#"{"name":"a"} and more"#).string("name"),
            Ok(Some("a".to_owned()))
        );
        for wrong in [
            "",
            "  ",
            "{not json",
            "nonsense",
            "{\"name\":\"a\"",
            "{'a':1}",
        ] {
            assert!(first_value(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn integers_are_written_as_integers() {
        let check = |number: &str, expect: Option<i64>| {
            let text = format!("{{\"rate\": {number}}}");
            let read = object(&text).integer("rate");
            assert_eq!(read.as_ref().ok().copied().flatten(), expect, "{number}");
            assert_eq!(read.is_ok(), expect.is_some(), "{number}");
        };
        check("1000", Some(1000));
        check("-5", Some(-5));
        check("9223372036854775807", Some(i64::MAX));
        for wrong in [
            "1.5",
            "1.0",
            "1e3",
            "9223372036854775808",
            "\"1\"",
            "[]",
            "true",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn floats_are_those_of_32_bits() {
        assert_eq!(object(r#"{"t": 2.5}"#).float("t"), Ok(Some(2.5)));
        assert_eq!(object(r#"{"t": -1}"#).float("t"), Ok(Some(-1.0)));
        assert!(object(r#"{"t": 1e39}"#).float("t").is_err());
        assert!(object(r#"{"t": "1"}"#).float("t").is_err());
    }

    #[test]
    fn a_mistake_says_what_was_found_where() {
        let read = object(r#"{"latency": "soon"}"#).integer("latency");
        assert_eq!(
            read.unwrap_err().to_string(),
            "json: cannot unmarshal string into Go struct field .latency of type int64"
        );
    }

    #[test]
    fn depth_and_bytes_that_are_no_text_break_nothing() {
        let deep = format!("{{\"x\": {}1{}}}", "[".repeat(50_000), "]".repeat(50_000));
        assert!(
            object(&deep)
                .string("name")
                .is_ok_and(|name| name.is_none())
        );
        assert!(first_value(&"[".repeat(100_000)).is_err());
        let body = b"{\"name\": \"a\xff\"}";
        assert_eq!(
            object(&text(body)).string("name"),
            Ok(Some("a\u{fffd}".to_owned()))
        );
    }
}
