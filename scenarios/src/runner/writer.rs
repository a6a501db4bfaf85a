//! Brings a recorder's entries to disk while the run goes on.
//!
//! Invariant: the file is a prefix of the journal and ends with a whole line
//! whenever nobody is in the middle of a write, also after an interrupt. The
//! first error ends the writing and breaks the recorder.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use environment::Clock;
use tokio_util::sync::CancellationToken;

use super::Recorder;
use crate::journal::{Entry, Header, encode_header, encode_line};

/// How often what has come is written and flushed.
const FLUSH_EVERY: Duration = Duration::from_millis(100);

/// A journal file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("journal {}: {source}", path.display())]
pub struct JournalError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    #[source]
    pub source: io::Error,
}

/// The open file of one run.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: BufWriter<File>,
    /// How many entries are in the file.
    written: usize,
}

impl Writer {
    /// Creates the file, or empties it, and writes the header.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn create(path: &Path, header: &Header) -> Result<Self, JournalError> {
        let failed = |source| JournalError {
            path: path.to_owned(),
            source,
        };
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).open(path);
        let mut writer = Self {
            path: path.to_owned(),
            file: BufWriter::new(file.map_err(failed)?),
            written: 0,
        };
        let header = encode_header(header);
        writeln!(writer.file, "{header}").map_err(failed)?;
        writer.file.flush().map_err(failed)?;
        Ok(writer)
    }

    /// Writes what the recorder gets until `finish`, then the rest. A failure
    /// is told to the recorder, too.
    ///
    /// # Errors
    /// The first failure to write.
    pub async fn follow(
        mut self,
        recorder: Recorder,
        clock: Clock,
        finish: CancellationToken,
    ) -> Result<(), JournalError> {
        loop {
            // Asked before the entries are taken: what was told before the
            // finish is in the last batch.
            let is_last = finish.is_cancelled();
            let batch = recorder.entries(self.written);
            self = match blocking(move || self.append(&batch)).await {
                Ok(writer) => writer,
                Err(error) => {
                    recorder.fail(error.to_string());
                    return Err(error);
                }
            };
            if is_last {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = finish.cancelled() => {}
                () = clock.sleep(FLUSH_EVERY) => {}
            }
        }
    }

    /// Writes these entries after those that are there.
    ///
    /// # Errors
    /// The first failure to write.
    pub fn append(mut self, batch: &[Entry]) -> Result<Self, JournalError> {
        match self.try_append(batch) {
            Ok(()) => {
                self.written += batch.len();
                Ok(self)
            }
            Err(source) => Err(JournalError {
                path: self.path,
                source,
            }),
        }
    }

    fn try_append(&mut self, batch: &[Entry]) -> io::Result<()> {
        for entry in batch {
            writeln!(self.file, "{}", encode_line(entry))?;
        }
        self.file.flush()
    }
}

/// Runs what may wait for a disk where it holds up nobody.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down, and this task with it.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{MAX_ENTRIES, Mark};

    fn header() -> Header {
        Header {
            format: Header::FORMAT.into(),
            version: Header::VERSION,
            id: "x".into(),
            case: "x".into(),
            seed: 1,
            time: "real".into(),
            client: "sim".into(),
            clients: Vec::new(),
            flaws: Vec::new(),
            control: None,
            retried: 0,
            subject: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn everything_told_before_the_finish_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let clock = Clock::start();
        let recorder = Recorder::new(clock.clone(), MAX_ENTRIES);
        let writer = Writer::create(&path, &header()).unwrap();
        let finish = CancellationToken::new();
        let tell = async {
            recorder.mark(Mark::Started);
            clock.sleep(FLUSH_EVERY * 2).await;
            recorder.mark(Mark::Ended);
            finish.cancel();
        };
        let follow = writer.follow(recorder.clone(), clock.clone(), finish.clone());
        let (result, ()) = tokio::join!(follow, tell);
        result.unwrap();
        let (read, entries) = crate::archive::read_journal(&path).unwrap();
        assert_eq!(read, header());
        assert_eq!(entries.len(), 2);
        assert!(matches!(
            &entries[1].body,
            crate::journal::Body::Harness(Mark::Ended)
        ));
    }

    #[tokio::test]
    async fn a_full_disk_names_the_file_and_breaks_the_run() {
        let path = Path::new("/dev/full");
        if !path.exists() {
            return;
        }
        let error = Writer::create(path, &header()).unwrap_err().to_string();
        assert!(error.starts_with("journal /dev/full: "), "{error}");
        let clock = Clock::start();
        let recorder = Recorder::new(clock.clone(), MAX_ENTRIES);
        recorder.mark(Mark::Started);
        let writer = Writer {
            path: path.to_owned(),
            file: BufWriter::new(OpenOptions::new().write(true).open(path).unwrap()),
            written: 0,
        };
        let follow = writer.follow(recorder.clone(), clock.clone(), CancellationToken::new());
        let result = clock
            .timeout(Duration::from_secs(10), follow)
            .await
            .unwrap();
        assert!(result.is_err());
        let problem = recorder.broken().await;
        assert!(problem.starts_with("journal /dev/full: "), "{problem}");
    }
}
