//! `${NAME}` in a configuration: taken from the environment.
//!
//! Pure. In a JSON string a value is escaped, so that it stays one; elsewhere it
//! is taken as it is, for numbers. `$${` is `${`.

use std::env::VarError;

/// More than this does not come of it, in bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit(pub(crate) usize);

/// The text with all names replaced.
///
/// # Errors
/// The first name that is not set, or is none; or too long a text.
pub(crate) fn expand(
    text: &str,
    Limit(limit): Limit,
    look_up: impl Fn(&str) -> Result<String, VarError>,
) -> Result<String, String> {
    let (mut expanded, mut rest, mut is_string) = (String::new(), text, false);
    while let Some(found) = rest.find(['$', '"', '\\']) {
        let (before, at) = rest.split_at(found);
        expanded += before;
        if let Some(after) = at.strip_prefix("${") {
            let (name, after) = split_name(after)?;
            let value = look_up(name).map_err(|error| unset(name, &error))?;
            expanded += &if is_string { escaped(&value) } else { value };
            rest = after;
        } else {
            let (taken, kept) = token(at, is_string);
            is_string ^= taken == "\"";
            expanded += kept;
            rest = &at[taken.len()..];
        }
        if expanded.len() > limit {
            return Err(format!("with its variables more than {limit} bytes"));
        }
    }
    Ok(expanded + rest)
}

/// What stands here that is no name, and what becomes of it.
fn token(at: &str, is_string: bool) -> (&str, &str) {
    if at.starts_with("$${") {
        return ("$${", "${");
    }
    let is_escape = is_string && (at.starts_with("\\\"") || at.starts_with("\\\\"));
    let taken = &at[..if is_escape { 2 } else { 1 }];
    (taken, taken)
}

fn split_name(after: &str) -> Result<(&str, &str), String> {
    let (name, rest) = after
        .split_once('}')
        .ok_or("`${` without `}`; `$${` is a `${` of its own")?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_name) {
        let shown: String = name.chars().take(40).collect();
        return Err(format!(
            "`${{{}}}` is no variable; `$${{` is a `${{` of its own",
            shown.escape_debug()
        ));
    }
    Ok((name, rest))
}

fn unset(name: &str, error: &VarError) -> String {
    let problem = match error {
        VarError::NotPresent => "is not set in the environment",
        VarError::NotUnicode(_) => "is not UTF-8",
    };
    format!("${{{name}}} {problem}")
}

/// As it stands between the quotes of a string.
fn escaped(value: &str) -> String {
    let quoted = serde_json::Value::from(value).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, String> {
        expand(text, Limit(100), |name| match name {
            "HOST" => Ok("db".to_owned()),
            "RATE" => Ok("10".to_owned()),
            "EVIL" => Ok("a\"},{\\".to_owned()),
            "EMPTY" => Ok(String::new()),
            "LONG" => Ok("x".repeat(60)),
            _ => Err(VarError::NotPresent),
        })
    }

    #[test]
    fn names_are_taken_from_the_environment() {
        let check = |text: &str, expect: &str| assert_eq!(with(text).as_deref(), Ok(expect));
        check("no names, $5 and }", "no names, $5 and }");
        check(
            r#"{"a": "${HOST}:5432", "r": ${RATE}}"#,
            r#"{"a": "db:5432", "r": 10}"#,
        );
        check(r#""${EMPTY}""#, r#""""#);
        check(r#""$${HOST} \" ${HOST}""#, r#""${HOST} \" db""#);
        check("${LONG}", &"x".repeat(60));
    }

    #[test]
    fn in_a_string_a_value_stays_in_it() {
        let text = with(r#"{"\\": "${EVIL}"}"#).unwrap();
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read["\\"], "a\"},{\\");
    }

    #[test]
    fn what_is_not_there_is_named() {
        let check = |text: &str, words: &str| {
            let error = with(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        };
        check("${MISSING}", "${MISSING} is not set in the environment");
        check("${", "without `}`");
        check("${}", "is no variable");
        check("${a b}", "`${a b}` is no variable");
        check("${LONG}${LONG}", "more than 100 bytes");
    }
}
