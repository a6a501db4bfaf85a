//! `chaos faults` and `chaos checks`: what there is, in a line each, or all of one.
//!
//! What is said comes from the schema, which the decoder is held to by a test, and
//! the examples from the reference, which are read by another.

use serde_json::Value;

use chaos_judge::plain;
use chaos_proxy::ELSEWHERE;
use environment::text::nearest;

use super::EXIT_USAGE;
use super::args::NameArgs;
use super::files::SCHEMA;
use super::output::{complain, print_all};

const FAULT_EXAMPLES: &str = include_str!("../../../docs/reference/faults.md");
const CHECK_EXAMPLES: &str = include_str!("../../../docs/reference/checks.md");

/// Something of which there are several, each with its table in the schema.
struct Kind {
    /// In a sentence, of one.
    noun: &'static str,
    /// Where the table of all stands in the schema.
    pointer: &'static str,
    /// How one is written before its name.
    prefix: &'static str,
    /// The page of the reference that has an example of each.
    examples: &'static str,
}

const FAULTS: Kind = Kind {
    noun: "fault",
    pointer: "/$defs/fault/properties/inject/properties",
    prefix: "inject.",
    examples: FAULT_EXAMPLES,
};
const CHECKS: Kind = Kind {
    noun: "check",
    pointer: "/$defs/expect/properties",
    prefix: "",
    examples: CHECK_EXAMPLES,
};

pub(super) fn faults(args: &NameArgs) -> u8 {
    FAULTS.tell(args.name.as_deref())
}

pub(super) fn checks(args: &NameArgs) -> u8 {
    CHECKS.tell(args.name.as_deref())
}

impl Kind {
    fn tell(&self, name: Option<&str>) -> u8 {
        let schema: Value = serde_json::from_str(SCHEMA).expect("the schema is JSON, by a test");
        let all = schema.pointer(self.pointer).and_then(Value::as_object);
        let all = all.expect("the schema has the table, by a test");
        let Some(name) = name else {
            let names = all.keys().map(String::len);
            let width = names.max().unwrap_or_default();
            let line = |(name, table): (&String, &Value)| {
                format!(
                    "{name:<width$}  {}\n",
                    first_sentence(meaning(&schema, table))
                )
            };
            let more = format!("\n`chaos {}s NAME` shows one.\n", self.noun);
            return print_all(all.iter().map(line).collect::<String>() + &more);
        };
        match all.get(name.strip_prefix("inject.").unwrap_or(name)) {
            Some(table) => print_all(self.page(&schema, name, table)),
            None => self.unknown(name, all.keys().map(String::as_str)),
        }
    }

    /// All that there is to say of one.
    fn page(&self, schema: &Value, name: &str, table: &Value) -> String {
        let mut text = format!("{name}: {}\n", meaning(schema, table));
        let examples = self.examples(name);
        if !examples.is_empty() {
            text += "\nFor example:\n";
            examples
                .iter()
                .for_each(|line| text += &format!("  {line}\n"));
        }
        let table = resolved(schema, table);
        let keys = table.get("properties").and_then(Value::as_object);
        let required = table.get("required").and_then(Value::as_array);
        for (key, value) in keys.into_iter().flatten() {
            let is_needed = required.is_some_and(|keys| keys.iter().any(|one| one == key));
            let needed = if is_needed { ", needed" } else { "" };
            let default = value
                .get("default")
                .map(|value| format!("; {value} by default"));
            let (form, default) = (form(schema, value), default.unwrap_or_default());
            text += &format!(
                "\n{key}  ({form}{needed}{default})\n  {}\n",
                meaning(schema, value)
            );
        }
        text
    }

    /// How it stands in a file.
    fn examples(&self, name: &str) -> Vec<&'static str> {
        let begin = format!("{}{name} = ", self.prefix);
        let lines = self.examples.lines().map(str::trim);
        lines
            .filter(|line| line.starts_with(&begin))
            .take(3)
            .collect()
    }

    fn unknown<'a>(&self, name: &str, known: impl Iterator<Item = &'a str>) -> u8 {
        let noun = self.noun;
        let shown = plain::line(name, 60);
        let nearest = nearest(name, known);
        let elsewhere = ELSEWHERE.iter().find(|(word, _)| *word == name);
        let help = match (elsewhere, nearest) {
            (Some((_, ours)), _) => format!("here that is {ours}"),
            (None, Some(nearest)) => format!("did you mean `{nearest}`?"),
            (None, None) => format!("`chaos {noun}s` lists them"),
        };
        complain(&format!("chaos: there is no {noun} `{shown}`; {help}"));
        EXIT_USAGE
    }
}

fn resolved<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value.get("$ref").and_then(Value::as_str);
    let pointer = reference.and_then(|reference| reference.strip_prefix('#'));
    pointer
        .and_then(|pointer| schema.pointer(pointer))
        .unwrap_or(value)
}

/// What stands beside it, else beside what it refers to.
fn meaning<'a>(schema: &'a Value, value: &'a Value) -> &'a str {
    let own = value.get("description");
    let described = own.or_else(|| resolved(schema, value).get("description"));
    described.and_then(Value::as_str).unwrap_or_default()
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ")
        .map_or(text, |(first, _)| first)
        .trim_end_matches('.')
}

/// How a value is written, in a few words.
fn form(schema: &Value, value: &Value) -> String {
    let value = resolved(schema, value);
    if let Some(title) = value.get("title").and_then(Value::as_str) {
        return title.to_owned();
    }
    if let Some(words) = value.get("enum").and_then(Value::as_array) {
        let words: Vec<String> = words.iter().map(Value::to_string).collect();
        return words.join(" ");
    }
    if let Some(each) = value.get("oneOf").and_then(Value::as_array) {
        let forms: Vec<String> = each.iter().map(|one| form(schema, one)).collect();
        return forms.join(" or ");
    }
    if let Some(only) = value.get("const") {
        return only.to_string();
    }
    match value.get("type").and_then(Value::as_str) {
        Some("object") => "table".to_owned(),
        Some("array") => "list".to_owned(),
        Some(other) => other.to_owned(),
        None => "value".to_owned(),
    }
}
