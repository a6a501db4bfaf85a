//! A scenario's text, taken apart by its tables: what a search keeps of a base.
//!
//! Pure. The text has been read without an error before, so a line that begins
//! with `[` outside of a longer string begins a table.

/// What is kept.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Keys of the top that a search does not set itself.
    pub(super) top: Vec<String>,
    /// `[server]` with its own tables.
    pub(super) server: Vec<String>,
    /// `[clients]` with its own tables.
    pub(super) clients: Vec<String>,
    /// `[expect]`, a key with its lines each.
    pub(super) expect: Vec<(String, String)>,
    /// Each `[[action]]` with its head.
    pub(super) actions: Vec<String>,
    /// Whether the last key of the top is kept.
    keeps: bool,
}

/// Keys of the top that are kept.
const KEPT: [&str; 3] = ["start_within", "requires", "outcomes"];

impl Parts {
    pub(super) fn of(text: &str) -> Self {
        let mut parts = Self::default();
        let mut table = String::new();
        for (line, begins) in lines(text) {
            let bare = line.trim();
            if begins && bare.starts_with('[') {
                table = bare.split('#').next().unwrap_or_default().trim().to_owned();
                match table.as_str() {
                    "[server]" | "[clients]" | "[expect]" => continue,
                    "[[action]]" => parts.actions.push(String::new()),
                    _ => {}
                }
            }
            if bare.is_empty() || begins && bare.starts_with('#') {
                continue;
            }
            parts.add(&table, line, begins);
        }
        parts
    }

    fn add(&mut self, table: &str, line: &str, begins: bool) {
        let key = || line.split(['=', '.']).next().unwrap_or_default().trim();
        if table.is_empty() {
            if begins {
                self.keeps = KEPT.contains(&key());
            }
            if self.keeps {
                self.top.push(line.to_owned());
            }
        } else if table == "[server]" || table.starts_with("[server.") {
            self.server.push(line.to_owned());
        } else if table == "[clients]" || table.starts_with("[clients.") {
            self.clients.push(line.to_owned());
        } else if table == "[expect]" || table.starts_with("[expect.") {
            match self.expect.last_mut() {
                Some((_, lines)) if !begins => *lines += &format!("\n{line}"),
                _ => self.expect.push((key().to_owned(), line.to_owned())),
            }
        } else if let (true, Some(action)) = (
            table == "[[action]]" || table.starts_with("[action."),
            self.actions.last_mut(),
        ) {
            *action += &format!("{line}\n");
        }
    }
}

/// Each line, and whether it begins something: it is not within a value that goes
/// on from the line before.
fn lines(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let (mut quote, mut depth) = (None, 0_usize);
    text.lines().map(move |line| {
        let begins = quote.is_none() && depth == 0;
        let mut rest = line;
        let mut is_value = !begins;
        while let Some(c) = rest.chars().next() {
            let long = ["\"\"\"", "'''"].into_iter().find(|q| rest.starts_with(q));
            match (quote, long) {
                (Some(open), Some(close)) if open == close => {
                    (quote, rest) = (None, &rest[3..]);
                    continue;
                }
                (None, Some(open)) => {
                    (quote, rest) = (Some(open), &rest[3..]);
                    continue;
                }
                (Some(_), _) => {}
                (None, None) => match c {
                    '#' => break,
                    '=' => is_value = true,
                    '[' if is_value => depth += 1,
                    ']' if is_value => depth = depth.saturating_sub(1),
                    '"' | '\'' => {
                        rest = after_string(&rest[1..], c);
                        continue;
                    }
                    _ => {}
                },
            }
            rest = &rest[c.len_utf8()..];
        }
        (line, begins)
    })
}

/// Behind the end of a string on one line.
fn after_string(text: &str, quote: char) -> &str {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if quote == '"' => is_escaped = true,
            c if c == quote => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_taken_apart_by_its_tables() {
        let text = "id = 'x'\nwhy = \"\"\"\n[server]\n\"\"\"\nrequires = [\n  'pause',\n]\n\n[server] # ours\ntick = '1s'\n\
            data = { contains = '#' }\n[clients]\ncount = 3\n[clients.reconnect]\nfixed = { base = '1s' }\n\
            [[fault]]\nat = '1s'\ninject.reset = {}\n[[action]]\nat = '2s'\ndo = 'pause'\n[expect]\nmax_live = 1\n\
            max_dials = { count = 5, within = '2s' }\n[proof]\nflaw = 'no_jitter'\n";
        let parts = Parts::of(text);
        assert_eq!(parts.top, ["requires = [", "  'pause',", "]"]);
        assert_eq!(parts.server, ["tick = '1s'", "data = { contains = '#' }"]);
        let clients = [
            "count = 3",
            "[clients.reconnect]",
            "fixed = { base = '1s' }",
        ];
        assert_eq!(parts.clients, clients);
        assert_eq!(parts.actions, ["[[action]]\nat = '2s'\ndo = 'pause'\n"]);
        let keys: Vec<&str> = parts.expect.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["max_live", "max_dials"]);
    }
}
