//! Calls whole, in pieces, and broken.

use super::*;

const LOGIN: &[u8] = b"\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x01\x00";

fn whole(length: usize) -> Reading {
    Reading::Whole { length, method: "login".to_owned() }
}

#[test]
fn a_login_is_whole_only_with_its_last_byte() {
    for length in 0..LOGIN.len() {
        assert_eq!(read_call(&LOGIN[..length]), Reading::Incomplete, "{length} bytes");
    }
    assert_eq!(read_call(LOGIN), whole(18));
}

#[test]
fn bytes_of_a_second_call_are_left_alone() {
    assert_eq!(read_call(&[LOGIN, LOGIN].concat()), whole(18));
}

#[test]
fn arguments_that_login_does_not_have_are_skipped() {
    let with_argument = [&LOGIN[..17], b"\x0b\x00\x01\x00\x00\x00\x02hi\x00"].concat();
    assert_eq!(read_call(&with_argument), whole(with_argument.len()));
}

#[test]
fn what_is_no_call_is_broken() {
    let cases: [(&str, &[u8]); 6] = [
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n"),
        ("the header without a version word", b"\x00\x00\x00\x05login\x01\x00\x00\x00\x01\x00"),
        ("a frame length in front", b"\x00\x00\x00\x12\x80\x01\x00\x01\x00\x00\x00\x05login"),
        ("a reply", b"\x80\x01\x00\x02\x00\x00\x00\x05login\x00\x00\x00\x01\x00"),
        ("a name of 2 GiB", b"\x80\x01\x00\x01\x7f\xff\xff\xff"),
        ("a name of negative length", b"\x80\x01\x00\x01\xff\xff\xff\xff"),
    ];
    for (what, bytes) in cases {
        assert!(matches!(read_call(bytes), Reading::Broken(_)), "{what}: {:?}", read_call(bytes));
    }
}

#[test]
fn a_call_without_an_end_is_broken_at_the_limit() {
    let mut endless = LOGIN[..17].to_vec();
    while endless.len() < CALL_LIMIT {
        endless.extend_from_slice(b"\x02\x00\x01\x01"); // a bool field
    }
    assert_eq!(read_call(&endless[..CALL_LIMIT - 1]), Reading::Incomplete);
    assert!(matches!(read_call(&endless[..CALL_LIMIT]), Reading::Broken(_)));
}
