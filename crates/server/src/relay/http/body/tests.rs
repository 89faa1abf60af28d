//! Bodies as they come: whole, in chunks good and bad, cut anywhere, too large and too slow.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use proptest::prelude::*;
use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

use super::*;

const LIMIT: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(5);

/// What comes of these bytes: `here` was read with the header, `later` is still to come, and then the peer
/// says no more. With it what is left for the next request.
async fn read_of(
    framing: Framing,
    here: &[u8],
    later: &[u8],
) -> (Result<Vec<u8>, BodyFault>, Vec<u8>) {
    let (mut peer, mut stream) = duplex(1 << 20);
    peer.write_all(later).await.unwrap();
    peer.shutdown().await.unwrap();
    let mut buffer = BytesMut::from(here);
    let body = Reader::new(&mut stream, &mut buffer, LIMIT, PATIENCE).read(framing).await;
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    (body, buffer.to_vec())
}

/// The same of chunks that are all to come.
async fn chunks(bytes: &[u8]) -> Result<Vec<u8>, BodyFault> {
    read_of(Framing::Chunked, b"", bytes).await.0
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

/// R59: a body ends where its length says, and what follows is left for the next request
#[tokio::test]
async fn a_length_is_kept() {
    for (here, later) in [("helloGET /", ""), ("hel", "lo"), ("", "hello"), ("hello", "")] {
        let (body, left) = read_of(Framing::Length(5), here.as_bytes(), later.as_bytes()).await;
        assert_eq!(body, Ok(b"hello".to_vec()), "{here:?} {later:?}");
        let rest = here.strip_prefix("hello").unwrap_or_default();
        assert_eq!(left, rest.as_bytes());
    }
    let (none, left) = read_of(Framing::None, b"GET /", b"").await;
    assert_eq!((none, &left[..]), (Ok(Vec::new()), &b"GET /"[..]));
    assert_eq!(read_of(Framing::Length(5), b"hell", b"").await.0, Err(BodyFault::Gone));
}

/// R62: more than the limit is refused before it is read, whatever is announced
#[tokio::test]
async fn the_limit_is_kept_without_reading_on() {
    let all = vec![b'a'; LIMIT];
    let limit = LIMIT as u64;
    assert_eq!(read_of(Framing::Length(limit), b"", &all).await.0, Ok(all.clone()));
    for length in [limit + 1, u64::MAX] {
        let (body, left) = read_of(Framing::Length(length), b"here", b"").await;
        assert_eq!((body, &left[..]), (Err(BodyFault::TooLarge), &b"here"[..]), "{length}");
    }
    let one = [b"1000\r\n", &all[..], b"\r\n0\r\n\r\n"].concat();
    assert_eq!(chunks(&one).await, Ok(all.clone()));
    for more in ["1001\r\n", "ffffffff\r\n", "800\r\n"] {
        let half = [b"801\r\n", &all[..0x801], b"\r\n"].concat();
        let begun = if more == "800\r\n" { half } else { Vec::new() };
        let bytes = [&begun, more.as_bytes()].concat();
        assert_eq!(chunks(&bytes).await, Err(BodyFault::TooLarge), "{more:?}");
    }
}

/// R59: chunks are taken with sizes in either case, leading zeros and extensions that fit
#[tokio::test]
async fn good_chunks_are_joined() {
    let long = "x".repeat(EXTENSIONS_LIMIT - 1);
    for (bytes, body) in [
        ("0\r\n\r\n".to_owned(), ""),
        ("00000000\r\n\r\n".to_owned(), ""),
        ("5\r\nhello\r\n0\r\n\r\n".to_owned(), "hello"),
        ("00000005\r\nhello\r\n0\r\n\r\n".to_owned(), "hello"),
        ("2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n".to_owned(), "hello"),
        ("a\r\n0123456789\r\n0\r\n\r\n".to_owned(), "0123456789"),
        ("A;b=c\r\n0123456789\r\n0;d=\"e f\"\r\n\r\n".to_owned(), "0123456789"),
        ("4\r\n\r\n\r\n\r\n0\r\n\r\n".to_owned(), "\r\n\r\n"),
        (format!("1;{long}\r\na\r\n0\r\n\r\n"), "a"),
    ] {
        assert_eq!(chunks(bytes.as_bytes()).await, Ok(body.into()), "{bytes:?}");
        let next = format!("{bytes}GET /");
        let (whole, left) = read_of(Framing::Chunked, next.as_bytes(), b"").await;
        assert_eq!((whole, &left[..]), (Ok(body.into()), &b"GET /"[..]), "{bytes:?}");
    }
}

/// R59: sizes that two readers could read in two ways, long extensions and fields behind the end are refused
#[tokio::test]
async fn bad_chunks_are_refused() {
    const SIZE: &str = "a chunk without a size";
    const END: &str = "a chunk does not end where it said";
    const FIELDS: &str = "fields behind the last chunk";
    const MORE: &str = "too much behind the sizes of chunks";
    let ext = |length: usize| format!(";{}", "x".repeat(length - 1));
    let several = format!("1{}\r\na\r\n", ext(100)).repeat(3);
    for (bytes, what) in [
        ("\r\n", SIZE),
        ("\r\n5\r\nhello\r\n0\r\n\r\n", SIZE),
        (" 5\r\nhello\r\n0\r\n\r\n", SIZE),
        ("5 \r\nhello\r\n0\r\n\r\n", SIZE),
        ("5 ;a\r\nhello\r\n0\r\n\r\n", SIZE),
        ("\t5\r\nhello\r\n0\r\n\r\n", SIZE),
        ("+5\r\nhello\r\n0\r\n\r\n", SIZE),
        ("-5\r\nhello\r\n0\r\n\r\n", SIZE),
        ("-0\r\n\r\n", SIZE),
        ("0x5\r\nhello\r\n0\r\n\r\n", SIZE),
        ("5h\r\nhello\r\n0\r\n\r\n", SIZE),
        ("5,5\r\nhello\r\n0\r\n\r\n", SIZE),
        ("g\r\n", SIZE),
        (";a\r\n", SIZE),
        ("\u{0665}\r\nhello\r\n0\r\n\r\n", SIZE),
        ("000000005\r\nhello\r\n0\r\n\r\n", SIZE),
        ("100000000\r\n", SIZE),
        ("10000000000000005\r\nhello\r\n0\r\n\r\n", SIZE),
        ("fffffffffffffffff\r\n", SIZE),
        ("5\nhello\r\n0\r\n\r\n", SIZE),
        ("5\rhello\r\n0\r\n\r\n", SIZE),
        ("5\r\r\nhello\r\n0\r\n\r\n", SIZE),
        ("5;a\nhello\r\n0\r\n\r\n", SIZE),
        ("5;a\rb\r\nhello\r\n0\r\n\r\n", SIZE),
        ("5;\0\r\nhello\r\n0\r\n\r\n", SIZE),
        ("5;\u{c}\r\nhello\r\n0\r\n\r\n", SIZE),
        ("0\n\r\n", SIZE),
        (&"0".repeat(SIZE_LINE_LIMIT), SIZE),
        (&format!("5{}", ext(SIZE_LINE_LIMIT)), SIZE),
        ("5\r\nhelloo\r\n0\r\n\r\n", END),
        ("5\r\nhello0\r\n\r\n", END),
        ("5\r\nhello\n0\r\n\r\n", END),
        ("5\r\nhello\n\r0\r\n\r\n", END),
        ("5\r\nhello\r0\r\n\r\n", END),
        ("0\r\nA: b\r\n\r\n", FIELDS),
        ("0\r\nContent-Length: 5\r\n\r\n", FIELDS),
        ("5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n", FIELDS),
        ("0\r\n\n\n", FIELDS),
        (&format!("1{}\r\na\r\n0\r\n\r\n", ext(EXTENSIONS_LIMIT + 1)), MORE),
        (&format!("{several}0\r\n\r\n"), MORE),
        (&format!("1{}\r\na\r\n0;\r\n\r\n", ext(EXTENSIONS_LIMIT)), MORE),
    ] {
        assert_eq!(chunks(bytes.as_bytes()).await, Err(BodyFault::Bad(what)), "{bytes:?}");
    }
}

/// A peer that sends so many bytes at once in each second; how long it was listened to, and what came of it.
async fn paced(framing: Framing, each: &'static [u8]) -> (Result<Vec<u8>, BodyFault>, Duration) {
    let (peer, mut stream) = duplex(1 << 20);
    let drops = tokio::spawn(drip(peer, each));
    let begun = Instant::now();
    let mut buffer = BytesMut::new();
    let body = Reader::new(&mut stream, &mut buffer, LIMIT, PATIENCE).read(framing).await;
    drops.abort();
    (body, begun.elapsed())
}

async fn drip(mut peer: DuplexStream, each: &[u8]) {
    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    loop {
        seconds.tick().await;
        if peer.write_all(each).await.is_err() {
            return;
        }
    }
}

/// R62: who is silent, or sends a byte a second, is too slow when the patience is over; a byte renews nothing
#[tokio::test(start_paused = true)]
async fn a_slow_body_is_not_waited_for() {
    let length = Framing::Length(4000);
    for (framing, each) in [
        (length, &b""[..]),
        (length, b"a"),
        (Framing::Chunked, b""),
        (Framing::Chunked, b"1"),
        (Framing::Chunked, b"1\r\na\r\n"),
        (Framing::Chunked, b"1;\r\na\r\n"),
    ] {
        let (body, time) = paced(framing, each).await;
        assert_eq!(body, Err(BodyFault::TooSlow), "{each:?}");
        assert!(time <= PATIENCE + Duration::from_millis(10), "{each:?}: {time:?}");
    }
}

/// R62: who keeps the pace is waited for longer than that
#[tokio::test(start_paused = true)]
async fn a_body_at_the_pace_is_waited_for() {
    let (body, time) = paced(Framing::Length(4096), &[b'a'; 512]).await;
    assert_eq!(body, Ok(vec![b'a'; 4096]));
    assert!(time > PATIENCE, "{time:?}");
    // half of that is too slow, but was listened to as long as it earned
    let (body, time) = paced(Framing::Length(4096), &[b'a'; 256]).await;
    assert_eq!(body, Err(BodyFault::TooSlow));
    assert!(time > PATIENCE && time < 2 * PATIENCE, "{time:?}");
}

/// A body in chunks of these sizes, with an extension here and there.
fn in_chunks(body: &[u8], sizes: &[usize]) -> Vec<u8> {
    let (mut bytes, mut left) = (Vec::new(), body);
    let mut sizes = sizes.iter().cycle();
    while !left.is_empty() {
        let size = sizes.next().map_or(1, |size| *size).min(left.len());
        let extension = if size % 7 == 3 { ";a=b" } else { "" };
        bytes.extend(format!("{size:x}{extension}\r\n").into_bytes());
        bytes.extend(&left[..size]);
        bytes.extend(b"\r\n");
        left = &left[size..];
    }
    bytes.extend(b"0\r\n\r\n");
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// R59: a body is what was sent, however it was cut into chunks and wherever reading met its bytes
    #[test]
    fn chunks_read_the_same_cut_anywhere(
        body in proptest::collection::vec(any::<u8>(), 0..200),
        // few, so that their extensions stay in their limit
        sizes in proptest::collection::vec(4_usize..60, 1..8),
        at in any::<prop::sample::Index>(),
    ) {
        let bytes = in_chunks(&body, &sizes);
        let (here, later) = bytes.split_at(at.index(bytes.len() + 1));
        run(async {
            assert_eq!(read_of(Framing::Chunked, here, later).await.0, Ok(body));
            // and what breaks off is no body
            if !later.is_empty() {
                let (cut, _) = read_of(Framing::Chunked, here, b"").await;
                assert_eq!(cut, Err(BodyFault::Gone));
            }
        });
    }

    /// R59: whatever bytes come, there is no panic, no body over its limit, and never more read than came
    #[test]
    fn arbitrary_chunks_are_survived(
        pieces in proptest::collection::vec(prop_oneof![
            9 => proptest::sample::select(vec![
                "0", "1", "5", "f", "a", "\r\n", "\r\n", "\r", "\n", ";", " ", "x", "0\r\n\r\n",
                "1\r\na\r\n", "5\r\nhello\r\n", "1001\r\n", "ffffffff",
            ]).prop_map(|word| word.as_bytes().to_vec()),
            1 => any::<u8>().prop_map(|byte| vec![byte]),
        ], 0..24),
    ) {
        let bytes = pieces.concat();
        let (body, left) = run(read_of(Framing::Chunked, &bytes, b""));
        if let Ok(body) = body {
            prop_assert!(body.len() <= LIMIT && body.len() + left.len() + 5 <= bytes.len());
            prop_assert!(bytes.ends_with(&left));
        }
    }
}
