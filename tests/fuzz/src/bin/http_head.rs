//! A request's header, and what of it goes up to TSM: what is taken, another reader (httparse, which is hyper's) reads
//! as we do; what goes up is from a short list and plain.
#![no_main]

use httparse::{EMPTY_HEADER, Status};
use hyper::header;
use tsmgate_server::relay::http::fields;
use tsmgate_server::relay::http::head::{FIELDS_LIMIT, Framing, HEAD_LIMIT, Head, HeadFault};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let read = Head::read(bytes);
    // what was said of the beginning is said of the whole
    for cut in (0..bytes.len()).rev().take(32) {
        let early = Head::read(&bytes[..cut]);
        assert!(early == Ok(None) || early == read, "cut at {cut}: {early:?}, then {read:?}");
    }
    match &read {
        Ok(Some(head)) => {
            reads_alike(head, bytes);
            is_plain(&fields::up(head, false, head.framing != Framing::None), head);
        }
        Ok(None) => assert!(bytes.len() < HEAD_LIMIT, "there is no end to wait for"),
        Err(HeadFault::Bad(what)) => assert!(!what.is_empty()),
        Err(HeadFault::TooLarge | HeadFault::Expectation) => {}
    }
});

/// Another reader finds the same end, the same words and the same body.
fn reads_alike(head: &Head, bytes: &[u8]) {
    let mut headers = [EMPTY_HEADER; FIELDS_LIMIT];
    let mut other = httparse::Request::new(&mut headers);
    assert_eq!(other.parse(bytes), Ok(Status::Complete(head.length)));
    assert_eq!(other.method.map(str::as_bytes), Some(head.method.as_slice()));
    assert_eq!(other.path.map(str::as_bytes), Some(head.target.as_slice()));
    assert_eq!(other.version, Some(if head.old { 0 } else { 1 }));
    let all = |name: &str| -> Vec<&[u8]> {
        let named = other.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| header.value.trim_ascii()).collect()
    };
    for header in &*other.headers {
        let name = header.name.to_ascii_lowercase();
        let values = all(&name);
        assert!(head.has(&name));
        assert_eq!(head.only(&name), values.first().copied().filter(|_| values.len() == 1));
    }
    let framing = match (all("content-length").as_slice(), all("transfer-encoding").as_slice()) {
        ([], []) => Framing::None,
        ([length], []) => match std::str::from_utf8(length).unwrap().parse().unwrap() {
            0 => Framing::None,
            length => Framing::Length(length),
        },
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") && !head.old => Framing::Chunked,
        both => panic!("it can be read in two ways: {both:?}"),
    };
    assert_eq!(head.framing, framing);
}

fn is_plain(up: &hyper::HeaderMap, head: &Head) {
    for (name, value) in up {
        let passes = [header::ACCEPT, header::ACCEPT_LANGUAGE];
        let made = [header::ACCEPT_ENCODING, header::CONTENT_TYPE];
        assert!(passes.contains(name) || made.contains(name), "{name}");
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b" ,;=/*.+-_".contains(b);
        assert!(value.as_bytes().iter().all(plain), "{value:?}");
        let ours = value == "application/json" || value == "identity";
        assert!(ours || head.only(name.as_str()) == Some(value.as_bytes()));
    }
    assert!(up.contains_key(header::ACCEPT));
    assert_eq!(up.get(header::ACCEPT_ENCODING).unwrap(), "identity");
    assert_eq!(up.contains_key(header::CONTENT_TYPE), head.framing != Framing::None);
}
