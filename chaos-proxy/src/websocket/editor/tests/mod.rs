//! The editor, driven manually: here is what drives it. Messages written manually,
//! and a reference that sees the whole stream at once, are in the modules below.

mod content;
mod messages;
mod own;
mod reference;
mod upgrade;

use std::time::Duration;

pub(super) use bytes::Bytes;
pub(super) use environment::{Direction, Seed};
pub(super) use proptest::prelude::*;

pub(super) use super::*;
pub(super) use crate::fault::Opcodes;
use crate::fault::{FrameCut, Frames, Illegal, Ordinals, Part, Way};
use crate::websocket::FrameRuleId;
pub(super) use crate::websocket::Opcode;
pub(super) use crate::websocket::frame_rule::FrameEdit;
use crate::websocket::frame_rule::FrameRule;

pub(super) const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
pub(super) const REQUEST: &[u8] =
    b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";

pub(super) fn name(direction: Direction) -> LinkName {
    LinkName {
        seed: Seed(7),
        client: "c1".into(),
        attempt: 2,
        direction,
    }
}

/// A frame as it stands on the wire.
pub(super) fn frame(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let masked = if mask.is_some() { 0x80 } else { 0 };
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..126 => bytes.push(masked | u8::try_from(short).unwrap()),
        long => {
            bytes.push(masked | 126);
            bytes.extend(u16::try_from(long).unwrap().to_be_bytes());
        }
    }
    bytes.extend(mask.unwrap_or_default().iter().filter(|_| mask.is_some()));
    let keys = mask.unwrap_or_default();
    let payload = payload.iter().zip(keys.iter().cycle());
    bytes.extend(payload.map(|(byte, key)| byte ^ key));
    bytes
}

pub(super) fn text(words: &str) -> Vec<u8> {
    frame(0x81, None, words.as_bytes())
}

pub(super) fn frames(opcodes: Opcodes, index: &str) -> Frames {
    Frames {
        way: Way::Both,
        opcodes,
        message: None,
        index: index.parse().unwrap(),
    }
}

fn order(rule: usize, task: FrameEdit) -> FrameRule {
    FrameRule {
        id: FrameRuleId {
            rule,
            occurrence: 1,
        },
        rule: format!("r{rule}").into(),
        task,
    }
}

pub(super) fn edits(tasks: Vec<FrameEdit>) -> Edits {
    let orders = tasks.into_iter().enumerate();
    Edits {
        orders: orders.map(|(rule, task)| order(rule, task)).collect(),
        ..Edits::default()
    }
}

/// What came of a stream.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Edited {
    pub(super) bytes: Vec<u8>,
    late: Vec<u8>,
    pub(super) steps: Vec<Step>,
}

impl Edited {
    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Pass(bytes, late) => {
                self.bytes.extend(&bytes);
                if late.is_some() {
                    self.late.extend(&bytes);
                }
            }
            step => self.steps.push(step),
        }
    }

    pub(super) fn acted(&self) -> Vec<(usize, u64)> {
        let acts = self.steps.iter().filter_map(|step| match step {
            Step::Acted { id, index, .. } => Some((id.rule, *index)),
            _ => None,
        });
        acts.collect()
    }
}

pub(super) fn run(editor: &mut Editor, stream: &[u8], sizes: &[usize]) -> Edited {
    let (mut edited, mut rest) = (Edited::default(), stream);
    let mut sizes = sizes.iter().copied().cycle();
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(rest.len()).clamp(1, rest.len());
        let bytes = Bytes::copy_from_slice(&rest[..size]);
        editor.feed(bytes, &mut |step| edited.take(step));
        rest = &rest[size..];
    }
    edited
}

/// The frames that come of these frames of a server, behind the answer.
pub(super) fn edit(tasks: Vec<FrameEdit>, stream: &[Vec<u8>]) -> Edited {
    let mut editor = Editor::new(name(Direction::Downstream));
    run(&mut editor, ANSWER, &[]);
    editor.apply(edits(tasks), &mut |_| {});
    let mut edited = run(&mut editor, &stream.concat(), &[]);
    editor.finish(&mut |step| edited.take(step));
    edited
}

pub(super) fn any_frame() -> impl Strategy<Value = (Opcode, Vec<u8>)> {
    let control = (
        prop_oneof![Just(Opcode::Ping), Just(Opcode::Pong)],
        0..5_usize,
    );
    let data = (
        prop_oneof![Just(Opcode::Text), Just(Opcode::Binary)],
        prop_oneof![0..8_usize, 120..130_usize, 300..400_usize],
    );
    prop_oneof![control, data].prop_flat_map(|(opcode, length)| {
        prop::collection::vec(any::<u8>(), length).prop_map(move |payload| (opcode, payload))
    })
}

/// Frames on the wire; data in up to three fragments.
pub(super) fn wire(
    messages: &[(Opcode, Vec<u8>)],
    fragments: usize,
    mask: Option<[u8; 4]>,
) -> Vec<Vec<u8>> {
    let code = |opcode: Opcode| match opcode {
        Opcode::Text => 1,
        Opcode::Binary => 2,
        Opcode::Ping => 9,
        _ => 10,
    };
    let message = |(opcode, payload): &(Opcode, Vec<u8>)| {
        if opcode.is_control() || fragments < 2 {
            return frame(0x80 | code(*opcode), mask, payload);
        }
        let half = payload.len() / 2;
        [
            frame(code(*opcode), mask, &payload[..half]),
            frame(0x80, mask, &payload[half..]),
        ]
        .concat()
    };
    messages.iter().map(message).collect()
}

pub(super) fn any_frames() -> impl Strategy<Value = Frames> {
    let opcodes = prop_oneof![
        Just(Opcodes::Data),
        Just(Opcodes::Text),
        Just(Opcodes::Ping),
        Just(Opcodes::Control),
        Just(Opcodes::Any),
    ];
    (opcodes, 1..5_u64, prop::option::of(0..4_u64)).prop_map(|(opcodes, first, more)| Frames {
        way: Way::Both,
        opcodes,
        message: None,
        index: Ordinals {
            first,
            last: more.map(|more| first + more),
        },
    })
}
