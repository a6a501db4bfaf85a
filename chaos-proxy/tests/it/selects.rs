//! A rule of the house that no lint knows: every `select!` is `biased`, or runs
//! would not repeat.

use std::fs;
use std::path::Path;

fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir()
            && !name.starts_with('.')
            && !matches!(name.as_str(), "target" | "node_modules")
        {
            sources(&path, found);
        } else if name.ends_with(".rs") {
            found.push((
                path.display().to_string(),
                fs::read_to_string(&path).unwrap(),
            ));
        }
    }
}

/// The text after each `select!` that is not biased. What comments show is for
/// external programs.
fn unbiased(source: &str) -> Vec<&str> {
    let opening = concat!("select", "! {");
    let is_comment = |before: &str| {
        let line = before.rsplit('\n').next().unwrap_or(before);
        line.trim_start().starts_with("//")
    };
    let befores = source.split(opening).map(is_comment);
    let uses = source.split(opening).skip(1).zip(befores);
    let uses = uses
        .filter(|(_, is_comment)| !is_comment)
        .map(|(body, _)| body);
    uses.filter(|body| !body.trim_start().starts_with("biased;"))
        .map(|body| body.lines().nth(1).unwrap_or(""))
        .collect()
}

#[test]
fn every_select_is_biased() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut found = Vec::new();
    sources(root, &mut found);
    let uses: usize = found
        .iter()
        .map(|(_, text)| text.matches(concat!("select", "! {")).count())
        .sum();
    assert!(uses > 3, "the test sees no sources");
    for (path, text) in &found {
        assert_eq!(unbiased(text), Vec::<&str>::new(), "{path}");
    }
}

#[test]
fn an_unbiased_select_is_found() {
    let source = concat!("tokio::select", "! {\n    a = b => c,\n}");
    assert_eq!(unbiased(source), ["    a = b => c,"]);
}
