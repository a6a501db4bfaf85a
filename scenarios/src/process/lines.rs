//! The lines that a program prints, within bounds.
//!
//! Invariant: a line longer than [`MAX_LINE`] is passed over without being
//! kept, and a program that prints more than [`MAX_OUTPUT`] in all is a flood.

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest line that is read, in bytes; a message of a client's may be long.
const MAX_LINE: usize = 256 * 1024;

/// The most that one program may write into a pipe, in bytes: a million messages
/// and more.
pub(super) const MAX_OUTPUT: u64 = 256 * 1024 * 1024;

/// More was printed than anybody needs to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it {}", self.what())]
pub struct Flood {
    /// Into which pipe.
    pub(super) pipe: &'static str,
}

impl Flood {
    /// What a program does, for a sentence that begins with it.
    pub(crate) fn what(self) -> String {
        let (pipe, most) = (self.pipe, MAX_OUTPUT >> 20);
        format!("floods its {pipe}: more than {most} MiB")
    }
}

/// Cuts what is read into lines.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    from: R,
    pipe: &'static str,
    chunk: Vec<u8>,
    /// What of the chunk has not been looked at.
    rest: std::ops::Range<usize>,
    line: Vec<u8>,
    is_too_long: bool,
    /// How much more may be read.
    left: u64,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// From this pipe of a program.
    pub(crate) fn new(from: R, pipe: &'static str) -> Self {
        Self {
            from,
            pipe,
            chunk: vec![0; 16 * 1024],
            rest: 0..0,
            line: Vec::new(),
            is_too_long: false,
            left: MAX_OUTPUT,
        }
    }

    /// The next line, without its end; `None` at the end. A line that was too
    /// long is empty. What has no line end at the end is a line.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Flood> {
        loop {
            if self.rest.is_empty() {
                let count = self.from.read(&mut self.chunk).await.unwrap_or_default();
                if count == 0 {
                    let last = self.take();
                    return Ok((!last.is_empty()).then_some(last));
                }
                self.left = self
                    .left
                    .checked_sub(count as u64)
                    .ok_or(Flood { pipe: self.pipe })?;
                self.rest = 0..count;
            }
            let rest = &self.chunk[self.rest.clone()];
            let end = rest.iter().position(|byte| *byte == b'\n');
            let part = &rest[..end.unwrap_or(rest.len())];
            if self.is_too_long || self.line.len() + part.len() > MAX_LINE {
                self.is_too_long = true;
                self.line = Vec::new();
            } else {
                self.line.extend_from_slice(part);
            }
            self.rest.start += part.len() + usize::from(end.is_some());
            if end.is_some() {
                return Ok(Some(self.take()));
            }
        }
    }

    fn take(&mut self) -> Vec<u8> {
        self.is_too_long = false;
        std::mem::take(&mut self.line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(text: &[u8]) -> Vec<usize> {
        let mut lines = Lines::new(text, "stdout");
        let mut lengths = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            lengths.push(line.len());
        }
        lengths
    }

    #[tokio::test]
    async fn lines_are_cut_and_those_too_long_are_empty() {
        assert_eq!(all(b"").await, [0_usize; 0]);
        assert_eq!(all(b"ab\n\nc").await, [2, 0, 1]);
        let mut long = vec![b'x'; MAX_LINE + 1];
        long.extend(b"\nab\n");
        assert_eq!(all(&long).await, [0, 2]);
        assert_eq!(all(&long[1..]).await, [MAX_LINE, 2]);
    }

    #[tokio::test]
    async fn a_flood_is_told_and_takes_no_memory() {
        let mut lines = Lines::new(tokio::io::repeat(b'x'), "stdout");
        let flood = lines.next().await.unwrap_err();
        assert!(lines.line.capacity() <= MAX_LINE);
        assert_eq!(flood.to_string(), "it floods its stdout: more than 256 MiB");
    }
}
