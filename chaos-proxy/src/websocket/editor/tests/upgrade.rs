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
    assert_eq!(edited.steps, [Step::Request { target }]);
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
    assert!(edited.steps.contains(&Step::Raw { is_refusal: true }));
    assert_eq!(edited.steps.len(), 2);
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
