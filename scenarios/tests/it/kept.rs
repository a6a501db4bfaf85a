//! Parts of pages that are made from what there is: written where `UPDATE_README`
//! is set, and compared everywhere else. Tests of other crates have this file, too.

use std::path::Path;

/// The page with what stands between the marks of a name put anew.
pub(crate) fn replaced(page: &str, name: &str, made: &str) -> String {
    let mark = format!("<!-- generated: {name} -->\n");
    let begin = page.find(&mark).unwrap_or_else(|| panic!("no {mark}")) + mark.len();
    let end = begin + page[begin..].find("<!-- end -->").unwrap();
    format!("{}\n{made}\n{}", &page[..begin], &page[end..])
}

/// Holds a page to what is made, or writes it, where that is asked for.
pub(crate) fn keep(path: &Path, found: &str, made: &str) {
    if std::env::var_os("UPDATE_README").is_some() {
        std::fs::write(path, made).unwrap();
    } else if found != made {
        panic!(
            "{} is not what there is; UPDATE_README=1 with the same test writes it",
            path.display()
        );
    }
}

/// Holds a program's part of the page of command lines to the help that it prints.
pub(crate) fn keep_help(name: &str, help: &[String]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference/cli.md");
    let found = std::fs::read_to_string(&path).unwrap();
    let blocks = help.iter();
    let made: String = blocks
        .map(|text| format!("```text\n{}\n```\n\n", text.trim_end()))
        .collect();
    keep(
        &path,
        &found,
        &replaced(&found, name, made.trim_end()).replace("```\n<!-- end", "```\n\n<!-- end"),
    );
}
