//! What the reference client does, and beside it the flaw that does otherwise.

mod delays;
mod endings;
mod liveness;
mod messages;
mod person;
mod sending;

use std::time::Duration;

use super::super::{Command, Ending, Input, Output, Phase, Resume};
use super::{Rig, SECOND, behaviour, tick, welcome};
use crate::{Behaviour, ClientMessage, CloseReason, EventKind, Flaw, Policy, ServerMessage, Shape};

#[test]
fn every_flaw_is_tested_here() {
    let text = [
        include_str!("delays.rs"),
        include_str!("endings.rs"),
        include_str!("liveness.rs"),
        include_str!("messages.rs"),
        include_str!("person.rs"),
        include_str!("sending.rs"),
    ]
    .concat();
    for flaw in Flaw::ALL {
        let name = format!("Flaw::{flaw:?}");
        assert!(text.contains(&name), "{name} has no test");
    }
}
