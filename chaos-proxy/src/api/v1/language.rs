//! A rule in JSON: a `[[fault]]` table of the scenario language, key for key.
//!
//! Pure. The JSON is written as TOML and read by the reader of scenario files,
//! so there is one language with one set of words, and every error is found.

use std::time::Duration;

use environment::text::{Diagnostics, Document, Source};
use serde_json::{Map, Value};

use super::super::toxiproxy::NAME_LIMIT;
use crate::rule::{Reading, Rule, When, read_rules};

/// What was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RuleBody {
    /// Of which proxy; not needed where there is one.
    pub(crate) proxy: Option<String>,
    /// Who asks.
    pub(crate) owner: String,
    /// How long the rule is there.
    pub(crate) lasting: Option<Duration>,
    /// The rule.
    pub(crate) rule: Rule,
    /// As it was given.
    pub(crate) given: Value,
}

/// Whose a rule is that does not say.
const NOBODY: &str = "api";
/// Longer names are errors.
const LONGEST: usize = NAME_LIMIT;

impl RuleBody {
    /// Reads a body; `name` is the rule's, where the path says it.
    ///
    /// # Errors
    /// Every error in it.
    pub(crate) fn read(text: &[u8], name: Option<&str>) -> Result<Self, Vec<String>> {
        let read = serde_json::from_slice::<Map<String, Value>>(text);
        let mut table = read.map_err(|error| vec![format!("not a JSON object: {error}")])?;
        let given = Value::Object(table.clone());
        let mut mistakes = Vec::new();
        let mut word = |table: &mut Map<String, Value>, key: &str| {
            let word = take_word(table, key);
            word.unwrap_or_else(|mistake| {
                mistakes.push(mistake);
                None
            })
        };
        let proxy = word(&mut table, "proxy");
        let owner = word(&mut table, "owner");
        let ttl = word(&mut table, "ttl");
        let ttl = ttl.map(|ttl| duration(&ttl)).transpose();
        let ttl = ttl.unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            None
        });
        mistakes.extend(about_time(&mut table));
        if let Some(name) = name {
            table.insert("name".to_owned(), Value::from(name));
        }
        let rule = read_table(&table).map_err(|found| mistakes.extend(found));
        match rule {
            Ok(rule) if mistakes.is_empty() => Ok(Self {
                proxy,
                owner: owner.unwrap_or_else(|| NOBODY.to_owned()),
                lasting: ttl.into_iter().chain(window(&rule)).min(),
                rule,
                given,
            }),
            _ => Err(mistakes),
        }
    }
}

fn take_word(table: &mut Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match table.remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(word)) if !word.is_empty() && word.len() <= LONGEST => Ok(Some(word)),
        Some(_) => Err(format!("`{key}` must be a string of 1 to {LONGEST} bytes")),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime_like(text) {
        Some(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(format!(
            "`ttl`: `{text}` is no length of time, such as \"10s\""
        )),
    }
}

/// By the reader of scenario files, so that both read the same.
fn humantime_like(text: &str) -> Option<Duration> {
    let source = Source::new("ttl", format!("ttl = {}", toml(&Value::from(text))));
    let diagnostics = Diagnostics::new();
    let duration = {
        let document = Document::parse(&source, &diagnostics);
        document.root(&diagnostics).optional::<Duration>("ttl")
    };
    duration.filter(|_| diagnostics.is_empty())
}

/// A rule that is added acts now, or waits for a connection: times after t = 0
/// are for files.
fn about_time(table: &mut Map<String, Value>) -> Vec<String> {
    let mistakes = ["at", "every", "until"]
        .into_iter()
        .filter(|key| table.contains_key(*key))
        .map(|key| {
            format!(
                "`{key}` is for scenario files: a rule that is added acts now, or waits with `on`"
            )
        })
        .collect();
    if !table.contains_key("on") {
        table.insert("at".to_owned(), Value::from("0s"));
    }
    mistakes
}

/// `for` on a rule that acts now is as good as a `ttl`.
fn window(rule: &Rule) -> Option<Duration> {
    match rule.when {
        When::Timed { lasting, .. } => lasting,
        When::On { .. } => None,
    }
}

fn read_table(table: &Map<String, Value>) -> Result<Rule, Vec<String>> {
    let mut text = "[[fault]]\n".to_owned();
    for (key, value) in table.iter().filter(|(_, value)| !value.is_null()) {
        text += &format!("{} = {}\n", toml(&Value::from(key.as_str())), toml(value));
    }
    let source = Source::new("rule", text);
    let diagnostics = Diagnostics::new();
    let reading = Reading {
        is_shared: true,
        ..Reading::default()
    };
    let mut rules = {
        let document = Document::parse(&source, &diagnostics);
        let mut root = document.root(&diagnostics);
        read_rules(root.tables("fault"), reading)
    };
    match rules.pop() {
        Some(rule) if diagnostics.is_empty() => Ok(rule),
        _ => Err(messages(&diagnostics)),
    }
}

fn messages(diagnostics: &Diagnostics) -> Vec<String> {
    let mut messages = Vec::new();
    for diagnostic in diagnostics.sorted() {
        let mut message = diagnostic.message;
        for more in diagnostic.label.iter().chain(&diagnostic.help) {
            message += &format!(" ({more})");
        }
        messages.push(message);
    }
    messages
}

/// A value as TOML, on one line.
fn toml(value: &Value) -> String {
    match value {
        Value::Null => "\"\"".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        // JSON's strings are TOML's, but for this one character.
        Value::String(_) => value.to_string().replace('\u{7f}', "\\u007f"),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(toml).collect();
            format!("[{}]", values.join(", "))
        }
        Value::Object(table) => {
            let entry = |(key, value): (&String, &Value)| {
                format!("{} = {}", toml(&Value::from(key.as_str())), toml(value))
            };
            let entries: Vec<String> = table
                .iter()
                .filter(|(_, value)| !value.is_null())
                .map(entry)
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Fault, Way};
    use crate::rule::Target;

    fn read(text: &str) -> Result<RuleBody, Vec<String>> {
        RuleBody::read(text.as_bytes(), None)
    }

    #[test]
    fn a_fault_table_is_a_rule() {
        let body = read(
            r#"{"proxy": "db", "owner": "me", "ttl": "10s", "name": "lag \"1\"",
                "probability": 0.5, "target": {"clients": ["a", "ü"]},
                "inject": {"stall": {"direction": "upstream"}}}"#,
        )
        .unwrap();
        assert_eq!(body.proxy.as_deref(), Some("db"));
        assert_eq!(body.owner, "me");
        assert_eq!(body.lasting, Some(Duration::from_secs(10)));
        assert_eq!(body.rule.name, "lag \"1\"");
        assert_eq!(body.rule.probability, Some(0.5));
        let clients = ["a".to_owned(), "ü".to_owned()].into();
        assert_eq!(body.rule.target, Target::Clients(clients));
        assert_eq!(body.rule.fault, Fault::Stall(Way::Upstream));
        let waits = read(r#"{"on": {"attempt": "2.."}, "inject": {"reset": {}}}"#).unwrap();
        assert!(matches!(waits.rule.when, When::On { .. }));
        assert_eq!(
            (waits.rule.name.as_str(), waits.owner.as_str()),
            ("reset", "api")
        );
        let brief = read(r#"{"for": "3s", "inject": {"refuse": {}}}"#).unwrap();
        assert_eq!(brief.lasting, Some(Duration::from_secs(3)));
    }

    #[test]
    fn every_mistake_is_told() {
        let mistakes = read(
            r#"{"ttl": "soon", "owner": 7, "at": "3s", "inject": {"stal": {}}, "probability": 2, "x": 1}"#,
        )
        .unwrap_err()
        .join("\n");
        for words in [
            "`ttl`: `soon` is no length of time",
            "`owner` must be a string",
            "`at` is for scenario files",
            "did you mean `stall`",
            "2 is not possible here",
            "`x`",
        ] {
            assert!(mistakes.contains(words), "{words:?} is not in {mistakes}");
        }
        for text in ["", "[]", "{", "nonsense", "{\"inject\": 5}", "{}"] {
            assert!(!read(text).unwrap_err().is_empty(), "{text}");
        }
    }

    #[test]
    fn what_is_given_cannot_leave_its_place() {
        let name = r#"\" }\n[[fault]]\n\u007f"#;
        let text = format!("{{\"name\": \"{name}\", \"inject\": {{\"reset\": {{}}}}}}");
        // A name is one line; whatever it is, it is one name.
        assert!(read(&text).is_err());
        let text = r#"{"a\"b = 1\n": 1, "inject": {"reset": {}}}"#;
        assert_eq!(read(text).unwrap_err().len(), 1);
    }
}
