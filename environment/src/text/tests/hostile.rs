//! Large, random and mutated files.
//!
//! Invariant tested: no text panics, points outside of itself, or costs more than
//! time in proportion to its size.

use super::*;
use proptest::prelude::*;

/// A hostile file must cost time in proportion to its size: with quadratic
/// work these would take hours.
#[test]
fn large_hostile_files_are_read_in_linear_time() {
    let size = 1 << 18;
    let fill = |piece: &str| piece.repeat(size / piece.len());
    let numbered: String = (0..20_000).map(|i| format!("seed{i} = 1\n")).collect();
    let all = [
        fill("=\n"),
        fill("[[fault]]\n"),
        fill("[1\n"),
        fill("[a\n"),
        fill("k\n"),
        fill("x = {\n"),
        fill("a."),
        fill("["),
        format!("cases = [{}]", fill("'x',")),
        format!("{} = 1", fill("x")),
        numbered,
    ];
    for text in all {
        let (source, diagnostics) = diagnose(&text);
        assert!(diagnostics.render(&source).len() < 100_000);
    }
}

#[test]
fn a_file_beyond_the_limit_is_not_parsed() {
    let text = "#".repeat(Document::MAX_BYTES + 1);
    assert_snapshot!(places(&text).lines().next().unwrap_or_default(), @"case.toml:1:1: the file has 1048577 bytes, more than 1048576");
}

/// Pieces that syntax is made of, to reach deeper than random characters do.
const PIECES: &[&str] = &[
    "=",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    ".",
    ",",
    "\n",
    "\r",
    "\"",
    "'''",
    "#",
    "é",
    "\u{0}",
    "-1",
    "nan",
    "0x",
    "1e999",
    "1979-05-27",
    "seed",
    "fault",
    "[fault]\n",
    "\"1s\"",
    "日",
    "\u{feff}",
    "\\u",
    "inject.drop = {}\n",
    "\t",
];

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        proptest::sample::select(PIECES).prop_map(str::to_owned),
        ".{0,3}"
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_text_panics_and_every_span_lies_within(
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0_usize..9, piece()), 1..8),
    ) {
        let mut chars: Vec<char> = GOOD.chars().collect();
        for (at, removed, piece) in edits {
            let at = at.index(chars.len() + 1);
            let end = (at + removed).min(chars.len());
            chars.splice(at..end, piece.chars());
        }
        let text: String = chars.into_iter().collect();
        let (source, diagnostics) = diagnose(&text);
        for diagnostic in diagnostics.sorted() {
            prop_assert!(diagnostic.span.start <= diagnostic.span.end);
            prop_assert!(diagnostic.span.end <= text.len());
            prop_assert!(text.get(diagnostic.span).is_some());
        }
        let rendered = diagnostics.render(&source);
        prop_assert!(!rendered.contains(|c: char| c.is_control() && c != '\n'));
        prop_assert!(rendered.lines().filter(|l| l.contains(" | ")).all(|l| l.chars().count() < 250));
    }

    #[test]
    fn soup_does_not_panic(pieces in proptest::collection::vec(piece(), 0..40)) {
        diagnose(&pieces.concat());
    }
}
