//! The editor against a reference that sees the whole stream at once.

use std::sync::Arc;

use super::*;
use crate::fault::{Content, SendMessage};
use crate::websocket::frame_rule::Pieces;

/// What should come of messages, one rule at a time.
fn reference(task: &FrameEdit, messages: &[(Opcode, Vec<u8>)], wire: &[Vec<u8>]) -> Vec<u8> {
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
            FrameEdit::Drop(_) if is_meant => {}
            FrameEdit::Replace(_, content) if is_meant => {
                let code = match opcode {
                    Opcode::Ping => 0x89,
                    Opcode::Pong => 0x8a,
                    _ => 0x81,
                };
                out.extend(frame(code, None, content.bytes()));
            }
            FrameEdit::Fragment(..) if is_meant => out.extend(halves(bytes)),
            FrameEdit::Duplicate(_) if is_meant => out.extend([&bytes[..], bytes].concat()),
            FrameEdit::Reorder(_) if kept.is_some() => {
                out.extend(bytes);
                out.extend(kept.take().unwrap_or_default());
            }
            FrameEdit::Reorder(_) if is_meant => kept = Some(bytes.clone()),
            _ => out.extend(bytes),
        }
    }
    out.extend(kept.unwrap_or_default());
    out
}

/// A message that was one frame, in two.
fn halves(whole: &[u8]) -> Vec<u8> {
    let header = if whole[1] == 126 { 4 } else { 2 };
    let payload = &whole[header..];
    let (one, other) = payload.split_at(payload.len().div_ceil(2));
    let first = frame(whole[0] & 0x7f, None, one);
    [first, frame(0x80, None, other)].concat()
}

fn any_task() -> impl Strategy<Value = FrameEdit> {
    prop_oneof![
        any_frames().prop_map(FrameEdit::Drop),
        any_frames().prop_map(FrameEdit::Duplicate),
        any_frames().prop_map(FrameEdit::Reorder),
        any_frames().prop_map(|frames| FrameEdit::Delay(frames, Duration::from_secs(1))),
        any_frames().prop_map(|frames| FrameEdit::Replace(frames, own())),
        any_frames().prop_map(|frames| {
            let opcodes = Opcodes::Data;
            let (count, ping) = (2, false);
            FrameEdit::Fragment(Frames { opcodes, ..frames }, Pieces { count, ping })
        }),
    ]
}

fn own() -> Arc<Content> {
    Arc::new(Content::Text("own".to_owned()))
}

fn any_sent() -> impl Strategy<Value = FrameEdit> {
    let opcode = prop_oneof![Just(Opcode::Text), Just(Opcode::Ping)];
    (opcode, 0..4_u64).prop_map(|(opcode, frame)| {
        FrameEdit::Send(Arc::new(SendMessage {
            opcode,
            frame,
            ..SendMessage::text("own")
        }))
    })
}

fn any_order() -> impl Strategy<Value = FrameEdit> {
    let part = prop_oneof![
        Just(Part::Header),
        Just(Part::Length),
        Just(Part::Payload),
        Just(Part::Between)
    ];
    let cut = (1..6_u64, part).prop_map(|(number, part)| {
        FrameEdit::Cut(FrameCut {
            number,
            opcodes: Opcodes::Any,
            part,
            message: None,
        })
    });
    let kind = prop_oneof![
        Just(Illegal::Opcode),
        Just(Illegal::Mask),
        Just(Illegal::Reserved),
        Just(Illegal::Utf8)
    ];
    let damage = (any_frames(), kind).prop_map(|(frames, kind)| FrameEdit::Damage(frames, kind));
    prop_oneof![4 => any_task(), 1 => cut, 1 => damage, 1 => any_sent()]
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

    /// Whatever comes, and whenever the orders change: what no rule may touch
    /// comes out as it went in, and nothing is held without bound.
    #[test]
    fn nothing_is_lost_while_orders_come_and_go(
        messages in prop::collection::vec(any_frame(), 0..10),
        changes in prop::collection::vec((1_usize..80, any::<bool>()), 1..8),
        task in any_frames().prop_map(|frames| FrameEdit::Delay(frames, Duration::from_secs(1))),
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
