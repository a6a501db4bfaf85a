//! Requests and answers, and what is no WebSocket.

use super::*;

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
    let asked = Step::Request {
        target,
        is_upgrade: true,
        is_head: false,
    };
    assert_eq!(edited.steps, [asked]);
    let mut passed = Edited::default();
    editor.decide(&mut |step| passed.take(step));
    assert_eq!(passed.bytes, REQUEST);

    let mut editor = Editor::new(name(Direction::Upstream));
    editor.apply(asks(Vec::new()), &mut |_| {});
    run(&mut editor, REQUEST, &[]);
    editor.apply(asks(vec![order(3, FrameEdit::Reply)]), &mut |_| {});
    let mut replied = Edited::default();
    editor.decide(&mut |step| replied.take(step));
    assert_eq!(replied.bytes, b"");
    assert!(matches!(replied.steps[..], [Step::Reply { .. }]));
    assert_eq!(run(&mut editor, b"more", &[]), Edited::default());
}

fn wanting() -> Edits {
    Edits {
        asks: true,
        refuses_extensions: true,
        ..edits(vec![FrameEdit::Drop(frames(Opcodes::Text, "99"))])
    }
}

#[test]
fn only_the_beginning_of_an_upgrade_is_held_back() {
    let held: [&[u8]; 4] = [
        b"GE",
        b"GET /",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
    ];
    let free: [&[u8]; 6] = [
        b"HELO relay.invalid\r\n",
        b"HELO rel",
        b"POST / HTTP/1.1\r\nHost: x\r\n",
        b"GET / HTTP/1.1\r\nHost x\r\n",
        b"hello",
        b"\x00\x01\x02",
    ];
    for (bytes, expected) in held
        .map(|it| (it, 0))
        .into_iter()
        .chain(free.map(|it| (it, it.len())))
    {
        let mut editor = Editor::new(name(Direction::Upstream));
        editor.apply(wanting(), &mut |_| {});
        let edited = run(&mut editor, bytes, &[3]);
        assert_eq!(edited.bytes, bytes[..expected], "{}", bytes.escape_ascii());
        let mut editor = Editor::new(name(Direction::Downstream));
        editor.apply(wanting(), &mut |_| {});
        assert_eq!(run(&mut editor, bytes, &[3]).bytes, bytes, "an answer");
    }
}

proptest! {
    #[test]
    fn whatever_begins_no_head_goes_on(
        start in prop_oneof![
            Just("HELO"), Just("hello"), Just("GET \x01"), Just("GET / x"), Just("GET /\r"),
            Just("GET / HTTP/2"), Just("GET / HTTP/1.1\n"), Just("GET / HTTP/1.1\r\n: "),
        ],
        rest in prop::collection::vec(any::<u8>(), 0..200),
        sizes in prop::collection::vec(1_usize..20, 1..5),
    ) {
        let bytes = [start.as_bytes(), &rest].concat();
        let mut editor = Editor::new(name(Direction::Upstream));
        editor.apply(wanting(), &mut |_| {});
        prop_assert_eq!(run(&mut editor, &bytes, &sizes).bytes, bytes);
    }
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
    let drop = edits(vec![FrameEdit::Drop(frames(Opcodes::Data, ".."))]);
    editor.apply(drop, &mut |_| {});
    let refusal = b"HTTP/1.1 503 Busy\r\nContent-Length: 1\r\n\r\nx";
    let edited = run(&mut editor, refusal, &[]);
    assert_eq!(edited.bytes, refusal);
    assert!(matches!(
        edited.steps[..],
        [Step::Answer { status: 503, .. }]
    ));
    let again = run(&mut editor, &[ANSWER, &text("1"), &text("2")].concat(), &[]);
    assert_eq!(again.bytes, ANSWER, "it acts once there is a WebSocket");
    assert_eq!(again.acted(), [(0, 1), (0, 2)]);
    let mut editor = Editor::new(name(Direction::Downstream));
    let drop = edits(vec![FrameEdit::Drop(frames(Opcodes::Data, ".."))]);
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
