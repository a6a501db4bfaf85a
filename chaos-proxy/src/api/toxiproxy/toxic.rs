//! One toxic: as it was asked for, and as it is shown.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::attributes::Attributes;
use crate::fault::Way;

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Toxic {
    /// Unique among both streams of its proxy.
    pub(crate) name: String,
    /// As the caller wrote it, letter case and all.
    pub(crate) stream: Stream,
    /// How likely it is that a connection is struck; not checked for its range,
    /// as clients know it.
    pub(crate) toxicity: f32,
    /// What it does, and how much.
    pub(crate) attributes: Attributes,
}

/// `upstream` or `downstream`, in any letter case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    word: String,
    way: Way,
}

impl Stream {
    /// The stream of that word.
    pub(crate) fn of_word(word: String) -> Option<Self> {
        let way = match word.to_lowercase().as_str() {
            "upstream" => Way::Upstream,
            "downstream" => Way::Downstream,
            _ => return None,
        };
        Some(Self { word, way })
    }

    /// Which links are meant.
    pub(crate) fn way(&self) -> Way {
        self.way
    }

    /// As the caller wrote it.
    pub(crate) fn word(&self) -> &str {
        &self.word
    }
}

impl Serialize for Toxic {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut shown = to.serialize_struct("Toxic", 5)?;
        shown.serialize_field("attributes", &self.attributes)?;
        shown.serialize_field("name", &self.name)?;
        shown.serialize_field("type", self.attributes.kind().word())?;
        shown.serialize_field("stream", self.stream.word())?;
        shown.serialize_field("toxicity", &GoFloat(self.toxicity))?;
        shown.end()
    }
}

/// A number as Go writes it: `1`, where Rust would write `1.0`.
struct GoFloat(f32);

impl Serialize for GoFloat {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        /// Whole numbers up to here are exact in 32 bits.
        const EXACT: f32 = 16_777_216.0;
        if self.0.fract() == 0.0 && self.0.abs() <= EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
            return to.serialize_i64(self.0 as i64);
        }
        to.serialize_f32(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::*;

    #[test]
    fn it_is_shown_as_clients_know_it() {
        let toxic = |toxicity| Toxic {
            name: "n".to_owned(),
            stream: Stream::of_word("UpStream".to_owned()).unwrap(),
            toxicity,
            attributes: Attributes::new(Kind::Latency),
        };
        let shown = |toxicity| serde_json::to_string(&toxic(toxicity)).unwrap();
        assert_eq!(
            shown(1.0),
            r#"{"attributes":{"latency":0,"jitter":0},"name":"n","type":"latency","stream":"UpStream","toxicity":1}"#
        );
        for (toxicity, written) in [(0.1, "0.1"), (-1.0, "-1"), (2.5, "2.5"), (0.0, "0")] {
            assert!(
                shown(toxicity).ends_with(&format!(":{written}}}")),
                "{toxicity}"
            );
        }
    }
}
