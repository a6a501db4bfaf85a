//! The editor against messages written by hand, and against a reference that
//! sees the whole stream at once.

use std::time::Duration;

pub(super) use bytes::Bytes;
pub(super) use environment::{Direction, Seed};
pub(super) use proptest::prelude::*;

pub(super) use super::*;
pub(super) use crate::fault::Opcodes;
use crate::fault::{FrameCut, Frames, Illegal, Ordinals, Part, Way};
pub(super) use crate::websocket::Opcode;
use crate::websocket::OrderId;
use crate::websocket::order::Order;
pub(super) use crate::websocket::order::Task;

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
        index: index.parse().unwrap(),
    }
}

fn order(rule: usize, task: Task) -> Order {
    Order {
        id: OrderId {
            rule,
            occurrence: 1,
        },
        rule: format!("r{rule}").into(),
        task,
    }
}

pub(super) fn edits(tasks: Vec<Task>) -> Edits {
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
pub(super) fn edit(tasks: Vec<Task>, stream: &[Vec<u8>]) -> Edited {
    let mut editor = Editor::new(name(Direction::Downstream));
    run(&mut editor, ANSWER, &[]);
    editor.apply(edits(tasks), &mut |_| {});
    let mut edited = run(&mut editor, &stream.concat(), &[]);
    editor.finish(&mut |step| edited.take(step));
    edited
}

#[test]
fn without_orders_every_byte_goes_on_at_once() {
    let stream = [ANSWER, &text("one"), &frame(0x89, None, b"")].concat();
    let mut editor = Editor::new(name(Direction::Downstream));
    for byte in &stream {
        let edited = run(&mut editor, &[*byte], &[]);
        assert_eq!(edited.bytes, [*byte]);
    }
    assert_eq!(editor.held(), 0);
}

#[test]
fn messages_are_dropped_by_kind_and_count() {
    let ping = frame(0x89, None, b"p");
    let stream = [text("1"), ping.clone(), text("2"), ping.clone(), text("3")];
    let drop = |opcodes, index| vec![Task::Drop(frames(opcodes, index))];
    let edited = edit(drop(Opcodes::Data, "2"), &stream);
    assert_eq!(
        edited.bytes,
        [text("1"), ping.clone(), ping.clone(), text("3")].concat()
    );
    assert_eq!(edited.acted(), [(0, 3)]);
    let edited = edit(drop(Opcodes::Ping, "2.."), &stream);
    assert_eq!(
        edited.bytes,
        [text("1"), ping, text("2"), text("3")].concat()
    );
}

#[test]
fn all_fragments_go_with_their_message_and_control_frames_between_stay() {
    let ping = frame(0x89, None, b"p");
    let parts = [
        frame(0x01, None, b"a"),
        ping.clone(),
        frame(0x80, None, b"b"),
    ];
    let stream = [parts.concat(), text("2")];
    let all = || frames(Opcodes::Data, "1");
    let dropped = edit(vec![Task::Drop(all())], &stream);
    assert_eq!(dropped.bytes, [ping.clone(), text("2")].concat());
    let message = [frame(0x01, None, b"a"), frame(0x80, None, b"b")].concat();
    let twice = edit(vec![Task::Duplicate(all())], &stream);
    let expect = [ping.clone(), message.clone(), message.clone(), text("2")];
    assert_eq!(twice.bytes, expect.concat());
    let after = edit(vec![Task::Reorder(all())], &stream);
    assert_eq!(after.bytes, [ping, text("2"), message].concat());
}

#[test]
fn a_message_changes_places_with_the_next_and_is_not_lost_at_the_end() {
    let stream = [text("1"), text("2"), text("3")];
    let all = vec![Task::Reorder(frames(Opcodes::Data, ".."))];
    let edited = edit(all, &stream);
    assert_eq!(edited.bytes, [text("2"), text("1"), text("3")].concat());
    assert_eq!(edited.acted(), [(0, 1), (0, 3)]);
}

#[test]
fn what_waits_goes_on_when_its_order_is_gone() {
    let mut editor = Editor::new(name(Direction::Downstream));
    run(&mut editor, ANSWER, &[]);
    let order = edits(vec![Task::Reorder(frames(Opcodes::Data, "1"))]);
    editor.apply(order, &mut |_| {});
    assert_eq!(run(&mut editor, &text("1"), &[]).bytes, b"");
    assert!(editor.held() > 0);
    let mut edited = Edited::default();
    editor.apply(Edits::default(), &mut |step| edited.take(step));
    assert_eq!(edited.bytes, text("1"));
    assert_eq!(editor.held(), 0);
}

#[test]
fn only_the_late_message_is_marked() {
    let late = Task::Delay(frames(Opcodes::Data, "2"), Duration::from_secs(1));
    let edited = edit(vec![late], &[text("1"), text("2"), text("3")]);
    assert_eq!(edited.bytes, [text("1"), text("2"), text("3")].concat());
    assert_eq!(edited.late, text("2"));
}

#[test]
fn frames_are_made_illegal() {
    let damage = |kind| vec![Task::Damage(frames(Opcodes::Data, "2"), kind)];
    let bytes = |kind| edit(damage(kind), &[text("1"), text("two")]).bytes[3..].to_vec();
    assert_eq!(bytes(Illegal::Opcode), frame(0x83, None, b"two"));
    assert_eq!(bytes(Illegal::Reserved), frame(0xa1, None, b"two"));
    assert_eq!(bytes(Illegal::Utf8), frame(0x81, None, b"\xffwo"));
    let masked = bytes(Illegal::Mask);
    let mask: [u8; 4] = masked[2..6].try_into().unwrap();
    assert_eq!(masked, frame(0x81, Some(mask), b"two"));
}

fn cut(part: Part, number: u64) -> Vec<Task> {
    vec![Task::Cut(FrameCut {
        number,
        opcodes: Opcodes::Data,
        part,
    })]
}

#[test]
fn cuts_come_inside_the_part_they_are_asked_for() {
    let long = text(&"x".repeat(300));
    let behind = |part, frame: Vec<u8>| {
        let edited = edit(cut(part, 2), &[text("1"), frame, text("3")]);
        assert!(matches!(edited.steps.last(), Some(Step::Cut { .. })));
        edited.bytes[3..].to_vec()
    };
    assert_eq!(behind(Part::Header, text("two")), [0x81]);
    assert_eq!(behind(Part::Length, long.clone()), long[..3]);
    assert_eq!(behind(Part::Length, text("two")), [0x81, 126, 0]);
    assert_eq!(behind(Part::Payload, text("four")), *b"\x81\x04fo");
    assert_eq!(behind(Part::Payload, text("1")), *b"\x81\x021");
    assert_eq!(behind(Part::Between, text("four")), *b"\x01\x02fo");
    let fragment = frame(0x01, None, b"four");
    assert_eq!(behind(Part::Between, fragment.clone()), fragment);
}

#[test]
fn a_close_frame_comes_at_a_boundary_and_nothing_behind_it() {
    let mut editor = Editor::new(name(Direction::Downstream));
    run(&mut editor, ANSWER, &[]);
    run(&mut editor, b"\x81\x03t", &[]);
    let close = edits(vec![Task::Close(b"\x03\xf4bye".to_vec(), 0)]);
    let mut edited = Edited::default();
    editor.apply(close, &mut |step| edited.take(step));
    assert_eq!(edited.bytes, b"", "in the middle of a frame");
    let rest = [&b"wo"[..], &text("3")].concat();
    let edited = run(&mut editor, &rest, &[]);
    assert_eq!(edited.bytes, b"wo\x88\x05\x03\xf4bye");
    assert_eq!(edited.steps.last(), Some(&Step::Finish));
}

#[test]
fn a_close_frame_for_the_server_is_masked_by_the_seed() {
    let mut editor = Editor::new(name(Direction::Upstream));
    let close = edits(vec![Task::Close(b"\x03\xe9".to_vec(), 0)]);
    editor.apply(close, &mut |_| {});
    let request = run(&mut editor, REQUEST, &[]);
    assert_eq!(request.bytes, REQUEST, "the upgrade has not succeeded yet");
    let mut edited = Edited::default();
    editor.open(false, &mut |step| edited.take(step));
    let mask: [u8; 4] = edited.bytes[2..6].try_into().unwrap();
    assert_ne!(mask, [0; 4]);
    assert_eq!(edited.bytes, frame(0x88, Some(mask), b"\x03\xe9"));
}

#[test]
fn a_copy_for_the_server_has_a_mask_of_its_own() {
    let mut editor = Editor::new(name(Direction::Upstream));
    run(&mut editor, REQUEST, &[]);
    let twice = edits(vec![Task::Duplicate(frames(Opcodes::Data, ".."))]);
    editor.apply(twice, &mut |_| {});
    let sent = frame(0x81, Some([1, 2, 3, 4]), b"hello");
    let edited = run(&mut editor, &sent, &[]);
    let (first, copy) = edited.bytes.split_at(sent.len());
    assert_eq!(first, sent);
    let mask: [u8; 4] = copy[2..6].try_into().unwrap();
    assert_ne!(mask, [1, 2, 3, 4]);
    assert_eq!(copy, frame(0x81, Some(mask), b"hello"));
}

#[test]
fn compressed_messages_are_left_alone_and_it_is_said() {
    let mut editor = Editor::new(name(Direction::Downstream));
    let answer = b"HTTP/1.1 101 X\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    run(&mut editor, answer, &[]);
    let drop = edits(vec![Task::Drop(frames(Opcodes::Any, ".."))]);
    editor.apply(drop, &mut |_| {});
    let ping = frame(0x89, None, b"");
    let message = frame(0xc1, None, b"z");
    let edited = run(&mut editor, &[message.clone(), ping].concat(), &[]);
    assert_eq!(edited.bytes, message);
    let told = |step: &&Step| {
        matches!(
            step,
            Step::Powerless {
                why: Powerless::Compressed,
                ..
            }
        )
    };
    assert_eq!(edited.steps.iter().filter(told).count(), 1);
}

#[test]
fn a_message_too_long_to_be_kept_goes_on_and_it_is_said() {
    let mut editor = Editor::new(name(Direction::Downstream));
    run(&mut editor, ANSWER, &[]);
    let twice = edits(vec![Task::Duplicate(frames(Opcodes::Data, ".."))]);
    editor.apply(twice, &mut |_| {});
    let header = b"\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x00";
    let edited = run(&mut editor, &[&header[..], &[9; 5000]].concat(), &[]);
    assert_eq!(edited.bytes.len(), header.len() + 5000);
    assert_eq!(editor.held(), 0);
    let last = edited.steps.iter().any(|step| {
        matches!(
            step,
            Step::Powerless {
                why: Powerless::TooLong,
                ..
            }
        )
    });
    assert!(last, "{:?}", edited.steps);
}

#[test]
fn a_request_is_kept_back_until_it_is_decided_about() {
    let asks = |orders| Edits {
        asks: true,
        orders,
        ..Edits::default()
    };
    let mut editor = Editor::new(name(Direction::Upstream));
    editor.apply(asks(Vec::new()), &mut |_| {});
    let edited = run(&mut editor, REQUEST, &[7]);
    assert_eq!(edited.bytes, b"");
    let target = "/ws".to_owned();
    assert_eq!(edited.steps, [Step::Request { target }]);
    let mut passed = Edited::default();
    editor.decide(&mut |step| passed.take(step));
    assert_eq!(passed.bytes, REQUEST);

    let mut editor = Editor::new(name(Direction::Upstream));
    editor.apply(asks(Vec::new()), &mut |_| {});
    run(&mut editor, REQUEST, &[]);
    editor.apply(asks(vec![order(3, Task::Reply)]), &mut |_| {});
    let mut replied = Edited::default();
    editor.decide(&mut |step| replied.take(step));
    assert_eq!(replied.bytes, b"");
    assert!(matches!(replied.steps[..], [Step::Reply { .. }]));
    assert_eq!(run(&mut editor, b"more", &[]), Edited::default());
}

#[test]
fn extensions_are_refused_where_that_is_asked() {
    let mut editor = Editor::new(name(Direction::Upstream));
    let plain = Edits {
        refuses_extensions: true,
        ..Edits::default()
    };
    editor.apply(plain, &mut |_| {});
    let edited = run(&mut editor, REQUEST, &[5]);
    let expect = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
    assert_eq!(edited.bytes, expect);
    let offer = "permessage-deflate".to_owned();
    assert!(edited.steps.contains(&Step::Stripped { offer }));
}

#[test]
fn a_refusal_is_not_held_against_a_rule() {
    let mut editor = Editor::new(name(Direction::Downstream));
    let drop = edits(vec![Task::Drop(frames(Opcodes::Data, ".."))]);
    editor.apply(drop, &mut |_| {});
    let refusal = b"HTTP/1.1 503 Busy\r\nContent-Length: 1\r\n\r\nx";
    let edited = run(&mut editor, refusal, &[]);
    assert_eq!(edited.bytes, refusal);
    assert!(edited.steps.contains(&Step::Raw { is_refusal: true }));
    assert_eq!(edited.steps.len(), 2);
    let mut editor = Editor::new(name(Direction::Downstream));
    let drop = edits(vec![Task::Drop(frames(Opcodes::Data, ".."))]);
    editor.apply(drop, &mut |_| {});
    let edited = run(&mut editor, b"\x16\x03\x01 hello", &[]);
    assert_eq!(edited.bytes, b"\x16\x03\x01 hello");
    assert!(matches!(
        edited.steps.last(),
        Some(Step::Powerless {
            why: Powerless::Raw,
            ..
        })
    ));
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

/// What should come of messages, one order at a time.
fn reference(task: &Task, messages: &[(Opcode, Vec<u8>)], wire: &[Vec<u8>]) -> Vec<u8> {
    let (mut out, mut kept, mut count) = (Vec::new(), None, 0);
    for ((opcode, _), bytes) in messages.iter().zip(wire) {
        let Some(frames) = task
            .frames()
            .filter(|frames| frames.opcodes.covers(*opcode))
        else {
            out.extend(bytes);
            continue;
        };
        count += 1;
        let is_meant = frames.index.contains(count);
        match task {
            Task::Drop(_) if is_meant => {}
            Task::Duplicate(_) if is_meant => out.extend([&bytes[..], bytes].concat()),
            Task::Reorder(_) if kept.is_some() => {
                out.extend(bytes);
                out.extend(kept.take().unwrap_or_default());
            }
            Task::Reorder(_) if is_meant => kept = Some(bytes.clone()),
            _ => out.extend(bytes),
        }
    }
    out.extend(kept.unwrap_or_default());
    out
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
        index: Ordinals {
            first,
            last: more.map(|more| first + more),
        },
    })
}

fn any_task() -> impl Strategy<Value = Task> {
    prop_oneof![
        any_frames().prop_map(Task::Drop),
        any_frames().prop_map(Task::Duplicate),
        any_frames().prop_map(Task::Reorder),
        any_frames().prop_map(|frames| Task::Delay(frames, Duration::from_secs(1))),
    ]
}

fn any_order() -> impl Strategy<Value = Task> {
    let part = prop_oneof![
        Just(Part::Header),
        Just(Part::Length),
        Just(Part::Payload),
        Just(Part::Between)
    ];
    let cut = (1..6_u64, part).prop_map(|(number, part)| {
        Task::Cut(FrameCut {
            number,
            opcodes: Opcodes::Any,
            part,
        })
    });
    let kind = prop_oneof![
        Just(Illegal::Opcode),
        Just(Illegal::Mask),
        Just(Illegal::Reserved),
        Just(Illegal::Utf8)
    ];
    let damage = (any_frames(), kind).prop_map(|(frames, kind)| Task::Damage(frames, kind));
    prop_oneof![4 => any_task(), 1 => cut, 1 => damage]
}

proptest! {
    /// Without fragments: a reference would have to know what may come between.
    #[test]
    fn one_order_does_what_it_says(
        messages in prop::collection::vec(any_frame(), 0..12),
        task in any_task(),
    ) {
        let stream = wire(&messages, 1, None);
        let edited = edit(vec![task.clone()], &stream);
        prop_assert_eq!(edited.bytes, reference(&task, &messages, &stream));
    }

    #[test]
    fn chunking_does_not_matter(
        messages in prop::collection::vec(any_frame(), 0..10),
        tasks in prop::collection::vec(any_order(), 0..4),
        fragments in 1..3_usize,
        mask in prop::option::of(any::<[u8; 4]>()),
        sizes in prop::collection::vec(1_usize..60, 1..10),
    ) {
        let direction = if mask.is_some() { Direction::Upstream } else { Direction::Downstream };
        let head = if mask.is_some() { REQUEST } else { ANSWER };
        let stream = [head.to_vec(), wire(&messages, fragments, mask).concat()].concat();
        let all = |sizes: &[usize]| {
            let mut editor = Editor::new(name(direction));
            editor.apply(edits(tasks.clone()), &mut |_| {});
            let mut edited = run(&mut editor, &stream, sizes);
            editor.finish(&mut |step| edited.take(step));
            assert_eq!(editor.held(), 0);
            edited
        };
        prop_assert_eq!(all(&sizes), all(&[]));
    }

    /// Whatever comes, and whenever the orders change: what no order may touch
    /// comes out as it went in, and nothing is held without bound.
    #[test]
    fn nothing_is_lost_while_orders_come_and_go(
        messages in prop::collection::vec(any_frame(), 0..10),
        changes in prop::collection::vec((1_usize..80, any::<bool>()), 1..8),
        task in any_frames().prop_map(|frames| Task::Delay(frames, Duration::from_secs(1))),
    ) {
        let stream = [ANSWER.to_vec(), wire(&messages, 2, None).concat()].concat();
        let (mut editor, mut out, mut rest) =
            (Editor::new(name(Direction::Downstream)), Edited::default(), &stream[..]);
        for (size, is_on) in changes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let tasks = if *is_on { vec![task.clone()] } else { Vec::new() };
            editor.apply(edits(tasks), &mut |step| out.take(step));
            let size = (*size).min(rest.len());
            editor.feed(Bytes::copy_from_slice(&rest[..size]), &mut |step| out.take(step));
            prop_assert!(editor.held() <= ANSWER.len() + 14);
            rest = &rest[size..];
        }
        editor.finish(&mut |step| out.take(step));
        prop_assert_eq!(out.bytes, stream);
    }

    #[test]
    fn nothing_makes_it_panic(
        stream in prop::collection::vec(any::<u8>(), 0..600),
        has_head in any::<bool>(),
        tasks in prop::collection::vec(any_order(), 0..4),
        sizes in prop::collection::vec(1_usize..50, 1..10),
    ) {
        let head = if has_head { ANSWER } else { b"" };
        let stream = [head, &stream].concat();
        let mut editor = Editor::new(name(Direction::Downstream));
        editor.apply(edits(tasks), &mut |_| {});
        run(&mut editor, &stream, &sizes);
        editor.finish(&mut |_| {});
    }
}
