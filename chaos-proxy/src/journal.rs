//! The proxy's own journal: one JSON object a line, of the form that `chaos`
//! writes too.

use std::fs::File;
use std::io::{self, LineWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use environment::{Observer, Seed};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::event::{Event, EventKind};

/// A file that events are written to as they happen, a whole line at a time.
#[derive(Debug, Clone)]
pub struct Journal(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    file: LineWriter<File>,
    failure: Option<io::Error>,
}

#[derive(Serialize)]
struct Header {
    format: &'static str,
    version: u32,
    seed: u64,
}

/// One event as it is written.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    t_us: u64,
    from: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    proxy: Option<&'a str>,
    client: &'a str,
    attempt: u64,
    #[serde(flatten)]
    what: &'a EventKind,
}

impl Journal {
    /// Creates the file, or empties it, and writes the first line.
    ///
    /// # Errors
    /// As the system says it.
    pub fn create(path: &Path, seed: Seed) -> io::Result<Self> {
        let mut file = LineWriter::new(File::create(path)?);
        let header = Header {
            format: "chaos-journal",
            version: 1,
            seed: seed.0,
        };
        write_line(&mut file, &header)?;
        Ok(Self(Arc::new(Mutex::new(Inner {
            file,
            failure: None,
        }))))
    }

    /// Writes every event of the program's one proxy. The first one that cannot
    /// be written cancels `on_failure`; nothing is written after it, so the file
    /// stays whole.
    pub fn observer(&self, on_failure: CancellationToken) -> Observer<Event> {
        self.observer_of(None, on_failure)
    }

    /// As [`Journal::observer`], for one of several proxies: its name is written
    /// with every event.
    pub fn observer_of(
        &self,
        proxy: Option<&str>,
        on_failure: CancellationToken,
    ) -> Observer<Event> {
        let (inner, proxy) = (Arc::clone(&self.0), proxy.map(str::to_owned));
        Observer::new(move |event: Event| {
            let mut inner = inner.lock().unwrap_or_else(PoisonError::into_inner);
            if inner.failure.is_some() {
                return;
            }
            if let Err(error) = write_line(&mut inner.file, &Line::of(&event, proxy.as_deref())) {
                inner.failure = Some(error);
                on_failure.cancel();
            }
        })
    }

    /// Why the journal is not complete, if it is not.
    pub fn take_failure(&self) -> Option<io::Error> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .failure
            .take()
    }
}

impl<'a> Line<'a> {
    pub(crate) fn of(event: &'a Event, proxy: Option<&'a str>) -> Self {
        let Event {
            at,
            client,
            attempt,
            what,
        } = event;
        Self {
            t_us: at.as_micros(),
            from: "proxy",
            proxy,
            client,
            attempt: *attempt,
            what,
        }
    }
}

fn write_line(file: &mut impl Write, line: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    file.write_all(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use environment::Moment;

    fn event() -> Event {
        Event {
            at: Moment::ORIGIN,
            client: Arc::from("c1"),
            attempt: 1,
            what: EventKind::Accepted,
        }
    }

    #[test]
    fn events_are_lines_of_json() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let journal = Journal::create(file.path(), Seed(7)).unwrap();
        journal.observer(CancellationToken::new()).tell(event());
        let text = std::fs::read_to_string(file.path()).unwrap();
        let expect = concat!(
            "{\"format\":\"chaos-journal\",\"version\":1,\"seed\":7}\n",
            "{\"t_us\":0,\"from\":\"proxy\",\"client\":\"c1\",\"attempt\":1,\"event\":\"accepted\"}\n",
        );
        assert_eq!(text, expect);
    }

    #[test]
    fn one_of_several_proxies_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let journal = Journal::create(file.path(), Seed(7)).unwrap();
        let observer = journal.observer_of(Some("db"), CancellationToken::new());
        observer.tell(event());
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(
            text.contains("\"from\":\"proxy\",\"proxy\":\"db\","),
            "{text}"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_told_at_once() {
        let error = Journal::create(Path::new("/dev/full"), Seed(7)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
