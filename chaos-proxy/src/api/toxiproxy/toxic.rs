//! Toxics: as they are asked for, as they are shown, and those of one proxy.

use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::body::{ToxicBody, ToxicChange};
use super::call::Refusal;
use super::json::{Mistake, Object};
use crate::fault::Way;

/// One toxic: as it was asked for, and as it is shown.
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

/// The toxics of one proxy, in the order in which they were added: one name
/// space over both streams.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Toxics(Vec<Toxic>);

impl Toxics {
    /// The toxic that this body asks for, if it may be added.
    pub(crate) fn check(&self, body: &ToxicBody<'_>) -> Result<Toxic, Refusal> {
        let draft = body.draft()?;
        if self.find(&draft.name).is_some() {
            return Err(Refusal::ToxicExists);
        }
        body.finish(draft)
    }

    /// Adds what [`Toxics::check`] gave.
    pub(crate) fn add(&mut self, toxic: Toxic) {
        self.0.push(toxic);
    }

    /// The toxic of that name as `change` wants it; nothing is changed yet.
    pub(crate) fn changed(&self, name: &str, change: &ToxicChange<'_>) -> Result<Toxic, Refusal> {
        change.apply(self.get(name)?)
    }

    /// Puts this one in the place of the one of its name.
    pub(crate) fn replace(&mut self, toxic: Toxic) {
        if let Some(old) = self.0.iter_mut().find(|old| old.name == toxic.name) {
            *old = toxic;
        }
    }

    /// Takes one out.
    pub(crate) fn remove(&mut self, name: &str) -> Result<Toxic, Refusal> {
        let found = self.0.iter().position(|toxic| toxic.name == name);
        found
            .map(|index| self.0.remove(index))
            .ok_or(Refusal::ToxicNotFound)
    }

    /// One of them.
    pub(crate) fn get(&self, name: &str) -> Result<&Toxic, Refusal> {
        self.find(name).ok_or(Refusal::ToxicNotFound)
    }

    fn find(&self, name: &str) -> Option<&Toxic> {
        self.0.iter().find(|toxic| toxic.name == name)
    }

    /// All of them, those of the upstream first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Toxic> {
        let of = |way| self.0.iter().filter(move |toxic| toxic.stream.way() == way);
        of(Way::Upstream).chain(of(Way::Downstream))
    }

    /// All of them, taken out.
    pub(crate) fn clear(&mut self) -> Vec<Toxic> {
        std::mem::take(&mut self.0)
    }
}

impl Serialize for Toxics {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.iter())
    }
}

/// A type of toxic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Everything passes later.
    Latency,
    /// Bytes pass no faster than a rate.
    Bandwidth,
    /// A FIN passes later.
    SlowClose,
    /// Bytes are swallowed, then the connection closes.
    Timeout,
    /// RST after a time.
    ResetPeer,
    /// Bytes pass in small pieces.
    Slicer,
    /// The connection closes after so many bytes.
    LimitData,
    /// Nothing.
    Noop,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Latency,
        Self::Bandwidth,
        Self::SlowClose,
        Self::Timeout,
        Self::ResetPeer,
        Self::Slicer,
        Self::LimitData,
        Self::Noop,
    ];

    /// The type of that word; the letter case counts.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The word of the API.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Bandwidth => "bandwidth",
            Self::SlowClose => "slow_close",
            Self::Timeout => "timeout",
            Self::ResetPeer => "reset_peer",
            Self::Slicer => "slicer",
            Self::LimitData => "limit_data",
            Self::Noop => "noop",
        }
    }

    /// Its attributes, in the order in which they are shown. Whole numbers, all
    /// of them: milliseconds, but for `rate` (1,000 bytes a second), the sizes
    /// and `bytes` (bytes), and the slicer's `delay` (microseconds).
    pub(crate) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Latency => &["latency", "jitter"],
            Self::Bandwidth => &["rate"],
            Self::SlowClose => &["delay"],
            Self::Timeout | Self::ResetPeer => &["timeout"],
            Self::Slicer => &["average_size", "size_variation", "delay"],
            Self::LimitData => &["bytes"],
            Self::Noop => &[],
        }
    }
}

/// No type has more attributes.
const MOST: usize = 3;

/// A toxic's attributes: whole numbers by name, which depend on its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attributes {
    kind: Kind,
    values: [i64; MOST],
}

impl Attributes {
    /// All zero.
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            values: [0; MOST],
        }
    }

    /// The type that they are of.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// These, with what `fields` says; what it leaves out stays.
    pub(crate) fn merged(&self, fields: &Object<'_>) -> Result<Self, Mistake> {
        let mut merged = *self;
        for (value, field) in merged.values.iter_mut().zip(self.kind.fields()) {
            if let Some(read) = fields.integer(field)? {
                *value = read;
            }
        }
        Ok(merged)
    }

    /// The attributes in the order of [`Kind::fields`]; those that are not there
    /// are 0.
    pub(crate) fn values(&self) -> [i64; MOST] {
        self.values
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let fields = self.kind.fields();
        let mut map = to.serialize_map(Some(fields.len()))?;
        for (field, value) in fields.iter().zip(self.values) {
            map.serialize_entry(field, &value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
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
