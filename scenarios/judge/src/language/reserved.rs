//! Keys that the language has and this program does not obey yet: told so, and
//! never passed over in silence.

use environment::text::Table;

/// Reports each of `keys` that the table has.
pub(super) fn refuse(table: &mut Table<'_>, keys: &[&'static str]) {
    for &key in keys {
        // Only then: it must not be listed among what is allowed.
        if table.has(key) {
            table.ignore(key);
            table.error(table.key_span(key), unavailable(key));
        }
    }
}

/// What is said of something that comes later.
pub(super) fn unavailable(what: &str) -> String {
    format!("`{what}` is not available yet")
}
