//! Any bytes in any pieces, under any rules: the scanner and the editor on top
//! of it never panic, say the same however the bytes were cut, hold a bounded
//! amount, and without rules let every byte go on as it came.

#![no_main]

use arbitrary::Arbitrary;
use bytes::Bytes;
use chaos_proxy::websocket::{Editor, Edits, FrameRule, FrameRuleId, Step, FrameEdit};
use chaos_proxy::{FrameCut, Frames, Illegal, LinkName, Opcodes, Ordinals, Part, Way};
use environment::{Direction, Seed};
use libfuzzer_sys::fuzz_target;

const HEADS: [&[u8]; 3] = [
    b"",
    b"HTTP/1.1 101 X\r\n\r\n",
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n",
];

/// A head, what is kept of messages, and what a piece may have.
const BOUND: usize = 64 * 1024 + 128 * 1024 + 64 * 1024;

#[derive(Debug, Arbitrary)]
struct Input {
    head: u8,
    is_upstream: bool,
    tasks: Vec<(u8, u8, u8)>,
    sizes: Vec<u8>,
    bytes: Vec<u8>,
}

fn task(&(kind, chosen, index): &(u8, u8, u8)) -> FrameEdit {
    let opcodes = [Opcodes::Data, Opcodes::Control, Opcodes::Any, Opcodes::Text];
    let frames = Frames {
        way: Way::Both,
        opcodes: opcodes[usize::from(chosen) % 4],
        message: None,
        index: Ordinals {
            first: u64::from(index % 8) + 1,
            last: (index > 127).then(|| u64::from(index % 8) + 2),
        },
    };
    let parts = [Part::Header, Part::Length, Part::Payload, Part::Between];
    let kinds = [Illegal::Opcode, Illegal::Mask, Illegal::Reserved, Illegal::Utf8];
    let choice = usize::from(kind) % 4;
    match kind / 4 % 7 {
        0 => FrameEdit::Drop(frames),
        1 => FrameEdit::Duplicate(frames),
        2 => FrameEdit::Reorder(frames),
        3 => FrameEdit::Delay(frames, std::time::Duration::from_secs(1)),
        4 => FrameEdit::Damage(frames, kinds[choice]),
        5 => FrameEdit::Close(vec![3, 232], 0),
        _ => FrameEdit::Cut(FrameCut {
            number: u64::from(index % 8) + 1,
            opcodes: opcodes[choice],
            part: parts[choice],
        message: None,
        }),
    }
}


/// `toggles`: whether the orders come and go with every piece.
fn run(input: &Input, tasks: &[FrameEdit], sizes: &[u8], toggles: bool) -> (Vec<u8>, Vec<Step>) {
    let direction = if input.is_upstream {
        Direction::Upstream
    } else {
        Direction::Downstream
    };
    let mut editor = Editor::new(LinkName {
        seed: Seed(1),
        client: "c".into(),
        attempt: 1,
        direction,
    });
    let (mut bytes, mut steps) = (Vec::new(), Vec::new());
    let mut take = |step| match step {
        Step::Pass(passed, _) => bytes.extend_from_slice(&passed),
        step => steps.push(step),
    };
    let orders = tasks.iter().enumerate().map(|(rule, task)| FrameRule {
        id: FrameRuleId { rule, occurrence: 1 },
        rule: "r".into(),
        task: task.clone(),
    });
    let edits = Edits {
        orders: orders.collect(),
        ..Edits::default()
    };
    editor.apply(edits.clone(), &mut take);
    let mut has_orders = true;
    let head = HEADS[usize::from(input.head) % HEADS.len()];
    let stream = [head, &input.bytes].concat();
    let (mut rest, mut sizes) = (&stream[..], sizes.iter().cycle());
    while !rest.is_empty() {
        let size = sizes.next().map_or(rest.len(), |&size| usize::from(size));
        let (now, later) = rest.split_at(size.clamp(1, rest.len()));
        editor.feed(Bytes::copy_from_slice(now), &mut take);
        assert!(editor.held() <= BOUND);
        if toggles {
            has_orders = !has_orders;
            let edits = if has_orders { edits.clone() } else { Edits::default() };
            editor.apply(edits, &mut take);
            editor.open(false, &mut take);
        }
        rest = later;
    }
    editor.finish(&mut take);
    (bytes, steps)
}

fuzz_target!(|input: Input| {
    let tasks: Vec<FrameEdit> = input.tasks.iter().take(4).map(task).collect();
    let whole = run(&input, &tasks, &[], false);
    assert_eq!(run(&input, &tasks, &input.sizes, false), whole);
    run(&input, &tasks, &input.sizes, true);
    let head = HEADS[usize::from(input.head) % HEADS.len()];
    let (bytes, _) = run(&input, &[], &input.sizes, false);
    assert_eq!(bytes, [head, &input.bytes].concat());
});
