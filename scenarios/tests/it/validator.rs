//! As much of JSON Schema (draft 2020-12) as the shipped schema needs.
//!
//! Invariant: a keyword that is not known here is a panic, not passed over.

use std::collections::BTreeSet;

use regex_automata::meta::Regex;
use serde_json::{Map, Value};

/// A schema within a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schema<'a> {
    document: &'a Value,
    keywords: &'a Map<String, Value>,
}

/// A scenario file as JSON.
pub(crate) fn as_json(text: &str) -> Value {
    toml::from_str(text).unwrap()
}

impl<'a> Schema<'a> {
    pub(crate) fn root(document: &'a Value) -> Self {
        Self::of(document, document)
    }

    /// References are followed at once; what stands beside one is description.
    fn of(document: &'a Value, schema: &'a Value) -> Self {
        let keywords = schema.as_object().unwrap();
        match keywords.get("$ref") {
            Some(reference) => {
                let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
                Self::of(document, document.pointer(pointer).unwrap())
            }
            None => Self { document, keywords },
        }
    }

    fn at(self, schema: &'a Value) -> Self {
        Self::of(self.document, schema)
    }

    /// The schema itself, or each of its `oneOf`.
    pub(crate) fn alternatives(self) -> impl Iterator<Item = Self> {
        let listed = self.keywords.get("oneOf").and_then(Value::as_array);
        let alternatives = listed.into_iter().flatten().map(move |one| self.at(one));
        std::iter::once(self).chain(alternatives)
    }

    /// The keys of a table, if it is one.
    pub(crate) fn keys(self) -> Option<BTreeSet<String>> {
        let properties = self.keywords.get("properties")?.as_object()?;
        Some(properties.keys().cloned().collect())
    }

    /// The same, as the document lists them.
    pub(crate) fn keys_in_order(self) -> Vec<String> {
        let properties = self.keywords["properties"].as_object().unwrap();
        properties.keys().cloned().collect()
    }

    pub(crate) fn required(self) -> BTreeSet<String> {
        let keys = self.keywords.get("required").and_then(Value::as_array);
        let keys = keys.into_iter().flatten();
        keys.map(|key| key.as_str().unwrap().to_owned()).collect()
    }

    /// What a key means: what stands beside it, else beside what it refers to.
    pub(crate) fn description_of(self, key: &str) -> &'a str {
        let own = self.keywords["properties"][key].get("description");
        let described = own.or_else(|| self.property(key).keywords.get("description"));
        described.map_or("", |text| text.as_str().unwrap())
    }

    /// How a value is written, in a few words.
    pub(crate) fn form(self) -> String {
        let keyword = |key: &str| self.keywords.get(key);
        if let Some(title) = keyword("title").and_then(Value::as_str) {
            return title.to_owned();
        }
        if let Some(words) = keyword("enum").and_then(Value::as_array) {
            let words = words.iter().map(|word| format!("`{word}`"));
            return words.collect::<Vec<_>>().join(" ");
        }
        if let Some(only) = keyword("const") {
            return format!("`{only}`");
        }
        if let Some(items) = self.items() {
            return format!("list of {}", items.form());
        }
        let Some(name) = keyword("type").and_then(Value::as_str) else {
            let forms = self.alternatives().skip(1).map(Self::form);
            return forms.collect::<Vec<_>>().join(" or ");
        };
        let name = if name == "object" { "table" } else { name };
        match (keyword("minimum"), keyword("maximum")) {
            (Some(low), Some(high)) => format!("{name}, {low} to {high}"),
            (Some(low), None) => format!("{name}, from {low}"),
            _ => name.to_owned(),
        }
    }

    pub(crate) fn property(self, key: &str) -> Self {
        self.at(&self.keywords["properties"][key])
    }

    pub(crate) fn items(self) -> Option<Self> {
        self.keywords.get("items").map(|items| self.at(items))
    }

    /// The words of a choice, if it is one.
    pub(crate) fn words(self) -> Option<BTreeSet<String>> {
        let word = |value: &Value| value.as_str().map(str::to_owned);
        if let Some(words) = self.keywords.get("enum").and_then(Value::as_array) {
            return words.iter().map(word).collect();
        }
        let each = self.keywords.get("oneOf")?.as_array()?.iter();
        each.map(|one| one.get("const").and_then(word)).collect()
    }

    /// Everything that is wrong with a value, each as `PLACE: what`.
    pub(crate) fn mistakes(self, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.validate(value, "", &mut found);
        found
    }

    fn validate(self, value: &Value, place: &str, found: &mut Vec<String>) {
        let mut wrong = |what: String| found.push(format!("{place}: {what}"));
        for (keyword, limit) in self.keywords {
            if !is_held(keyword, limit, value) {
                wrong(format!("{value} is not what `{keyword}` says: {limit}"));
            }
        }
        if let Some(alternatives) = self.keywords.get("oneOf").and_then(Value::as_array) {
            let is_valid = |one: &&Value| self.at(one).mistakes(value).is_empty();
            if alternatives.iter().filter(is_valid).count() != 1 {
                wrong(format!("{value} is not one of the alternatives"));
            }
        }
        if let (Some(items), Some(elements)) = (self.items(), value.as_array()) {
            for (index, element) in elements.iter().enumerate() {
                items.validate(element, &format!("{place}/{index}"), found);
            }
        }
        let others = self.keywords.get("additionalProperties");
        if let (Some(Value::Object(_)), Some(entries)) = (others, value.as_object()) {
            for (key, entry) in entries {
                let others = self.at(&self.keywords["additionalProperties"]);
                others.validate(entry, &format!("{place}/{key}"), found);
            }
        }
        if let (Some(keys), Some(entries)) = (self.keys(), value.as_object()) {
            for (key, entry) in entries {
                let place = format!("{place}/{key}");
                if keys.contains(key) {
                    self.property(key).validate(entry, &place, found);
                } else {
                    found.push(format!("{place}: unknown"));
                }
            }
        }
    }
}

/// Whether one keyword holds; those about what is inside are held elsewhere.
fn is_held(keyword: &str, limit: &Value, value: &Value) -> bool {
    let number = |holds: fn(f64, f64) -> bool| {
        let both = value.as_f64().zip(limit.as_f64());
        both.is_none_or(|(value, limit)| holds(value, limit))
    };
    let size = |length: Option<usize>, holds: fn(u64, u64) -> bool| {
        length.is_none_or(|length| holds(length as u64, limit.as_u64().unwrap()))
    };
    let text = value.as_str();
    let (entries, elements) = (value.as_object(), value.as_array());
    match keyword {
        "type" => match limit.as_array() {
            Some(names) => names
                .iter()
                .any(|name| is_of_type(value, name.as_str().unwrap())),
            None => is_of_type(value, limit.as_str().unwrap()),
        },
        "enum" => limit.as_array().unwrap().contains(value),
        "const" => limit == value,
        "minimum" => number(|value, limit| value >= limit),
        "maximum" => number(|value, limit| value <= limit),
        "exclusiveMinimum" => number(|value, limit| value > limit),
        "exclusiveMaximum" => number(|value, limit| value < limit),
        "pattern" => {
            let regex = Regex::new(limit.as_str().unwrap()).unwrap();
            text.is_none_or(|text| regex.is_match(text))
        }
        "minLength" => size(text.map(|text| text.chars().count()), |length, limit| {
            length >= limit
        }),
        "maxLength" => size(text.map(|text| text.chars().count()), |length, limit| {
            length <= limit
        }),
        "minItems" => size(elements.map(Vec::len), |length, limit| length >= limit),
        "minProperties" => size(entries.map(Map::len), |length, limit| length >= limit),
        "maxProperties" => size(entries.map(Map::len), |length, limit| length <= limit),
        "required" => entries.is_none_or(|entries| {
            let mut keys = limit.as_array().unwrap().iter();
            keys.all(|key| entries.contains_key(key.as_str().unwrap()))
        }),
        "additionalProperties" => {
            let is_closed = *limit == Value::Bool(false);
            assert!(is_closed || limit.is_object(), "tables are closed");
            true
        }
        "oneOf" | "items" | "properties" | "$defs" => true,
        "$schema" | "$id" | "title" | "description" | "default" | "examples" => true,
        other => panic!("the validator does not know `{other}`"),
    }
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        other => panic!("the validator does not know the type `{other}`"),
    }
}
