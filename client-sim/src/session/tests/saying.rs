//! What is said to a server that waits to be spoken to.

use super::*;
use crate::Say;

const EVERY: Duration = Duration::from_secs(2);

fn talker(every: Option<Duration>) -> Rig {
    let text = "hello".into();
    Rig::with(Behaviour {
        say: Some(Say { text, every }),
        ..behaviour(&[])
    })
}

/// On which connections something was said since the last call.
fn said(rig: &Rig) -> Vec<u64> {
    let said = |output: &Output| match output {
        Output::Say { dial, text } if &**text == "hello" => Some(*dial),
        _ => None,
    };
    rig.fresh.iter().filter_map(said).collect()
}

#[test]
fn it_is_said_once_on_every_connection() {
    let mut rig = talker(None);
    assert!(said(&rig).is_empty(), "nobody is there yet");
    rig.input(Input::Opened);
    assert_eq!(said(&rig), [1]);
    rig.pass(4 * SECOND);
    assert!(said(&rig).is_empty());
    rig.fails_and_dials(CloseReason::Reset);
    rig.input(Input::Opened);
    assert_eq!(said(&rig), [2]);
}

#[test]
fn it_is_said_again_and_again_while_the_connection_lives() {
    let mut rig = talker(Some(EVERY));
    rig.input(Input::Opened);
    rig.pass(EVERY - Duration::from_millis(1));
    assert!(said(&rig).is_empty());
    rig.pass(Duration::from_millis(1) + 2 * EVERY);
    assert_eq!(said(&rig), [1; 3]);
    // Nobody answers: to speak is no sign of the other's life.
    rig.pass(4 * SECOND);
    assert!(rig.has_closed(CloseReason::Silent));
    rig.pass(4 * SECOND);
    assert!(said(&rig).is_empty());
}
