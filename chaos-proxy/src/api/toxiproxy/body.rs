//! What request bodies ask for. The order in which things are checked is
//! Toxiproxy's, so that the same errors get the same answers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::value::RawValue;

use super::call::{Refusal, ensure_addressable};
use super::json::{self, Object};
use super::toxic::Attributes;
use super::toxic::Kind;
use super::toxic::{Stream, Toxic};
use crate::proxies::TlsSettings;
use crate::upstream;

/// A proxy to be made: `POST /proxies`, and entries of a populate.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProxyBody {
    pub(crate) name: String,
    /// As it was given; may be empty.
    pub(crate) listen: String,
    pub(crate) upstream: String,
    pub(crate) enabled: bool,
    /// Ours, beside Toxiproxy's.
    pub(crate) tls: TlsSettings,
    /// Listed toxics. Toxiproxy knows them in no body; a populate's entries and
    /// the configuration file have them here.
    pub(crate) toxics: Vec<Toxic>,
}

impl ProxyBody {
    /// Reads the body of `POST /proxies`, where toxics are passed over.
    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        let fields = Object::read(json::first_value(text)?, "")?;
        Self::of(&fields)?.checked()
    }

    /// Reads the array of a populate; toxics are honoured.
    pub(crate) fn read_all(text: &str) -> Result<Vec<Self>, Refusal> {
        let entries = json::array(json::first_value(text)?)?;
        let objects: Result<Vec<_>, _> = entries
            .into_iter()
            .map(|entry| Object::read(entry, ""))
            .collect();
        let objects = objects?;
        // All that a decoder would find comes before all that it would not.
        let bodies: Result<Vec<Self>, Refusal> = objects.iter().map(Self::of).collect();
        let bodies = bodies?.into_iter().zip(&objects).enumerate();
        bodies
            .map(|(index, (body, fields))| {
                let with_toxics = |body: Self| body.with_toxics(fields);
                let checked = body.checked().and_then(with_toxics);
                checked.map_err(|refusal| refusal.of_entry(index + 1))
            })
            .collect()
    }

    /// Reads a configuration: a populate and nothing behind it, in which each
    /// name stands once.
    pub(crate) fn read_file(text: &str) -> Result<Vec<Self>, Refusal> {
        json::only_value(text)?;
        let bodies = Self::read_all(text)?;
        let mut numbers = BTreeMap::new();
        for (body, number) in bodies.iter().zip(1..) {
            if let Some(first) = numbers.insert(body.name.as_str(), number) {
                let name = &body.name;
                let problem = format!("proxies {first} and {number} are both called `{name}`");
                return Err(Refusal::Body(problem));
            }
            if let Err(mistake) = upstream::read(&body.upstream) {
                let problem = format!("upstream {} of proxy {number}: {mistake}", body.upstream);
                return Err(Refusal::Body(problem));
            }
        }
        Ok(bodies)
    }

    fn of(fields: &Object<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            name: fields.string("name")?.unwrap_or_default(),
            listen: fields.string("listen")?.unwrap_or_default(),
            upstream: fields.string("upstream")?.unwrap_or_default(),
            enabled: fields.flag("enabled")?.unwrap_or(true),
            tls: TlsChange::of(fields)?.applied_to(&TlsSettings::default()),
            toxics: Vec::new(),
        })
    }

    fn checked(self) -> Result<Self, Refusal> {
        let missing = |field| Err(Refusal::MissingField { field, of: None });
        if self.name.is_empty() {
            return missing("name");
        }
        if self.upstream.is_empty() {
            return missing("upstream");
        }
        ensure_addressable(&self.name)?;
        Ok(self)
    }

    fn with_toxics(mut self, fields: &Object<'_>) -> Result<Self, Refusal> {
        for value in fields.array("toxics")?.unwrap_or_default() {
            let body = ToxicBody::of(value)?;
            let draft = body.draft()?;
            if self.toxics.iter().any(|toxic| toxic.name == draft.name) {
                return Err(Refusal::ToxicExists);
            }
            self.toxics.push(body.finish(draft)?);
        }
        Ok(self)
    }
}

/// A change of a proxy. What is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ProxyChange {
    pub(crate) listen: Option<String>,
    pub(crate) upstream: Option<String>,
    pub(crate) enabled: Option<bool>,
    pub(crate) tls: TlsChange,
}

/// A change of what a proxy is asked for of TLS; an `upstream_ca` that is empty is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct TlsChange {
    tls: Option<bool>,
    upstream_ca: Option<String>,
    upstream_insecure: Option<bool>,
}

impl TlsChange {
    fn of(fields: &Object<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            tls: fields.flag("tls")?,
            upstream_ca: fields.string("upstream_ca")?,
            upstream_insecure: fields.flag("upstream_insecure")?,
        })
    }

    /// The settings as they are to be.
    pub(crate) fn applied_to(&self, settings: &TlsSettings) -> TlsSettings {
        let file = self.upstream_ca.as_ref();
        let file = file.map(|file| Some(PathBuf::from(file)).filter(|_| !file.is_empty()));
        TlsSettings {
            tls: self.tls.unwrap_or(settings.tls),
            upstream_ca: file.unwrap_or_else(|| settings.upstream_ca.clone()),
            upstream_insecure: self.upstream_insecure.unwrap_or(settings.upstream_insecure),
        }
    }
}

impl ProxyChange {
    /// Reads the body of `POST /proxies/{p}`.
    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        let fields = Object::read(json::first_value(text)?, "")?;
        // A name of the wrong kind is an error, though no name changes.
        fields.string("name")?;
        Ok(Self {
            listen: fields.string("listen")?,
            upstream: fields.string("upstream")?,
            enabled: fields.flag("enabled")?,
            tls: TlsChange::of(&fields)?,
        })
    }
}

/// A toxic to be added.
#[derive(Debug)]
pub(crate) struct ToxicBody<'a> {
    kind: String,
    name: String,
    stream: String,
    toxicity: f32,
    /// Read last, when everything else is right.
    attributes: Object<'a>,
}

/// A toxic whose attributes are still to be read.
#[derive(Debug)]
pub(crate) struct Draft {
    kind: Kind,
    stream: Stream,
    pub(crate) name: String,
}

impl<'a> ToxicBody<'a> {
    /// Reads the body of `POST /proxies/{p}/toxics`.
    pub(crate) fn read(text: &'a str) -> Result<Self, Refusal> {
        Self::of(json::first_value(text)?)
    }

    fn of(value: &'a RawValue) -> Result<Self, Refusal> {
        let fields = Object::read(value, "")?;
        Ok(Self {
            kind: fields.string("type")?.unwrap_or_default(),
            name: fields.string("name")?.unwrap_or_default(),
            stream: fields
                .string("stream")?
                .unwrap_or_else(|| "downstream".to_owned()),
            toxicity: fields.float("toxicity")?.unwrap_or(1.0),
            attributes: fields.object("attributes")?,
        })
    }

    /// Checks stream, then type; the name is `type_stream` unless given.
    pub(crate) fn draft(&self) -> Result<Draft, Refusal> {
        let stream = Stream::of_word(self.stream.clone()).ok_or(Refusal::Stream)?;
        let kind = Kind::of_word(&self.kind).ok_or(Refusal::ToxicType)?;
        let name = if self.name.is_empty() {
            format!("{}_{}", self.kind, self.stream)
        } else {
            self.name.clone()
        };
        ensure_addressable(&name)?;
        Ok(Draft { kind, stream, name })
    }

    /// Reads the attributes, now that it is known which there are.
    pub(crate) fn finish(&self, draft: Draft) -> Result<Toxic, Refusal> {
        let attributes = Attributes::new(draft.kind).merged(&self.attributes)?;
        Ok(Toxic {
            name: draft.name,
            stream: draft.stream,
            toxicity: self.toxicity,
            attributes,
        })
    }
}

/// A change of a toxic: toxicity and attributes, field by field. Type, name and
/// stream are passed over.
#[derive(Debug)]
pub(crate) struct ToxicChange<'a> {
    toxicity: Option<f32>,
    attributes: Object<'a>,
}

impl<'a> ToxicChange<'a> {
    /// Reads the body of `POST /proxies/{p}/toxics/{t}`.
    pub(crate) fn read(text: &'a str) -> Result<Self, Refusal> {
        let fields = Object::read(json::first_value(text)?, "")?;
        Ok(Self {
            toxicity: fields.float("toxicity")?,
            attributes: fields.object("attributes")?,
        })
    }

    /// The toxic as it is to be; all of the change, or none.
    pub(crate) fn apply(&self, toxic: &Toxic) -> Result<Toxic, Refusal> {
        let attributes = toxic.attributes.merged(&self.attributes)?;
        Ok(Toxic {
            toxicity: self.toxicity.unwrap_or(toxic.toxicity),
            attributes,
            ..toxic.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::toxic::Toxics;
    use super::*;

    /// JSON, or what is left of it.
    fn text() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            Just("name"),
            Just("NAME"),
            Just("listen"),
            Just("upstream"),
            Just("enabled"),
            Just("toxics"),
            Just("tls"),
            Just("upstream_ca"),
            Just("type"),
            Just("stream"),
            Just("toxicity"),
            Just("attributes"),
            Just("latency"),
            Just("rate"),
            Just("slicer"),
            Just("downstream"),
        ];
        let leaf = prop_oneof![
            word.clone().prop_map(|word| format!("\"{word}\"")),
            any::<f64>().prop_map(|number| number.to_string()),
            any::<i64>().prop_map(|number| number.to_string()),
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("\"\\ud800\"".to_owned()),
            "\\PC{0,6}",
        ];
        leaf.prop_recursive(4, 40, 5, move |inner| {
            let field = (word.clone(), inner.clone())
                .prop_map(|(word, value)| format!("\"{word}\": {value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(","))),
                prop::collection::vec(field, 0..5).prop_map(|all| format!("{{{}}}", all.join(","))),
            ]
        })
    }

    proptest! {
        /// Whatever comes is read or refused; what is read can be shown.
        #[test]
        fn no_body_is_too_strange(text in text()) {
            if let Ok(proxy) = ProxyBody::read(&text) {
                prop_assert!(!proxy.name.is_empty() && !proxy.upstream.is_empty());
                prop_assert!(proxy.toxics.is_empty());
            }
            let _ = ProxyBody::read_all(&text);
            let _ = ProxyChange::read(&text);
            let added = ToxicBody::read(&text).and_then(|body| Toxics::default().check(&body));
            if let Ok(toxic) = added {
                let shown = serde_json::to_value(&toxic).unwrap();
                prop_assert_eq!(shown["type"].as_str(), Some(toxic.attributes.kind().word()));
                if let Ok(change) = ToxicChange::read(&text) {
                    // The same body again changes nothing.
                    prop_assert_eq!(change.apply(&toxic), Ok(toxic));
                }
            }
        }

        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>) {
            let text = json::text(&bytes);
            let _ = ProxyBody::read_all(&text);
            let _ = ToxicBody::read(&text);
        }
    }
}
