//! What rules do to messages that are written manually.

use super::*;

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
    let drop = |opcodes, index| vec![FrameEdit::Drop(frames(opcodes, index))];
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
    let dropped = edit(vec![FrameEdit::Drop(all())], &stream);
    assert_eq!(dropped.bytes, [ping.clone(), text("2")].concat());
    let message = [frame(0x01, None, b"a"), frame(0x80, None, b"b")].concat();
    let twice = edit(vec![FrameEdit::Duplicate(all())], &stream);
    let expect = [ping.clone(), message.clone(), message.clone(), text("2")];
    assert_eq!(twice.bytes, expect.concat());
    let after = edit(vec![FrameEdit::Reorder(all())], &stream);
    assert_eq!(after.bytes, [ping, text("2"), message].concat());
}

#[test]
fn a_message_changes_places_with_the_next_and_is_not_lost_at_the_end() {
    let stream = [text("1"), text("2"), text("3")];
    let all = vec![FrameEdit::Reorder(frames(Opcodes::Data, ".."))];
    let edited = edit(all, &stream);
    assert_eq!(edited.bytes, [text("2"), text("1"), text("3")].concat());
    assert_eq!(edited.acted(), [(0, 1), (0, 3)]);
}

#[test]
fn what_waits_goes_on_when_its_order_is_gone() {
    let mut editor = Editor::new(name(Direction::Downstream));
    run(&mut editor, ANSWER, &[]);
    let order = edits(vec![FrameEdit::Reorder(frames(Opcodes::Data, "1"))]);
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
    let late = FrameEdit::Delay(frames(Opcodes::Data, "2"), Duration::from_secs(1));
    let edited = edit(vec![late], &[text("1"), text("2"), text("3")]);
    assert_eq!(edited.bytes, [text("1"), text("2"), text("3")].concat());
    assert_eq!(edited.late, text("2"));
}

#[test]
fn frames_are_made_illegal() {
    let damage = |kind| vec![FrameEdit::Damage(frames(Opcodes::Data, "2"), kind)];
    let bytes = |kind| edit(damage(kind), &[text("1"), text("two")]).bytes[3..].to_vec();
    assert_eq!(bytes(Illegal::Opcode), frame(0x83, None, b"two"));
    assert_eq!(bytes(Illegal::Reserved), frame(0xa1, None, b"two"));
    assert_eq!(bytes(Illegal::Utf8), frame(0x81, None, b"\xffwo"));
    let masked = bytes(Illegal::Mask);
    let mask: [u8; 4] = masked[2..6].try_into().unwrap();
    assert_eq!(masked, frame(0x81, Some(mask), b"two"));
}

fn cut(part: Part, number: u64) -> Vec<FrameEdit> {
    vec![FrameEdit::Cut(FrameCut {
        number,
        opcodes: Opcodes::Data,
        part,
        message: None,
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
    let close = edits(vec![FrameEdit::Close(b"\x03\xf4bye".to_vec(), 0, None)]);
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
    let close = edits(vec![FrameEdit::Close(b"\x03\xe9".to_vec(), 0, None)]);
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
    let twice = edits(vec![FrameEdit::Duplicate(frames(Opcodes::Data, ".."))]);
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
    let drop = edits(vec![FrameEdit::Drop(frames(Opcodes::Any, ".."))]);
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
    let twice = edits(vec![FrameEdit::Duplicate(frames(Opcodes::Data, ".."))]);
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
