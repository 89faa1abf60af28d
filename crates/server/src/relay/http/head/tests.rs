//! Heads that are taken and heads that are not; and that there is one way to read what is taken.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use proptest::prelude::*;

use super::*;

/// A head with these lines between a good first line and the end.
fn with(lines: &str) -> Vec<u8> {
    format!("POST /x HTTP/1.1\r\nHost: gate\r\n{lines}\r\n").into_bytes()
}

fn read(bytes: &[u8]) -> Head {
    match Head::read(bytes) {
        Ok(Some(head)) => head,
        other => panic!("{:?}: {other:?}", String::from_utf8_lossy(bytes)),
    }
}

fn fault(bytes: &[u8]) -> HeadFault {
    match Head::read(bytes) {
        Err(fault) => fault,
        other => panic!("{:?}: {other:?}", String::from_utf8_lossy(bytes)),
    }
}

#[test]
fn a_good_head_is_read_as_it_stands() {
    let bytes = b"PUT /a?b=c HTTP/1.1\r\nHost: gate\r\nX-Odd:\t a b \t\r\nEMPTY:\r\nLatin: \xe9\r\n\r\nbody";
    let head = read(bytes);
    assert_eq!((&head.method[..], &head.target[..]), (&b"PUT"[..], &b"/a?b=c"[..]));
    assert_eq!(head.length, bytes.len() - b"body".len());
    assert_eq!((head.framing, head.keep_alive, head.old), (Framing::None, true, false));
    assert_eq!(head.only("x-odd"), Some(&b"a b"[..]));
    assert_eq!(head.only("empty"), Some(&b""[..]));
    assert_eq!(head.only("latin"), Some(&b"\xe9"[..]));
    assert_eq!((head.only("X-Odd"), head.has("body")), (None, false));
}

#[test]
fn the_end_of_a_body_is_told_in_one_way() {
    for (lines, framing) in [
        ("", Framing::None),
        ("Content-Length: 0\r\n", Framing::None),
        ("Content-Length: 1\r\n", Framing::Length(1)),
        ("content-length:  007\t \r\n", Framing::Length(7)),
        ("CONTENT-LENGTH: 999999999999999\r\n", Framing::Length(999_999_999_999_999)),
        ("Transfer-Encoding: chunked\r\n", Framing::Chunked),
        ("transfer-encoding:\t CHUNKED \r\n", Framing::Chunked),
        // other names, and so nothing
        ("Content_Length: 5\r\nTransfer_Encoding: chunked\r\n", Framing::None),
        ("X-Content-Length: 5\r\n", Framing::None),
    ] {
        assert_eq!(read(&with(lines)).framing, framing, "{lines:?}");
    }
}

#[test]
fn a_connection_goes_on_unless_somebody_says_otherwise() {
    for (lines, keep_alive) in [
        ("", true),
        ("Connection: keep-alive\r\n", true),
        ("Connection: close\r\n", false),
        ("Connection: Keep-Alive , CLOSE\r\n", false),
        ("Connection: x\r\nConnection:\tclose\t\r\n", false),
        ("Connection: closed, \"close\"\r\n", true),
    ] {
        assert_eq!(read(&with(lines)).keep_alive, keep_alive, "{lines:?}");
    }
    let old = read(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert!(old.old && !old.keep_alive);
}

#[test]
fn a_field_is_the_only_one_or_none() {
    let head = read(&with("Accept: a\r\nX: 1\r\naccept: b\r\n"));
    assert_eq!((head.only("accept"), head.only("x")), (None, Some(&b"1"[..])));
    assert!(head.has("accept"));
}

/// R59: a body whose end could be told in two ways, or in none that is spoken here, is refused
#[test]
fn two_ways_to_tell_the_end_are_refused() {
    const BOTH: &str = "Content-Length and Transfer-Encoding stand together";
    const TWICE: &str = "Content-Length stands twice";
    const NUMBER: &str = "a Content-Length that is not a number";
    const CODING: &str = "a Transfer-Encoding other than chunked";
    const CONTROL: &str = "the value of a field has control bytes";
    for (lines, what) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", BOTH),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", BOTH),
        ("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", BOTH),
        ("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", BOTH),
        ("Content-Length: 5\r\nTransfer-Encoding:\r\n", BOTH),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", TWICE),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", TWICE),
        ("Content-Length: 0\r\ncontent-length: 0\r\n", TWICE),
        ("Content-Length: 5, 5\r\n", NUMBER),
        ("Content-Length: +5\r\n", NUMBER),
        ("Content-Length: -5\r\n", NUMBER),
        ("Content-Length: 5 5\r\n", NUMBER),
        ("Content-Length: 0x5\r\n", NUMBER),
        ("Content-Length: 5.0\r\n", NUMBER),
        ("Content-Length: 1_000\r\n", NUMBER),
        ("Content-Length: \"5\"\r\n", NUMBER),
        ("Content-Length: \u{0665}\r\n", NUMBER),
        ("Content-Length:\r\n", NUMBER),
        ("Content-Length: 1000000000000000\r\n", NUMBER),
        ("Content-Length: 18446744073709551621\r\n", NUMBER),
        ("Transfer-Encoding: gzip\r\n", CODING),
        ("Transfer-Encoding: gzip, chunked\r\n", CODING),
        ("Transfer-Encoding: chunked, gzip\r\n", CODING),
        ("Transfer-Encoding: chunked, chunked\r\n", CODING),
        ("Transfer-Encoding: chunked,\r\n", CODING),
        ("Transfer-Encoding: ,chunked\r\n", CODING),
        ("Transfer-Encoding: chunked;q=1\r\n", CODING),
        ("Transfer-Encoding: \"chunked\"\r\n", CODING),
        ("Transfer-Encoding: xchunked\r\n", CODING),
        ("Transfer-Encoding: identity\r\n", CODING),
        ("Transfer-Encoding: c\thunked\r\n", CODING),
        ("Transfer-Encoding:\r\n", CODING),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CODING),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", CODING),
        // blanks to some, and not to others
        ("Transfer-Encoding: \u{b}chunked\r\n", CONTROL),
        ("Transfer-Encoding: \u{c}chunked\r\n", CONTROL),
        ("Transfer-Encoding: chunked\u{c}\r\n", CONTROL),
        ("Transfer-Encoding: chunked\r\r\n", CONTROL),
        ("Content-Length: \r5\r\n", CONTROL),
        ("Content-Length: 5\u{c}\r\n", CONTROL),
        ("Content-Length: 5\0\r\n", CONTROL),
    ] {
        assert_eq!(fault(&with(lines)), Bad(what), "{lines:?}");
    }
    let old = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(fault(old), Bad("Transfer-Encoding in HTTP/1.0"));
    let both = b"POST / HTTP/1.0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(fault(both), Bad(BOTH));
}

/// R59: lines end in CR LF, do not go on from the one before, and have a name right before the colon
#[test]
fn lines_of_another_kind_are_refused() {
    const END: &str = "a line does not end in CR LF";
    const COLON: &str = "a line without a colon";
    const NAME: &str = "the name of a field has bytes that cannot be there";
    const CONTROL: &str = "the value of a field has control bytes";
    for (lines, what) in [
        ("A: b\n", END),
        ("A: b\n\r\n", END),
        ("A: b\r\n\nC: d\r\n", END),
        ("A: b\nC: d\r\n", END),
        ("nothing\r\n", COLON),
        (" goes on\r\n", COLON),
        ("\tgoes on\r\n", COLON),
        (" goes: on\r\n", NAME),
        ("\tgoes: on\r\n", NAME),
        ("A : b\r\n", NAME),
        ("A\t: b\r\n", NAME),
        ("Content-Length : 5\r\n", NAME),
        (": b\r\n", NAME),
        ("A b: c\r\n", NAME),
        ("A\0: c\r\n", NAME),
        ("A\r: c\r\n", NAME),
        ("\rA: c\r\n", NAME),
        ("A\u{c}: c\r\n", NAME),
        ("(A): c\r\n", NAME),
        ("\u{e4}: c\r\n", NAME),
        ("\u{feff}A: c\r\n", NAME),
        ("A: b\rc\r\n", CONTROL),
        ("A: b\rC: d\r\n", CONTROL),
        ("A: \rb\r\n", CONTROL),
        ("A: b\r\r\n", CONTROL),
        ("A: \u{c}b\r\n", CONTROL),
        ("A: b\u{b}\r\n", CONTROL),
        ("A: \0\r\n", CONTROL),
        ("A: \u{1b}[2J\r\n", CONTROL),
        ("A: \u{7f}\r\n", CONTROL),
    ] {
        assert_eq!(fault(&with(lines)), Bad(what), "{lines:?}");
    }
    // also of one that is not whole: it never would be
    for bytes in [&b"GET / HTTP/1.1\n"[..], b"\nGET", b"GET / HTTP/1.1\r\nA: b\n\n", b"\n"] {
        assert_eq!(fault(bytes), Bad(END), "{bytes:?}");
    }
}

/// R59: a first line that is not METHOD TARGET HTTP/1.1 to the byte is refused
#[test]
fn first_lines_of_another_kind_are_refused() {
    const WORDS: &str = "the first line is not METHOD TARGET VERSION";
    const BYTES: &str = "method or target have bytes that cannot be there";
    for (first, what) in [
        ("", WORDS),
        ("GET", WORDS),
        ("GET /", WORDS),
        ("GET /a b HTTP/1.1", WORDS),
        ("GET  / HTTP/1.1", WORDS),
        ("GET /  HTTP/1.1", WORDS),
        (" GET / HTTP/1.1", WORDS),
        ("GET / HTTP/1.1 ", WORDS),
        ("GET\t/\tHTTP/1.1", WORDS),
        (" / HTTP/1.1", BYTES),
        ("G(T / HTTP/1.1", BYTES),
        ("GET\t / HTTP/1.1", BYTES),
        ("G\0T / HTTP/1.1", BYTES),
        ("\rGET / HTTP/1.1", BYTES),
        ("GET /\0 HTTP/1.1", BYTES),
        ("GET /\t HTTP/1.1", BYTES),
        ("GET /\r HTTP/1.1", BYTES),
        ("GET /\u{7f} HTTP/1.1", BYTES),
        ("GET /\u{e4} HTTP/1.1", BYTES),
        ("GET / http/1.1", NEITHER),
        ("GET / HTTP/1.1\r", NEITHER),
        ("GET / HTTP/1.2", NEITHER),
        ("GET / HTTP/0.9", NEITHER),
        ("GET / HTTP/2.0", NEITHER),
        ("GET / HTTP/01.1", NEITHER),
        ("GET / HTTP/1.10", NEITHER),
        ("GET / HTTP/1", NEITHER),
        ("GET / HTTPS/1.1", NEITHER),
        ("PRI * HTTP/2.0", NEITHER),
    ] {
        let head = format!("{first}\r\nHost: gate\r\n\r\n");
        assert_eq!(fault(head.as_bytes()), Bad(what), "{first:?}");
    }
    // an empty line in front, which some skip
    assert_eq!(fault(b"\r\nGET / HTTP/1.1\r\nHost: gate\r\n\r\n"), Bad(WORDS));
    assert_eq!(fault(b"\r\n\r\n"), Bad(WORDS));
    // targets are the catalogue's to judge, as long as they are visible
    for target in ["*", "gate:443", "http://gate/", "/a#b", "/\\", "/%00"] {
        let head = format!("GET {target} HTTP/1.1\r\nHost: gate\r\n\r\n");
        assert_eq!(read(head.as_bytes()).target, target.as_bytes());
    }
}

/// R59: what asks for another protocol, or for a consent, is refused; and whom it is for is said once
#[test]
fn what_is_not_spoken_is_refused() {
    const UPGRADE: HeadFault = Bad("there is nothing to upgrade to");
    const HOST: HeadFault = Bad("there has to be one Host");
    for (lines, fault_is) in [
        ("Upgrade: h2c\r\n", UPGRADE),
        ("Upgrade:\r\n", UPGRADE),
        ("Connection: upgrade\r\n", UPGRADE),
        ("Connection: keep-alive,\tUpgrade\r\n", UPGRADE),
        ("Connection: x\r\nConnection: upgrade\r\n", UPGRADE),
        ("Expect: 100-continue\r\n", HeadFault::Expectation),
        ("Expect:\r\n", HeadFault::Expectation),
        ("expect: anything\r\n", HeadFault::Expectation),
        ("Host: gate\r\n", HOST),
        ("HOST: other\r\n", HOST),
    ] {
        assert_eq!(fault(&with(lines)), fault_is, "{lines:?}");
    }
    assert_eq!(fault(b"GET / HTTP/1.1\r\n\r\n"), HOST);
    assert_eq!(fault(b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), HOST);
    assert!(read(b"GET / HTTP/1.0\r\n\r\n").old);
}

/// R62: 64 fields and 16 KiB are taken, not one more
#[test]
fn a_head_has_its_limits() {
    // one is the host
    let fields = "a: b\r\n".repeat(FIELDS_LIMIT - 1);
    assert_eq!(read(&with(&fields)).fields.len(), FIELDS_LIMIT);
    assert_eq!(fault(&with(&format!("{fields}a: b\r\n"))), HeadFault::TooLarge);
    let long = |length: usize| with(&format!("a: {}\r\n", "b".repeat(length)));
    let room = HEAD_LIMIT - long(0).len();
    assert_eq!(read(&long(room)).length, HEAD_LIMIT);
    let more = long(room + 1);
    assert_eq!(Head::read(&more[..HEAD_LIMIT - 1]), Ok(None));
    assert_eq!(fault(&more[..HEAD_LIMIT]), HeadFault::TooLarge);
    assert_eq!(fault(&more), HeadFault::TooLarge);
    // without any end of a line
    assert_eq!(fault(&[b'A'; HEAD_LIMIT]), HeadFault::TooLarge);
    assert_eq!(Head::read(&[b'A'; HEAD_LIMIT - 1]), Ok(None));
    // what follows a head does not count
    let body = [&with("Content-Length: 99999\r\n")[..], &[b'\n'; 99_999]].concat();
    assert_eq!(read(&body).framing, Framing::Length(99_999));
}

/// What heads, and tricks with them, are made of.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words = proptest::sample::select(vec![
        "GET",
        "POST",
        " ",
        "/",
        "/x?y=z",
        "HTTP/1.1",
        "HTTP/1.0",
        "\r\n",
        "\r\n",
        "\r\n\r\n",
        "\r",
        "\n",
        "\t",
        "\0",
        "\u{b}",
        "\u{c}",
        ":",
        ": ",
        ",",
        "0",
        "5",
        "+",
        "Host: gate",
        "Host",
        "A: b",
        "Content-Length",
        "Content-Length: 5",
        "Transfer-Encoding",
        "chunked",
        "Transfer-Encoding: chunked",
        "Connection: close",
        "Connection",
        "close",
        "Expect",
        "\u{e4}",
    ])
    .prop_map(|word| word.as_bytes().to_vec());
    prop_oneof![9 => words, 1 => any::<u8>().prop_map(|byte| vec![byte])]
}

/// Heads that have some likelihood of being good: a good one with pieces put in anywhere.
fn nearly() -> impl Strategy<Value = Vec<u8>> {
    let lines = proptest::sample::select(vec![
        "",
        "Content-Length: 12\r\n",
        "Transfer-Encoding: chunked\r\n",
        "A: b\r\nAccept:  c\t\r\n",
        "Connection: close\r\nX: \"y\"\r\n",
    ]);
    let spots = proptest::collection::vec((any::<prop::sample::Index>(), piece()), 0..3);
    (lines, spots).prop_map(|(lines, spots)| {
        let mut bytes = with(lines);
        for (spot, piece) in spots {
            let at = spot.index(bytes.len() + 1);
            bytes.splice(at..at, piece);
        }
        bytes
    })
}

/// Written anew from what was read.
fn written(head: &Head) -> Vec<u8> {
    let version = if head.old { "HTTP/1.0" } else { "HTTP/1.1" };
    let mut bytes = [&head.method, &b" "[..], &head.target, b" ", version.as_bytes()].concat();
    for (name, value) in &head.fields {
        bytes.extend([b"\r\n", name.as_bytes(), b": ", value].concat());
    }
    bytes.extend(b"\r\n\r\n");
    bytes
}

/// That what was accepted can be read in one way only.
fn is_plain(bytes: &[u8]) {
    let Ok(Some(head)) = Head::read(bytes) else { return };
    let whole = &bytes[..head.length];
    assert!(whole.len() <= HEAD_LIMIT && head.fields.len() <= FIELDS_LIMIT);
    // nothing that ends a line, or a text, for somebody else
    for line in String::from_utf8_lossy(whole).split("\r\n") {
        assert!(line.chars().all(|c| c == '\t' || !c.is_ascii_control()), "{line:?}");
        assert!(!line.starts_with([' ', '\t']), "{line:?}");
    }
    // the end is the first empty line, and all of it is needed
    assert_eq!(memmem::find(whole, END), Some(whole.len() - END.len()));
    for cut in 0..whole.len() {
        assert_eq!(Head::read(&whole[..cut]), Ok(None), "cut at {cut}");
    }
    let same = |other: Head| {
        let length = head.length;
        assert_eq!(Head { length, ..other }, head);
    };
    same(read(whole));
    same(read(&[whole, b"\n\n\0 smuggled"].concat()));
    same(read(&written(&head)));
}

proptest! {
    /// R59: whatever bytes come, nothing panics, and what is accepted reads the same when it is cut at
    /// any point, followed by anything, or written anew
    #[test]
    fn what_is_accepted_reads_in_one_way(pieces in proptest::collection::vec(piece(), 0..24)) {
        is_plain(&pieces.concat());
    }

    /// R59: the same of heads that were tampered with a little
    #[test]
    fn what_was_tampered_with_reads_in_one_way(bytes in nearly()) {
        is_plain(&bytes);
    }

    /// R59: a refusal of a head's beginning is a refusal of the whole: nothing that follows mends it
    #[test]
    fn a_refusal_stays_one(bytes in nearly(), more in piece()) {
        if let Err(fault) = Head::read(&bytes) {
            prop_assert_eq!(Head::read(&[bytes, more].concat()), Err(fault));
        }
    }
}
