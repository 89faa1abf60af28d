//! Heads that nobody thought of: what is accepted can be read in one way only.

use proptest::prelude::*;

use super::*;

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
