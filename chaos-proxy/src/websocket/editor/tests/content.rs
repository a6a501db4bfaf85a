//! Rules about what messages say.

use std::sync::Arc;

use super::*;
use crate::pattern::Pattern;

fn says(words: &str) -> Option<Arc<Pattern>> {
    Some(Arc::new(Pattern::Contains(words.to_owned())))
}

fn of(words: &str, index: &str) -> Frames {
    Frames {
        message: says(words),
        ..frames(Opcodes::Data, index)
    }
}

fn powerless(edited: &Edited) -> Vec<Powerless> {
    let told = edited.steps.iter().filter_map(|step| match step {
        Step::Powerless { why, .. } => Some(*why),
        _ => None,
    });
    told.collect()
}

#[test]
fn messages_are_counted_by_what_they_say() {
    let stream = ["b1", "a1", "b2", "a2", "b3"].map(text);
    let edited = edit(vec![FrameEdit::Drop(of("b", "2"))], &stream);
    assert_eq!(edited.bytes, ["b1", "a1", "a2", "b3"].map(text).concat());
    assert_eq!(edited.acted(), [(0, 3)]);
}

#[test]
fn a_text_is_found_across_fragments_reads_and_masks() {
    let mask = Some([1, 2, 3, 4]);
    let ping = frame(0x89, mask, b"p");
    let parts = [
        frame(0x01, mask, b"chan"),
        ping.clone(),
        frame(0x80, mask, b"nel b"),
    ];
    let other = frame(0x81, mask, b"channel a");
    let stream = [parts.concat(), other.clone()].concat();
    for size in [1, 2, 3, 7, 1000] {
        let mut editor = Editor::new(name(Direction::Upstream));
        run(&mut editor, REQUEST, &[]);
        editor.open(false, &mut |_| {});
        editor.apply(
            edits(vec![FrameEdit::Drop(of("channel b", "1"))]),
            &mut |_| {},
        );
        let edited = run(&mut editor, &stream, &[size]);
        assert_eq!(
            edited.bytes,
            [ping.clone(), other.clone()].concat(),
            "{size}"
        );
        assert_eq!(editor.held(), 0);
    }
}

#[test]
fn every_rule_about_frames_may_ask_for_what_is_said() {
    let stream = ["a", "bb", "c"].map(text);
    let after = |tasks| edit(tasks, &stream).bytes;
    let all = |words: [&str; 4]| words.map(text).concat();
    let twice = FrameEdit::Duplicate(of("bb", ".."));
    assert_eq!(after(vec![twice]), all(["a", "bb", "bb", "c"]));
    let later = FrameEdit::Reorder(of("bb", ".."));
    assert_eq!(after(vec![later]), ["a", "c", "bb"].map(text).concat());
    let damage = FrameEdit::Damage(of("bb", ".."), Illegal::Reserved);
    assert_eq!(after(vec![damage])[3], 0xa1);
    let late = FrameEdit::Delay(of("bb", ".."), Duration::from_secs(1));
    assert_eq!(edit(vec![late], &stream).late, text("bb"));
    let cut = FrameEdit::Cut(FrameCut {
        number: 1,
        opcodes: Opcodes::Data,
        part: Part::Payload,
        message: says("bb"),
    });
    assert_eq!(
        after(vec![cut]),
        [text("a"), b"\x81\x02b".to_vec()].concat()
    );
    let close = FrameEdit::Close(vec![], 1, says("bb"));
    let ended = [text("a"), text("bb"), frame(0x88, None, b"")].concat();
    assert_eq!(after(vec![close]), ended);
}

#[test]
fn what_is_too_long_is_of_no_pattern_and_told() {
    let long = [
        frame(0x01, None, &vec![b'b'; 40_000]),
        frame(0x80, None, &vec![b'b'; 40_000]),
    ];
    let stream = [long.concat(), text("b")];
    let edited = edit(vec![FrameEdit::Drop(of("b", ".."))], &stream);
    assert_eq!(edited.bytes, long.concat());
    assert_eq!(powerless(&edited), [Powerless::Unread]);
    // As many empty fragments as there are bytes would take any memory.
    let many = [
        vec![frame(0x01, None, b"b")],
        vec![frame(0x00, None, b""); 2000],
    ]
    .concat();
    let edited = edit(vec![FrameEdit::Drop(of("b", ".."))], &many);
    assert_eq!(edited.bytes, many.concat());
    assert_eq!(powerless(&edited), [Powerless::Unread]);
}

#[test]
fn what_is_compressed_is_not_looked_into_and_not_held_back() {
    let answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n";
    let mut editor = Editor::new(name(Direction::Downstream));
    run(&mut editor, answer, &[]);
    editor.apply(
        edits(vec![FrameEdit::Hear(Pattern::Contains("b".into()))]),
        &mut |_| {},
    );
    let frame = frame(0xc1, None, b"b");
    let edited = run(&mut editor, &frame[..2], &[]);
    assert_eq!(edited.bytes, frame[..2]);
    assert_eq!(powerless(&edited), [Powerless::Compressed]);
}

#[test]
fn a_message_is_heard_where_it_ends_and_only_if_it_goes_on() {
    let hear = || FrameEdit::Hear(Pattern::Contains("b".into()));
    let edited = edit(vec![hear()], &[text("a"), text("b"), text("c")]);
    let ends: Vec<u64> = edited
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Heard { end, .. } => Some(*end - ANSWER.len() as u64),
            _ => None,
        })
        .collect();
    assert_eq!(ends, [6]);
    let dropped = edit(vec![FrameEdit::Drop(of("b", "..")), hear()], &[text("b")]);
    let is_heard = |step: &Step| matches!(step, Step::Heard { .. });
    assert!(!dropped.steps.iter().any(is_heard));
}

#[test]
fn what_is_not_whole_at_the_end_goes_on_as_it_is() {
    let stream = [frame(0x01, None, b"b"), frame(0x89, None, b"p")];
    let edited = edit(vec![FrameEdit::Drop(of("b", ".."))], &stream);
    assert_eq!(edited.bytes, stream.concat());
}
