//! Words in messages: quoted, listed, or guessed from a misspelling.
//!
//! Invariant: nothing taken from the file reaches a terminal unescaped or at
//! full length, because the file may be hostile.

use std::collections::BTreeSet;

/// Longest text from the file that a message repeats, in characters.
const QUOTED: usize = 40;

/// Longest word for which a near spelling is sought, in bytes: the search is
/// quadratic in the length, and no known word is near to a longer one.
const GUESSED: usize = 64;

/// Columns that a tab takes: fixed, so that the caret below stays aligned.
const TAB: &str = "    ";

/// Appends one character as it can be shown; returns the columns it takes.
pub(super) fn show(c: char, out: &mut String) -> usize {
    match c {
        '\t' => {
            out.push_str(TAB);
            TAB.len()
        }
        '\'' | '"' | '\\' => {
            out.push(c);
            1
        }
        _ => {
            // Standard escapes cover control, format and combining characters.
            let escaped = c.escape_debug();
            let count = escaped.len();
            out.extend(escaped);
            if count == 1 { columns(c) } else { count }
        }
    }
}

/// Whether a character shows nothing and changes how others are shown or read:
/// control characters, those that turn the direction of text (UAX #9), those of
/// no width, and what is no character at all.
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
        || u32::from(c) & 0xfffe == 0xfffe
}

/// The text on one line, with everything unprintable escaped.
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        show(c, &mut out);
    }
    out
}

/// A text from the file between backticks, escaped and shortened.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("`");
    let mut rest = text.chars();
    for c in rest.by_ref().take(QUOTED) {
        show(c, &mut out);
    }
    if rest.next().is_some() {
        out.push('…');
    }
    out.push('`');
    out
}

/// `a, b, c`, sorted and without repetition.
pub(super) fn listed<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let sorted: BTreeSet<&str> = words.into_iter().collect();
    Vec::from_iter(sorted).join(", ")
}

/// The known word that `given` most likely means, if one is near.
///
/// Near means: wrong in at most a third of its letters, case apart.
pub fn nearest<'w>(given: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    if given.len() > GUESSED {
        return None;
    }
    let lower = given.to_lowercase();
    let near = |word: &'w str| {
        let distance = strsim::damerau_levenshtein(&lower, &word.to_lowercase());
        let length = given.chars().count().max(word.chars().count());
        (distance <= length / 3).then_some((distance, word))
    };
    known.into_iter().filter_map(near).min().map(|(_, w)| w)
}

/// "did you mean `x`?" for [`nearest`].
pub(super) fn did_you_mean<'w>(
    given: &str,
    known: impl IntoIterator<Item = &'w str>,
) -> Option<String> {
    nearest(given, known).map(|word| format!("did you mean `{word}`?"))
}

/// Columns of a printable character: 2 for the common wide blocks.
fn columns(c: char) -> usize {
    let wide = matches!(u32::from(c),
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1F64F | 0x1F680..=0x1F6FF | 0x1F900..=0x1F9FF | 0x20000..=0x3FFFD);
    if wide { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_spellings() {
        let known = ["seed", "case", "duration", "id", "drop"];
        let guess = |word| nearest(word, known);
        assert_eq!(guess("sed"), Some("seed"));
        assert_eq!(guess("SEED"), Some("seed"));
        assert_eq!(guess("durtaion"), Some("duration"));
        assert_eq!(guess("dorp"), Some("drop"));
        assert_eq!(guess("ix"), None);
        assert_eq!(guess("target"), None);
        assert_eq!(guess(""), None);
        assert_eq!(guess(&"x".repeat(1_000_000)), None);
    }

    #[test]
    fn what_a_terminal_obeys_is_unseen_and_letters_are_not() {
        let unseen = "\0\t\n\r\u{7f}\u{1b}\u{9b}\u{202e}\u{2066}\u{2069}\u{200b}\u{200d}\u{feff}\u{ffff}\u{1fffe}";
        assert!(unseen.chars().all(is_unseen));
        assert!(!"aä😀 \u{301}×…漢א".chars().any(is_unseen));
        // Whatever is unseen is escaped where text is shown.
        let all = (0..=u32::from(char::MAX)).filter_map(char::from_u32);
        let hidden = all.filter(|c| is_unseen(*c) && *c != '\t');
        for c in hidden {
            let shown = shown(&c.to_string());
            assert!(shown.starts_with('\\'), "{c:?}");
        }
    }

    #[test]
    fn hostile_words_are_escaped_and_cut() {
        assert_eq!(
            quoted("a\u{1b}[31m\u{202e}b\n"),
            r"`a\u{1b}[31m\u{202e}b\n`"
        );
        assert_eq!(quoted(&"é".repeat(99)), format!("`{}…`", "é".repeat(40)));
        assert_eq!(shown(r#"it's "a\b""#), r#"it's "a\b""#);
    }
}
