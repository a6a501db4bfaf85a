//! Heads, contents and frames, over any chunking.

use super::*;
use proptest::prelude::*;

const ANSWER: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
const REQUEST: &[u8] = b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";

fn scan(stream: &[u8], sizes: &[usize]) -> Vec<Seen> {
    let (mut scanner, mut seen, mut rest) = (Scanner::new(), Vec::new(), stream);
    let mut sizes = sizes.iter().copied().cycle();
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(rest.len()).clamp(1, rest.len());
        scanner.feed(&rest[..size], &mut |item| seen.push(item));
        rest = &rest[size..];
    }
    seen
}

fn with_frames(frames: &[u8]) -> Vec<u8> {
    [ANSWER, frames].concat()
}

fn at(offset: u64) -> u64 {
    ANSWER.len() as u64 + offset
}

#[test]
fn frames_are_found_behind_the_head() {
    let stream = with_frames(b"\x81\x02hi\x89\x00\x88\x02\x03\xf4");
    let seen = scan(&stream, &[]);
    let head = Head::Response {
        status: 101,
        is_compressed: false,
        is_event_stream: false,
    };
    assert_eq!(seen[0], Seen::Head { head, end: at(0) });
    let frames = seen.iter().filter_map(|seen| match seen {
        Seen::Frame(frame) => Some((frame.opcode, frame.start, frame.payload, frame.end)),
        _ => None,
    });
    let expect = [
        (Opcode::Text, at(0), at(2), at(4)),
        (Opcode::Ping, at(4), at(6), at(6)),
        (Opcode::Close, at(6), at(8), at(10)),
    ];
    assert_eq!(frames.collect::<Vec<_>>(), expect);
    assert_eq!(seen.last(), Some(&Seen::Close { code: Some(1012) }));
}

#[test]
fn a_masked_close_code_is_unmasked() {
    let stream = [REQUEST, b"\x88\x82\x01\x02\x03\x04\x02\xea"].concat();
    assert_eq!(
        scan(&stream, &[]).pop(),
        Some(Seen::Close { code: Some(1000) })
    );
}

#[test]
fn a_close_without_a_code_has_none() {
    assert_eq!(
        scan(&with_frames(b"\x88\x00"), &[]).pop(),
        Some(Seen::Close { code: None })
    );
}

#[test]
fn what_is_no_websocket_is_raw_and_said_once() {
    assert_eq!(scan(b"\x16\x03\x01 a TLS hello and more", &[]), [Seen::Raw]);
    assert_eq!(scan(&vec![b'A'; 2 * LONGEST_HEAD], &[]), [Seen::Raw]);
    let refused = scan(b"HTTP/1.1 503 Busy\r\n\r\nbody", &[]);
    assert!(matches!(
        refused[..],
        [
            Seen::Head {
                head: Head::Response { status: 503, .. },
                ..
            },
            Seen::Raw
        ]
    ));
}

#[test]
fn behind_a_content_comes_another_head() {
    let first = b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx";
    let stream = [&first[..], REQUEST, REQUEST, b"\x89\x80\0\0\0\0"].concat();
    for sizes in [&[][..], &[1], &[7]] {
        let seen = scan(&stream, sizes);
        let [
            Seen::Head { .. },
            Seen::HeadBegins { at },
            Seen::Head { .. },
            Seen::HeadBegins { .. },
            Seen::Head { .. },
            Seen::Frame(_),
        ] = seen[..]
        else {
            panic!("{seen:?}");
        };
        assert_eq!(at, first.len() as u64);
    }
}

#[test]
fn impossible_lengths_and_opcodes_end_the_scan() {
    let huge = with_frames(b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff");
    assert_eq!(scan(&huge, &[]).pop(), Some(Seen::Raw));
    assert_eq!(scan(&with_frames(b"\x83\x00"), &[]).pop(), Some(Seen::Raw));
}

proptest! {
    #[test]
    fn chunking_does_not_matter(
        payloads in prop::collection::vec((0_u8..16, prop::collection::vec(any::<u8>(), 0..300)), 0..8),
        sizes in prop::collection::vec(1_usize..50, 1..10),
    ) {
        let mut stream = ANSWER.to_vec();
        for (opcode, payload) in &payloads {
            stream.push(0x80 | opcode);
            stream.extend(if payload.len() < 126 {
                vec![u8::try_from(payload.len()).unwrap()]
            } else {
                [&[126], &u16::try_from(payload.len()).unwrap().to_be_bytes()[..]].concat()
            });
            stream.extend(payload);
        }
        prop_assert_eq!(scan(&stream, &sizes), scan(&stream, &[]));
    }

    #[test]
    fn nothing_makes_it_panic(stream in prop::collection::vec(any::<u8>(), 0..600), sizes in prop::collection::vec(1_usize..50, 1..10)) {
        prop_assert_eq!(scan(&stream, &sizes), scan(&stream, &[]));
        let stream = with_frames(&stream);
        prop_assert_eq!(scan(&stream, &sizes), scan(&stream, &[]));
    }
}
