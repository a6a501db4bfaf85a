//! What custom clients are told besides where to dial: arguments and
//! variables, so that one adapter serves several configurations of a library.

use environment::text::{FromToml, Table};

/// Added to what an adapter says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientOptions {
    /// Behind its command's own arguments.
    pub args: Vec<String>,
    /// Variables of its environment; of two by one name the later counts.
    pub env: Vec<(String, String)>,
}

impl ClientOptions {
    /// Reads `args` and `env` of the `[clients]` table; errors are reported there.
    pub(super) fn read(table: &mut Table<'_>) -> Self {
        let args = table.spanned::<Vec<String>>("args");
        let args = args.map(|(args, span)| {
            if args.iter().any(|arg| arg.contains('\0')) {
                table.error(span, "a word cannot hold a NUL");
            }
            args
        });
        Self {
            args: args.unwrap_or_default(),
            env: table.table("env").map(read_env).unwrap_or_default(),
        }
    }
}

fn read_env(mut table: Table<'_>) -> Vec<(String, String)> {
    let entries: Vec<_> = table.entries().collect();
    let read = entries.into_iter().filter_map(|(name, span, value)| {
        let place = value.span();
        let value = String::from_toml(value).map_err(|problem| {
            table.diagnostics().mismatch(problem);
        });
        let value = value.ok()?;
        if let Err(message) = check_variable(name, &value) {
            let is_about_value = check_variable(name, "").is_ok();
            table.error(if is_about_value { place } else { span }, message);
            return None;
        }
        Some((name.to_owned(), value))
    });
    read.collect()
}

/// Whether a program can be given this variable.
///
/// # Errors
/// What is wrong with it.
pub fn check_variable(name: &str, value: &str) -> Result<(), String> {
    let shown = name.escape_debug();
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!("`{shown}` is no name of a variable"));
    }
    if name.starts_with("CHAOS_") {
        return Err(format!(
            "`{shown}` begins with CHAOS_, as those do that the harness gives"
        ));
    }
    if value.contains('\0') {
        return Err(format!("the value of `{shown}` holds a NUL"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::language::sample::{sound, wrong};

    const SMALL: &str = "id = 'x'\nduration = '4s'\n[expect]\nmax_live = 1\n[clients]\n";

    #[test]
    fn arguments_and_variables_are_read_and_what_cannot_be_given_is_told() {
        let scenario = sound(&format!(
            "{SMALL}args = ['--ping', '5']\nenv = {{ A = 'b' }}\n"
        ));
        let options = scenario.client_options;
        assert_eq!(options.args, ["--ping", "5"]);
        assert_eq!(options.env, [("A".to_owned(), "b".to_owned())]);
        for (text, begins) in [
            (
                "env = { CHAOS_URL = 'x' }",
                "x.toml:6:9: `CHAOS_URL` begins with CHAOS_",
            ),
            ("env = { 'a=b' = 'x' }", "x.toml:6:9: `a=b` is no name"),
            ("env = { A = 1 }", "x.toml:6:13: expected a string"),
            ("args = \"x\"", "x.toml:6:8: expected an array"),
            (
                "args = [\"\\u0000\"]",
                "x.toml:6:8: a word cannot hold a NUL",
            ),
        ] {
            wrong(&format!("{SMALL}{text}\n"), begins);
        }
    }
}
