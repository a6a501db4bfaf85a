//! The last output of a program: as much of its stderr as is worth keeping.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::lines::{Flood, MAX_OUTPUT};
use crate::plain;

/// How much is kept.
const KEPT: usize = 16 * 1024;

/// How much of it fits into a sentence.
const LINES: usize = 5;
/// The longest of these lines.
const WIDTH: usize = 200;

/// A cheap handle to the last bytes that were written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    /// Reads this pipe to the end, and keeps what came last.
    pub(crate) async fn follow(
        self,
        from: Option<impl AsyncRead + Unpin>,
        pipe: &'static str,
    ) -> Result<(), Flood> {
        let Some(mut from) = from else {
            return Ok(());
        };
        let mut buffer = vec![0; 4096];
        let mut read = 0;
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            self.keep(&buffer[..count]);
            read += count as u64;
            if read > MAX_OUTPUT {
                return Err(Flood { pipe });
            }
        }
        Ok(())
    }

    /// Adds to the end.
    pub(crate) fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(bytes);
        let beyond = kept.len().saturating_sub(KEPT);
        kept.drain(..beyond);
    }

    /// All that is kept, without what could play with a terminal.
    pub(crate) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = kept.iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        plain::bare(&text)
    }

    /// The last lines in a part of a sentence; empty if there are none.
    pub(crate) fn last_lines(&self) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let lines = lines.iter().filter(|line| !line.trim().is_empty());
        let mut last: Vec<String> = lines
            .rev()
            .take(LINES)
            .map(|line| line.chars().take(WIDTH).collect())
            .collect();
        last.reverse();
        match last[..] {
            [] => String::new(),
            _ => format!("; its last output: {}", last.join(" ⏎ ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept_and_only_what_can_be_shown() {
        let tail = Tail::default();
        assert_eq!(tail.last_lines(), "");
        for _ in 0..3 {
            tail.keep(&vec![b'x'; KEPT]);
        }
        assert_eq!(tail.text().len(), KEPT);
        tail.keep(b"\na\x1b[31mb\n\n\xff\xe2\x80\xae\xe2\x80\x8b\xc2\x9b\n");
        let words = tail.last_lines();
        assert!(words.ends_with("x ⏎ a[31mb ⏎ \u{fffd}"), "{words}");
        assert!(words.len() < LINES * (WIDTH + 10), "{}", words.len());
    }
}
