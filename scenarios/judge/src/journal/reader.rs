//! A journal, read back.
//!
//! Invariant: what is no journal is told by file and line, and no file takes
//! more memory than a journal may have. Used to judge a run again.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use super::codec::{decode_header, decode_line};
use super::entry::{Entry, Header, MAX_ENTRIES};
use super::order::Order;
use crate::plain;

/// The longest line, in bytes: many times what any entry has.
const MAX_LINE: u64 = 1024 * 1024;

/// The longest of what is said about a line, in characters: it may repeat what
/// stands there.
const MAX_PROBLEM: usize = 300;

/// The most lines: all entries, the header, and the marks of a run that was
/// broken off for having too many.
const MAX_LINES: usize = MAX_ENTRIES + 16;

/// A file that is no journal, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system says no.
    #[error("journal {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A pipe, a device, a folder.
    #[error("journal {}: this is not a file", .0.display())]
    Strange(PathBuf),
    /// One of its lines is none of a journal.
    #[error("journal {}:{line}: {problem}", path.display())]
    Line {
        /// Which.
        path: PathBuf,
        /// The line's number, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// Reads a whole journal, which stands at `path`.
///
/// # Errors
/// The first line that is none of a journal. A last line that was cut off is
/// one, too; a journal that ends with a whole line before the run does is read
/// as what it is.
pub fn read(path: &Path, mut file: impl BufRead) -> Result<(Header, Vec<Entry>), ReadError> {
    let failed = |source| ReadError::Io {
        path: path.to_owned(),
        source,
    };
    let (mut header, mut entries, mut order) = (None, Vec::new(), Order::default());
    for line in 1.. {
        let wrong = |problem: String| ReadError::Line {
            path: path.to_owned(),
            line,
            problem: plain::line(&problem, MAX_PROBLEM),
        };
        let mut bytes = Vec::new();
        let limited = &mut (&mut file).take(MAX_LINE);
        if limited.read_until(b'\n', &mut bytes).map_err(failed)? == 0 {
            break;
        }
        if line > MAX_LINES {
            return Err(wrong(format!("a journal has at most {MAX_LINES} lines")));
        }
        let text = whole(&bytes).map_err(wrong)?;
        if header.is_none() {
            header = Some(decode_header(text).map_err(|error| wrong(error.to_string()))?);
        } else {
            let entry = decode_line(text).map_err(|error| wrong(cut_off(&bytes, error)))?;
            order.see(&entry).map_err(wrong)?;
            entries.push(entry);
        }
    }
    let header = header.ok_or_else(|| ReadError::Line {
        path: path.to_owned(),
        line: 1,
        problem: "the journal is empty".to_owned(),
    })?;
    Ok((header, entries))
}

/// The text of a line without its end.
fn whole(bytes: &[u8]) -> Result<&str, String> {
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    if bytes.len() as u64 == MAX_LINE && line.len() == bytes.len() {
        return Err(format!("a line of {MAX_LINE} bytes or more"));
    }
    str::from_utf8(line).map_err(|error| format!("not UTF-8 from byte {} on", error.valid_up_to()))
}

/// Says so of a line that has no end.
fn cut_off(bytes: &[u8], error: String) -> String {
    if bytes.ends_with(b"\n") {
        error
    } else {
        format!("the line is cut off: {error}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Mark, encode_header, encode_line};
    use crate::language::sample;
    use environment::Moment;

    fn header() -> Header {
        sample::header(&sample::scenario("[expect]\nmax_live = 1\n"))
    }

    fn journal() -> String {
        let marks = [Mark::Started, Mark::TZero];
        let lines = marks.map(|mark| encode_line(&Entry::mark(Moment::ORIGIN, mark)) + "\n");
        encode_header(&header()) + "\n" + &lines.concat()
    }

    fn read_bytes(bytes: &[u8]) -> Result<(Header, Vec<Entry>), String> {
        read(Path::new("j"), bytes).map_err(|error| error.to_string())
    }

    #[track_caller]
    fn wrong(bytes: &[u8], begins: &str) {
        let error = read_bytes(bytes).unwrap_err();
        assert!(error.starts_with(begins), "{error}");
    }

    #[test]
    fn whole_lines_are_read_wherever_they_end() {
        let text = journal();
        let (read, entries) = read_bytes(text.as_bytes()).unwrap();
        assert_eq!((read, entries.len()), (header(), 2));
        let (_, entries) = read_bytes(text.trim_end().as_bytes()).unwrap();
        assert_eq!(entries.len(), 2);
        let first = text.lines().next().unwrap();
        assert!(read_bytes(first.as_bytes()).unwrap().1.is_empty());
    }

    #[test]
    fn a_line_that_is_cut_off_is_told() {
        let text = journal();
        wrong(
            &text.as_bytes()[..text.len() - 4],
            "journal j:3: the line is cut off: EOF while parsing",
        );
        wrong(
            &text.as_bytes()[..20],
            "journal j:1: this is not the header of a journal: EOF",
        );
    }

    #[test]
    fn what_is_no_journal_is_told_at_its_line() {
        let text = journal();
        let newer = text.replace("\"version\":2", "\"version\":9");
        wrong(b"", "journal j:1: the journal is empty");
        wrong(
            newer.as_bytes(),
            "journal j:1: format `chaos-journal`, version 9; this program reads `chaos-journal`, version 2",
        );
        wrong(b"hello\n", "journal j:1: this is not the header");
        wrong(b"\xff\n", "journal j:1: not UTF-8 from byte 0 on");
        wrong(
            (text.clone() + "{}\n").as_bytes(),
            "journal j:4: missing field `t_us`",
        );
        wrong(
            (text.clone() + "\n").as_bytes(),
            "journal j:4: EOF while parsing",
        );
        let long = text + &" ".repeat(1024 * 1024);
        wrong(
            long.as_bytes(),
            "journal j:4: a line of 1048576 bytes or more",
        );
    }
}
