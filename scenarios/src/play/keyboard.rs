//! Single keys from a terminal, letters from a pipe.

use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::thread;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

use super::PlayKey;

/// Keys that nobody has taken yet; more are dropped, as when a cat sits down.
const TYPED_AHEAD: usize = 16;

/// A terminal that gives single keys and does not show them. Put back as it was
/// when dropped. Ctrl-C works as ever.
#[derive(Debug)]
#[must_use]
pub struct Keyboard {
    before: Option<Termios>,
}

impl Keyboard {
    /// Does nothing if stdin is no terminal.
    ///
    /// # Errors
    /// As the system says it.
    pub fn take() -> io::Result<Self> {
        let stdin = io::stdin();
        if !stdin.is_terminal() {
            return Ok(Self { before: None });
        }
        let before = tcgetattr(stdin.as_fd())?;
        let mut single = before.clone();
        single.local_modes -= LocalModes::ICANON | LocalModes::ECHO;
        tcsetattr(stdin.as_fd(), OptionalActions::Now, &single)?;
        Ok(Self {
            before: Some(before),
        })
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // The terminal may be gone; then nobody misses its settings.
            let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, before);
        }
    }
}

/// What is typed, as it is typed. The thread behind it waits in a read that
/// nothing can end but the end of input or of the program.
pub fn keys() -> mpsc::Receiver<PlayKey> {
    let (sender, receiver) = mpsc::channel(TYPED_AHEAD);
    thread::spawn(move || {
        for byte in io::stdin().lock().bytes().map_while(Result::ok) {
            if let Some(key) = PlayKey::of(char::from(byte)) {
                // Full: dropped, as said above. Closed: nobody plays any more.
                let _ = sender.try_send(key);
            }
        }
        // An empty pipe is nobody at the keyboard, and no reason to stop.
        thread::park();
    });
    receiver
}
