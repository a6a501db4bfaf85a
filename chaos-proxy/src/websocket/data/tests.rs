//! What is data in streams of every kind, however they are cut.

use proptest::prelude::*;

use super::*;

const TICK: &str = r#"{"type":"tick"}"#;
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

fn found(mut reader: DataReader, pieces: &[&[u8]]) -> Vec<(&'static str, u64)> {
    let mut all = Vec::new();
    for piece in pieces {
        reader.feed(piece, &mut |found| {
            all.push(match found {
                Found::Data { end } => ("data", end),
                Found::Answer { end } => ("answer", end),
                Found::Whole { end } => ("whole", end),
            });
        });
    }
    all
}

fn ticks() -> Pattern {
    Pattern::Json {
        pointer: "/type".to_owned(),
        equals: "tick".into(),
    }
}

fn patterned() -> DataReader {
    DataReader::new(Some(ticks()))
}

fn text(payload: &str) -> Vec<u8> {
    let mut frame = vec![0x81, u8::try_from(payload.len()).unwrap()];
    frame.extend_from_slice(payload.as_bytes());
    frame
}

fn answer(status: &str, content: &str) -> String {
    let length = content.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{content}")
}

#[test]
fn of_a_websocket_the_message_counts_that_the_pattern_is_in() {
    let (welcome, tick) = (text(r#"{"type":"welcome"}"#), text(TICK));
    let stream = [SWITCH.as_bytes(), &welcome, &tick, &welcome].concat();
    let end = (SWITCH.len() + welcome.len() + tick.len()) as u64;
    assert_eq!(found(patterned(), &[&stream]), [("data", end)]);
    let mut plain = DataReader::new(None);
    assert!(!plain.is_done());
    plain.feed(SWITCH.as_bytes(), &mut |_| {});
    assert!(plain.is_done(), "every message is data from here on");
}

#[test]
fn a_message_in_pieces_is_one_and_a_compressed_one_is_not_read() {
    let begin = [&[0x01, 5][..], b"{\"typ", &[0x89, 0]].concat();
    let pieces = [&begin[..], &[0x80, 10], b"e\":\"tick\"}"].concat();
    let stream = [SWITCH.as_bytes(), &pieces].concat();
    let end = stream.len() as u64;
    assert_eq!(found(patterned(), &[&stream]), [("data", end)]);
    let mut compressed = text(TICK);
    compressed[0] |= 0x40;
    let stream = [SWITCH.as_bytes(), &compressed].concat();
    assert_eq!(found(patterned(), &[&stream]), []);
    let stream = [&stream[..], &text(TICK)].concat();
    let end = stream.len() as u64;
    assert_eq!(found(patterned(), &[&stream]), [("data", end)]);
}

#[test]
fn of_answers_the_content_counts_and_no_refusal() {
    let (busy, first) = (answer("503 Busy", TICK), answer("200 OK", TICK));
    let stream = [busy.as_str(), &first, &answer("204 None", "")].concat();
    let end = (busy.len() + first.len()) as u64;
    let all = [("answer", end), ("whole", end)];
    let pieces = [stream.as_bytes()];
    assert_eq!(found(DataReader::new(None), &pieces), all);
    assert_eq!(found(patterned(), &pieces), all);
    let welcome = answer("200 OK", "welcome");
    assert_eq!(found(patterned(), &[welcome.as_bytes()]), []);
    let contains = DataReader::new(Some(Pattern::Contains("lco".to_owned())));
    let end = welcome.len() as u64;
    let (head, tail) = welcome.as_bytes().split_at(welcome.len() - 4);
    assert_eq!(
        found(contains, &[head, tail]),
        [("answer", end), ("whole", end)]
    );
}

#[test]
fn a_value_may_stand_on_many_lines_and_a_line_may_hold_one() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let lines = "6\r\n{\n\"typ\r\n9\r\ne\":\"tick\"\r\n2\r\n\n}\r\n0\r\n\r\n";
    let stream = format!("{head}{lines}");
    let end = stream.len() as u64;
    let all = [("answer", end), ("whole", end)];
    assert_eq!(found(patterned(), &[stream.as_bytes()]), all);
    let line = format!("{head}10\r\n{TICK}\n\r\n");
    let end = (line.len() - 2) as u64;
    assert_eq!(found(patterned(), &[line.as_bytes()]), [("answer", end)]);
}

#[test]
fn of_a_stream_of_events_an_event_with_data_counts() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let one = format!("{head}: hello\n\nevent: x\n\ndata: 1\r\n\r\n");
    let end = one.len() as u64;
    // What is told as soon as it may be: the line end may have a second byte.
    let all = [("answer", end - 1)];
    assert_eq!(found(DataReader::new(None), &[one.as_bytes()]), all);
    assert_eq!(found(patterned(), &[one.as_bytes()]), []);
    let whole = format!("{one}data:{{\ndata: \"type\":\"tick\"}}\n\n");
    let end = whole.len() as u64;
    assert_eq!(found(patterned(), &[whole.as_bytes()]), [("answer", end)]);
    let unfinished = format!("{one}data:{TICK}\n");
    assert_eq!(found(patterned(), &[unfinished.as_bytes()]), []);
}

#[test]
fn of_what_is_no_http_a_text_is_found_wherever_it_was_cut() {
    let contains = DataReader::raw(Pattern::Contains("abc".to_owned()));
    let pieces: [&[u8]; 4] = [b"xxa", b"b", b"cab", b"d"];
    assert_eq!(found(contains, &pieces), [("data", 7)]);
    let lines: [&[u8]; 3] = [b"no\n", TICK.as_bytes(), b"\n"];
    assert_eq!(found(DataReader::raw(ticks()), &lines), [("data", 19)]);
}

#[test]
fn what_is_too_long_to_be_looked_into_is_not_kept() {
    let mut reader = DataReader::raw(ticks());
    for _ in 0..100 {
        reader.feed(&[b'x'; 10_000], &mut |_| panic!("nothing is there"));
    }
    let kept = reader.line.bytes.len() + reader.message.bytes.len();
    assert!(kept <= 2 * LONGEST_MESSAGE, "{kept}");
    let next = format!("\n{TICK}\n");
    assert_eq!(found(reader, &[next.as_bytes()]).len(), 1);
}

/// A stream of events, an answer, a WebSocket; and no HTTP.
fn streams() -> [Vec<u8>; 3] {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
    let events = format!(
        "{head}Transfer-Encoding: chunked\r\n\r\n19\r\ndata: {TICK}\r\n\r\n\r\n0\r\n\r\n{}",
        answer("200 OK", TICK)
    );
    let frames = [SWITCH.as_bytes(), &text("a"), &text(TICK), &text("b")].concat();
    let lines = format!("SSH-2.0\n{TICK}\nx\n");
    [events.into_bytes(), frames, lines.into_bytes()]
}

#[test]
fn every_stream_holds_what_is_looked_for() {
    for stream in streams() {
        assert!(!found(patterned(), &[&stream]).is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn cuts_make_no_difference(
        cuts in proptest::collection::vec(1..40usize, 1..40),
        which in 0..3usize,
    ) {
        let stream = &streams()[which];
        let (mut pieces, mut rest) = (Vec::new(), &stream[..]);
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at((*cut).min(rest.len()));
            pieces.push(piece);
            rest = more;
        }
        prop_assert_eq!(found(patterned(), &pieces), found(patterned(), &[stream]));
    }
}
