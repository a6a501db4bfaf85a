//! TOML read so that every error is reported at once, each at its place.
//!
//! `serde` stops at the first error. Here a [`Document`] keeps what syntax
//! allows, and its [`Table`]s are asked key by key; whatever is wrong goes to
//! one [`Diagnostics`] and reading goes on.
//!
//! Invariant: for any text at all, reading ends, does not panic, and every
//! reported span lies within the text.
//!
//! ```
//! use environment::text::{Diagnostics, Document, Source};
//!
//! let source = Source::new("case.toml", "id = 'a'\nsed = 1\n");
//! let diagnostics = Diagnostics::new();
//! let document = Document::parse(&source, &diagnostics);
//! let mut root = document.root(&diagnostics);
//! let id: Option<String> = root.required("id");
//! let seed: Option<u64> = root.required("seed");
//! root.finish();
//! assert_eq!((id.as_deref(), seed), (Some("a"), None));
//! assert!(diagnostics.render(&source).starts_with("case.toml:2:1: unknown key `sed`\n"));
//! ```

mod diagnostics;
mod document;
mod figures;
mod render;
mod repair;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod units;
mod value;
mod words;

pub use diagnostics::{Diagnostic, Diagnostics};
pub use document::Document;
pub use figures::Figures;
pub use source::{Position, Source, Span};
pub use table::Table;
pub use units::{ByteSize, MAX_DURATION, Rate, SizeError, format_duration};
pub use value::{FromToml, Mismatch, Value, choice};
pub use words::{is_unseen, nearest, shown};
