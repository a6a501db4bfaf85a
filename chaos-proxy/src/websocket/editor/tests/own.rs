//! Messages of the proxy's own, and messages in pieces.

use std::sync::Arc;

use super::*;
use crate::fault::{Content, SendMessage};
use crate::websocket::frame_rule::Pieces;

fn send(text: &str, frame: u64) -> FrameEdit {
    FrameEdit::Send(Arc::new(SendMessage {
        frame,
        ..SendMessage::text(text)
    }))
}

fn ping(frame: u64) -> FrameEdit {
    FrameEdit::Send(Arc::new(SendMessage {
        frame,
        opcode: Opcode::Ping,
        ..SendMessage::text("?")
    }))
}

fn replace(opcodes: Opcodes, index: &str, text: &str) -> FrameEdit {
    let content = Arc::new(Content::Text(text.to_owned()));
    FrameEdit::Replace(frames(opcodes, index), content)
}

fn pieces(count: u32, ping: bool) -> FrameEdit {
    FrameEdit::Fragment(frames(Opcodes::Data, ".."), Pieces { count, ping })
}

/// The numbers of what goes on as somebody's data.
fn data(edited: &Edited) -> Vec<u64> {
    let frames = edited.steps.iter().filter_map(|step| match step {
        Step::Frame {
            index,
            opcode,
            is_final: true,
            is_own: false,
            ..
        } if !opcode.is_control() => Some(*index),
        _ => None,
    });
    frames.collect()
}

#[test]
fn a_message_of_its_own_comes_once_behind_the_one_asked_for_and_is_nobodys_data() {
    let stream = [text("1"), frame(0x89, None, b""), text("2"), text("3")];
    let edited = edit(vec![send("mine", 2)], &stream);
    let [one, ping, two, three] = stream;
    assert_eq!(edited.bytes, [one, ping, two, text("mine"), three].concat());
    assert_eq!(data(&edited), [1, 3, 4]);
    assert_eq!(edited.acted(), [(0, 3)]);
}

#[test]
fn data_waits_for_the_end_of_a_message_and_a_ping_for_the_end_of_a_frame() {
    let (begin, end) = (frame(0x01, None, b"a"), frame(0x80, None, b"b"));
    for (task, wanted) in [
        (
            send("x", 0),
            [begin.clone(), end.clone(), text("x")].concat(),
        ),
        (
            ping(0),
            [begin.clone(), frame(0x89, None, b"?"), end.clone()].concat(),
        ),
    ] {
        let mut editor = Editor::new(name(Direction::Downstream));
        run(&mut editor, &[ANSWER, &begin[..2]].concat(), &[]);
        let mut edited = Edited::default();
        editor.apply(edits(vec![task]), &mut |step| edited.take(step));
        assert_eq!(edited.bytes, b"", "in the middle of a frame");
        let rest = run(&mut editor, &[&begin[2..], &end].concat(), &[]);
        assert_eq!([&begin[..2], &rest.bytes].concat(), wanted);
    }
}

#[test]
fn to_the_server_it_is_masked_by_the_seed_and_waits_for_the_upgrade() {
    let mut editor = Editor::new(name(Direction::Upstream));
    editor.apply(edits(vec![send("hi", 0)]), &mut |_| {});
    assert_eq!(run(&mut editor, REQUEST, &[]).bytes, REQUEST);
    let mut edited = Edited::default();
    editor.open(false, &mut |step| edited.take(step));
    let mask: [u8; 4] = edited.bytes[2..6].try_into().unwrap();
    assert_ne!(mask, [0; 4]);
    assert_eq!(edited.bytes, frame(0x81, Some(mask), b"hi"));
}

#[test]
fn another_message_comes_in_the_place_of_all_fragments_of_one() {
    let fragmented = [
        frame(0x01, None, b"a"),
        frame(0x89, None, b""),
        frame(0x80, None, b"b"),
    ];
    let stream = [&[text("1")], &fragmented[..], &[text("3")]].concat();
    let edited = edit(vec![replace(Opcodes::Data, "2", "two")], &stream);
    let expected = [text("1"), text("two"), frame(0x89, None, b""), text("3")];
    assert_eq!(edited.bytes, expected.concat());
    assert_eq!(data(&edited), [1, 5]);
}

#[test]
fn a_control_frame_is_replaced_by_one_of_its_kind() {
    let stream = [frame(0x89, None, b"abc"), text("1")];
    let edited = edit(vec![replace(Opcodes::Ping, "..", "z")], &stream);
    assert_eq!(edited.bytes, [frame(0x89, None, b"z"), text("1")].concat());
}

#[test]
fn what_is_dropped_is_not_replaced() {
    let drop = FrameEdit::Drop(frames(Opcodes::Data, "1"));
    let edited = edit(
        vec![replace(Opcodes::Data, "..", "x"), drop],
        &[text("1"), text("2")],
    );
    assert_eq!(edited.bytes, text("x"));
}

#[test]
fn a_message_comes_in_pieces_with_pings_between() {
    let edited = edit(
        vec![pieces(3, true)],
        &[text("abcdefg"), frame(0x82, None, b"")],
    );
    let ping = || frame(0x89, None, b"");
    let expected = [
        frame(0x01, None, b"abc"),
        ping(),
        frame(0x00, None, b"de"),
        ping(),
        frame(0x80, None, b"fg"),
        frame(0x02, None, b""),
        ping(),
        frame(0x00, None, b""),
        ping(),
        frame(0x80, None, b""),
    ];
    assert_eq!(edited.bytes, expected.concat());
    assert_eq!(data(&edited), [1, 2]);
}

#[test]
fn pieces_for_the_server_are_masked_each() {
    let mut editor = Editor::new(name(Direction::Upstream));
    run(&mut editor, REQUEST, &[]);
    editor.apply(edits(vec![pieces(2, false)]), &mut |_| {});
    let sent = frame(0x81, Some([1, 2, 3, 4]), b"hello");
    let edited = run(&mut editor, &sent, &[]);
    let mask = |at: usize| -> [u8; 4] { edited.bytes[at..at + 4].try_into().unwrap() };
    let (one, other) = (mask(2), mask(11));
    assert_ne!(one, other);
    let expected = [
        frame(0x01, Some(one), b"hel"),
        frame(0x80, Some(other), b"lo"),
    ];
    assert_eq!(edited.bytes, expected.concat());
}

#[test]
fn a_compressed_message_may_come_in_pieces_and_is_not_replaced() {
    let mut editor = Editor::new(name(Direction::Downstream));
    let answer = b"HTTP/1.1 101 X\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    run(&mut editor, answer, &[]);
    editor.apply(
        edits(vec![pieces(2, false), replace(Opcodes::Data, "..", "x")]),
        &mut |_| {},
    );
    let edited = run(&mut editor, &frame(0xc1, None, b"zz"), &[]);
    let expected = [frame(0x41, None, b"z"), frame(0x80, None, b"z")];
    assert_eq!(edited.bytes, expected.concat());
    let why = Powerless::Compressed;
    assert!(
        edited
            .steps
            .iter()
            .any(|step| matches!(step, Step::Powerless { why: it, .. } if *it == why))
    );
}
