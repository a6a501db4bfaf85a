//! What was once wrong with the editor, and with nobody's tests.

use super::tests::*;

/// Fragment, heal, and the first byte of the next fragment by itself.
fn healed_between_fragments(task: FrameEdit, sizes: &[usize]) -> Edited {
    let mut editor = Editor::new(name(Direction::Downstream));
    run(&mut editor, ANSWER, &[]);
    editor.apply(edits(vec![task]), &mut |_| {});
    let mut edited = run(&mut editor, &frame(0x01, None, b"a"), &[]);
    editor.apply(Edits::default(), &mut |step| edited.take(step));
    let rest = [frame(0x80, None, b"b"), text("2")].concat();
    edited.bytes.extend(run(&mut editor, &rest, sizes).bytes);
    editor.finish(&mut |step| edited.take(step));
    edited
}

#[test]
fn a_dropped_message_stays_dropped_when_its_rule_is_healed_between_fragments() {
    let drop = || FrameEdit::Drop(frames(Opcodes::Data, ".."));
    assert_eq!(healed_between_fragments(drop(), &[]).bytes, text("2"));
    assert_eq!(healed_between_fragments(drop(), &[1]).bytes, text("2"));
}

#[test]
fn a_kept_message_stays_in_order_when_its_rule_is_healed_between_fragments() {
    let twice = || FrameEdit::Duplicate(frames(Opcodes::Data, ".."));
    let whole = [frame(0x01, None, b"a"), frame(0x80, None, b"b"), text("2")].concat();
    assert_eq!(healed_between_fragments(twice(), &[]).bytes, whole);
    assert_eq!(healed_between_fragments(twice(), &[1]).bytes, whole);
}

#[test]
fn what_waits_goes_on_before_a_stream_that_becomes_raw() {
    let reorder = vec![FrameEdit::Reorder(frames(Opcodes::Data, ".."))];
    let stream = [text("1"), b"\x83\x00 no frame".to_vec()];
    assert_eq!(edit(reorder, &stream).bytes, stream.concat());
}

#[test]
fn what_is_kept_goes_on_before_a_stream_that_becomes_raw() {
    let twice = vec![FrameEdit::Duplicate(frames(Opcodes::Data, ".."))];
    let stream = [frame(0x01, None, b"a"), b"\x83\x00 no frame".to_vec()];
    assert_eq!(edit(twice, &stream).bytes, stream.concat());
}

#[test]
fn a_close_frame_between_fragments_is_not_behind_another_message() {
    let mut editor = Editor::new(name(Direction::Downstream));
    run(&mut editor, ANSWER, &[]);
    let reorder = || FrameEdit::Reorder(frames(Opcodes::Data, ".."));
    editor.apply(edits(vec![reorder()]), &mut |_| {});
    run(&mut editor, &text("1"), &[]);
    let mut edited = run(&mut editor, &frame(0x01, None, b"a"), &[]);
    let close = edits(vec![
        reorder(),
        FrameEdit::Close(b"\x03\xf4".to_vec(), 0, None),
    ]);
    editor.apply(close, &mut |step| edited.take(step));
    let expect = [frame(0x01, None, b"a"), frame(0x88, None, b"\x03\xf4")].concat();
    assert_eq!(edited.bytes, expect);
}

#[test]
fn a_message_too_long_to_be_kept_is_not_acted_on() {
    let mut editor = Editor::new(name(Direction::Downstream));
    run(&mut editor, ANSWER, &[]);
    let twice = edits(vec![FrameEdit::Duplicate(frames(Opcodes::Data, ".."))]);
    editor.apply(twice, &mut |_| {});
    let header = b"\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x00";
    let edited = run(&mut editor, &[&header[..], &[9; 5000]].concat(), &[]);
    assert_eq!(edited.acted(), [], "it went on unchanged");
}

#[test]
fn a_new_message_within_an_unfinished_kept_one_does_not_overtake_it() {
    let twice = vec![FrameEdit::Duplicate(frames(Opcodes::Data, "1"))];
    let stream = [frame(0x01, None, b"a"), text("2"), text("3")];
    assert_eq!(edit(twice, &stream).bytes, stream.concat());
}

#[test]
fn a_client_cannot_answer_itself() {
    let mut editor = Editor::new(name(Direction::Upstream));
    let edited = run(&mut editor, ANSWER, &[]);
    assert!(
        !edited
            .steps
            .iter()
            .any(|s| matches!(s, Step::Answer { .. })),
        "{:?}",
        edited.steps
    );
}

#[test]
fn a_server_cannot_ask() {
    let mut editor = Editor::new(name(Direction::Downstream));
    let edited = run(&mut editor, REQUEST, &[]);
    assert!(
        !edited
            .steps
            .iter()
            .any(|s| matches!(s, Step::Request { .. })),
        "{:?}",
        edited.steps
    );
}

#[test]
fn empty_fragments_are_not_kept_without_bound() {
    let mut editor = Editor::new(name(Direction::Downstream));
    run(&mut editor, ANSWER, &[]);
    let twice = edits(vec![FrameEdit::Duplicate(frames(Opcodes::Data, ".."))]);
    editor.apply(twice, &mut |_| {});
    run(&mut editor, &frame(0x01, None, b""), &[]);
    let many = frame(0x00, None, b"").repeat(1000);
    for _ in 0..100 {
        run(&mut editor, &many, &[]);
        assert!(editor.held() <= 256 * 1024, "{}", editor.held());
    }
}

#[test]
fn a_close_behind_a_cut_is_told_however_it_was_read() {
    let cut = || {
        FrameEdit::Cut(crate::fault::FrameCut {
            number: 1,
            opcodes: Opcodes::Any,
            part: crate::fault::Part::Header,
            message: None,
        })
    };
    let stream = [ANSWER.to_vec(), text("1"), frame(0x88, None, b"\x03\xe8")].concat();
    let told = |sizes: &[usize]| {
        let mut editor = Editor::new(name(Direction::Downstream));
        editor.apply(edits(vec![cut()]), &mut |_| {});
        run(&mut editor, &stream, sizes).steps
    };
    assert_eq!(told(&[1]), told(&[]));
    assert_eq!(told(&[]).last(), Some(&Step::Closing { code: Some(1000) }));
}

#[test]
fn an_interim_answer_is_not_the_answer() {
    let mut editor = Editor::new(name(Direction::Downstream));
    let stream = [b"HTTP/1.1 103 Early Hints\r\n\r\n", ANSWER].concat();
    let edited = run(&mut editor, &stream, &[7]);
    assert_eq!(edited.bytes, stream);
    let answers = edited
        .steps
        .iter()
        .filter(|step| matches!(step, Step::Answer { .. }));
    assert_eq!(answers.count(), 1);
}

#[test]
fn a_close_frame_comes_behind_the_message_asked_for() {
    let close = vec![FrameEdit::Close(b"\x03\xf4".to_vec(), 2, None)];
    let ping = frame(0x89, None, b"");
    let stream = [text("1"), ping.clone(), text("2"), text("3")];
    let expect = [text("1"), ping, text("2"), frame(0x88, None, b"\x03\xf4")];
    assert_eq!(edit(close, &stream).bytes, expect.concat());
}

#[test]
fn what_waits_goes_on_before_the_peers_own_close() {
    let reorder = vec![FrameEdit::Reorder(frames(Opcodes::Data, "2"))];
    let stream = [text("1"), text("2"), frame(0x88, None, b"")];
    assert_eq!(edit(reorder, &stream).bytes, stream.concat());
}

proptest! {
    /// Whatever rules come and go, and however the stream is cut: fragments stay
    /// behind their beginning, and an exchange of places loses nothing.
    #[test]
    fn messages_stay_whole_while_rules_come_and_go(
        messages in prop::collection::vec(any_frame(), 0..10),
        changes in prop::collection::vec((1_usize..80, any::<bool>()), 1..8),
        task in prop_oneof![any_frames().prop_map(FrameEdit::Reorder), any_frames().prop_map(FrameEdit::Drop), any_frames().prop_map(FrameEdit::Duplicate)],
        fragments in 1..3_usize,
    ) {
        let wires = wire(&messages, fragments, None);
        let stream = [ANSWER.to_vec(), wires.concat()].concat();
        let (mut editor, mut out, mut rest) =
            (Editor::new(name(Direction::Downstream)), Edited::default(), &stream[..]);
        for (size, is_on) in changes.iter().cycle() {
            if rest.is_empty() { break; }
            let tasks = if *is_on { vec![task.clone()] } else { Vec::new() };
            editor.apply(edits(tasks), &mut |step| out.take(step));
            let size = (*size).min(rest.len());
            editor.feed(Bytes::copy_from_slice(&rest[..size]), &mut |step| out.take(step));
            rest = &rest[size..];
        }
        editor.finish(&mut |step| out.take(step));
        // Frame by frame: each data fragment behind its own beginning.
        let mut scanner = Scanner::new();
        let mut open = false;
        let mut bad = None;
        let mut ends = ANSWER.len() as u64;
        scanner.feed(&out.bytes, &mut |seen| match seen {
            Seen::Frame(f) => {
                if f.start != ends { bad = Some("gap"); }
                ends = f.end;
                if !f.opcode.is_control() {
                    let is_cont = f.opcode == Opcode::Continuation;
                    if is_cont != open { bad = Some("fragment in the wrong place"); }
                    open = !f.header.is_final;
                }
            }
            Seen::Raw => bad = Some("raw"),
            _ => {}
        });
        prop_assert!(bad.is_none(), "{:?} {:x?}", bad, &out.bytes[ANSWER.len().min(out.bytes.len())..]);
        if matches!(task, FrameEdit::Reorder(_)) { prop_assert_eq!(out.bytes.len(), stream.len()); }
    }
}

#[test]
fn what_comes_after_a_dropped_message_ends_where_its_bytes_do() {
    let mut editor = Editor::new(name(Direction::Downstream));
    run(&mut editor, ANSWER, &[]);
    let drop = FrameEdit::Drop(frames(Opcodes::Data, ".."));
    editor.apply(edits(vec![drop]), &mut |_| {});
    run(&mut editor, &text("a long one"), &[]);
    editor.apply(Edits::default(), &mut |_| {});
    let edited = run(&mut editor, &text("2"), &[]);
    let begun = ANSWER.len() as u64;
    let (start, end) = (begun, begun + text("2").len() as u64);
    let placed = edited.steps.iter().find_map(|step| match step {
        Step::Frame { start, end, .. } => Some((*start, *end)),
        _ => None,
    });
    assert_eq!(placed, Some((start, end)));
}
