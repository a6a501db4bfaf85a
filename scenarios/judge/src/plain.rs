//! Text from elsewhere (journals, programs, files of others), made fit to be
//! shown: bounded, and without anything that a terminal obeys.

pub use environment::text::is_unseen;
use environment::text::shown;

/// What is said of what is no [folder's name](is_folder_name).
pub const NO_FOLDER_NAME: &str = "this is the name of a folder, too: 1 to 64 letters, digits, `-`, `_` or `.`, beginning with a letter or digit";

/// Whether a text is safe as the name of a folder, on every system.
pub fn is_folder_name(name: &str) -> bool {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins_well && name.len() <= 64 && name.chars().all(is_safe)
}

/// The text on one line, with what cannot be printed escaped.
pub fn line(text: &str, most: usize) -> String {
    shown(&clipped(text, most))
}

/// Likewise, but its lines stay lines.
pub fn lines(text: &str, most: usize) -> String {
    let text = clipped(text, most);
    let lines: Vec<String> = text.split('\n').map(shown).collect();
    lines.join("\n")
}

/// Likewise, but what cannot be seen is left out.
pub fn bare(text: &str) -> String {
    let is_seen = |c: &char| matches!(c, '\n' | '\t') || !is_unseen(*c);
    text.chars().filter(is_seen).collect()
}

/// The text with at most so many characters, the last of them `…` if it had
/// more.
pub fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept = text.chars().take(most.saturating_sub(1));
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_that_a_terminal_obeys_and_nothing_is_too_long() {
        assert_eq!(
            line("a `b` 'c'\n\u{1b}[31m\u{202e}", 99),
            "a `b` 'c'\\n\\u{1b}[31m\\u{202e}"
        );
        assert_eq!(lines("a\n\u{1b}b", 99), "a\n\\u{1b}b");
        assert_eq!(line(&"ä".repeat(9), 3), "ää…");
        assert_eq!(line("äää", 3), "äää");
    }
}
