//! Bytes that are not the conversation, in both directions, and the limits.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a failed unwrap is a failed test"
)]

use proptest::prelude::*;
use tsmgate_wire::{
    CALL_LIMIT, CallFault, CookieFault, REPLY_LIMIT, ReplyFault, decode_call, decode_reply,
    encode_call,
};

const HEADER: &[u8] = b"\x80\x01\x00\x02\x00\x00\x00\x05login\x00\x00\x00\x01";

fn reply(result_fields: &[u8]) -> Vec<u8> {
    [HEADER, b"\x0c\x00\x00", result_fields, b"\x00\x00"].concat()
}

fn text(id: u8, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).unwrap().to_be_bytes();
    [&[0x0b, 0, id][..], &length, value].concat()
}

fn number(id: u8, value: i32) -> Vec<u8> {
    [&[0x08, 0, id][..], &value.to_be_bytes()].concat()
}

fn success(name: &[u8], value: &[u8], max_age: i32) -> Vec<u8> {
    reply(
        &[number(1, 0), text(2, b"u"), text(3, name), text(4, value), number(5, max_age)].concat(),
    )
}

/// R30: foreign protocols are refused at their first bytes, without waiting for more
#[test]
fn other_protocols_are_refused_at_once() {
    for (what, bytes) in [
        ("HTTP", &b"G"[..]),
        ("HTTP request", b"GET / HTTP/1.1\r\n\r\n"),
        ("framed", b"\x00\x00\x00\x12\x80\x01\x00\x01"),
        ("compact", b"\x82\x21\x01\x05login\x00"),
        ("JSON", b"[1,\"login\",1,1,{}]"),
        ("old-style", b"\x00\x00\x00\x05login\x01\x00\x00\x00\x01\x00"),
        ("wrong version", b"\x80\x02\x00\x01"),
        ("header transport", b"\x00\x00\x00\x2a\x0f\xff"),
    ] {
        assert_eq!(decode_call(bytes), Err(CallFault::NotStrictBinary), "{what}");
    }
}

/// R30: every kind of message that is not a plain call of login is told apart and refused
#[test]
fn messages_that_are_not_our_call_are_refused() {
    let oneway = b"\x80\x01\x00\x04\x00\x00\x00\x05login\x00\x00\x00\x09\x00";
    assert_eq!(decode_call(oneway), Err(CallFault::NotACall { sequence: 9 }));
    let result = b"\x80\x01\x00\x02\x00\x00\x00\x05login\x00\x00\x00\x09\x00";
    assert_eq!(decode_call(result), Err(CallFault::NotACall { sequence: 9 }));
    let argument = b"\x80\x01\x00\x01\x00\x00\x00\x05login\x00\x00\x00\x09\x08";
    assert_eq!(decode_call(argument), Err(CallFault::HasArguments { sequence: 9 }));
    for name in ["Login", "login ", "login\0", "Service:login", "logi", ""] {
        let length = u32::try_from(name.len()).unwrap().to_be_bytes();
        let call =
            [b"\x80\x01\x00\x01", &length[..], name.as_bytes(), b"\x00\x00\x00\x09\x00"].concat();
        let expected = CallFault::UnknownMethod { name: name.into(), sequence: 9 };
        assert_eq!(decode_call(&call), Err(expected));
    }
}

/// R31: an announced length beyond the limit is refused before anything is read or allocated for it
#[test]
fn announced_lengths_are_not_believed() {
    for length in [CALL_LIMIT as u32 + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] {
        let call = [b"\x80\x01\x00\x01", &length.to_be_bytes()[..]].concat();
        assert_eq!(decode_call(&call), Err(CallFault::NotStrictBinary), "{length:#x}");
    }
    for length in [REPLY_LIMIT as u32 + 1, 0x7fff_ffff, 0xffff_ffff] {
        let huge = [HEADER, b"\x0c\x00\x00\x0b\x00\x04", &length.to_be_bytes()[..]].concat();
        assert_eq!(decode_reply(&huge, 1), Err(ReplyFault::Malformed), "{length:#x}");
    }
}

/// R31: depth and containers are bounded as well
#[test]
fn depth_and_containers_are_bounded() {
    let deep = [HEADER, &b"\x0c\x00\x09".repeat(40)].concat();
    assert_eq!(decode_reply(&deep, 1), Err(ReplyFault::Malformed));
    let list = [HEADER, b"\x0f\x00\x09\x02\x7f\xff\xff\xff"].concat();
    assert_eq!(decode_reply(&list, 1), Err(ReplyFault::Malformed));
}

/// R33: an answer is taken only if it is the answer to this call
#[test]
fn only_an_answer_to_this_call_is_taken() {
    let good = success(b"AUTH_COOKIE", b"v", 7200);
    assert!(decode_reply(&good, 1).unwrap().is_some());
    assert_eq!(decode_reply(&good, 2), Err(ReplyFault::WrongSequence));
    let mut other = good.clone();
    other[8] = b'L';
    assert_eq!(decode_reply(&other, 1), Err(ReplyFault::WrongMethod));
    assert_eq!(decode_reply(&encode_call(1), 1), Err(ReplyFault::NotAReply));
    let trailing = [good, b"\x80\x01unasked".to_vec()].concat();
    assert!(decode_reply(&trailing, 1).unwrap().is_some());
}

/// R33: success without a cookie that could be used is not success
#[test]
fn success_without_a_usable_cookie_is_a_fault() {
    for (bytes, fault) in [
        (success(b"", b"v", 7200), CookieFault::Name),
        (success(b"AUTH COOKIE", b"v", 7200), CookieFault::Name),
        (success(b"AUTH_COOKIE", b"", 7200), CookieFault::Value),
        (success(b"AUTH_COOKIE", b"v\r\nSet-Cookie: x=y", 7200), CookieFault::Value),
        (success(b"AUTH_COOKIE", b"v;x", 7200), CookieFault::Value),
        (success(b"AUTH_COOKIE", b"v", 0), CookieFault::MaxAge),
        (success(b"AUTH_COOKIE", b"v", -1), CookieFault::MaxAge),
        (reply(&number(1, 0)), CookieFault::Name),
    ] {
        assert_eq!(decode_reply(&bytes, 1), Err(ReplyFault::NoCookie(fault)));
    }
}

/// R33: fields of the wrong type, fields twice, codes unknown or absent
#[test]
fn fields_must_have_their_type_and_come_once() {
    let wrong_type = reply(&text(1, b"\0\0\0\0"));
    assert_eq!(decode_reply(&wrong_type, 1), Err(ReplyFault::WrongField));
    let cookie_as_number = reply(&[number(1, 0), number(4, 1)].concat());
    assert_eq!(decode_reply(&cookie_as_number, 1), Err(ReplyFault::WrongField));
    let twice = reply(&[number(1, 1), number(1, 0)].concat());
    assert_eq!(decode_reply(&twice, 1), Err(ReplyFault::WrongField));
    assert_eq!(decode_reply(&reply(&number(1, 7)), 1), Err(ReplyFault::UnknownReturnCode(7)));
    assert_eq!(decode_reply(&reply(b""), 1), Err(ReplyFault::NoReturnCode));
    let no_result = [HEADER, b"\x00"].concat();
    assert_eq!(decode_reply(&no_result, 1), Err(ReplyFault::NoReturnCode));
    let not_text = reply(&[number(1, 0), text(2, b"\xff\xfe")].concat());
    assert_eq!(decode_reply(&not_text, 1), Err(ReplyFault::Malformed));
}

#[test]
fn unknown_fields_are_skipped() {
    let extra =
        [text(9, b"later version"), b"\x0c\x00\x0a\x0b\x00\x01\x00\x00\x00\x01x\x00".to_vec()];
    let bytes = reply(&[number(1, 1), extra.concat()].concat());
    assert_eq!(decode_reply(&bytes, 1), Ok(Some(tsmgate_wire::Answer::NotAuthorized)));
}

#[test]
fn messages_without_an_end_are_refused_at_the_limit() {
    let mut call = b"\x80\x01\x00\x01\x00\x00\x01\xff".to_vec();
    call.resize(CALL_LIMIT - 1, b'a');
    assert_eq!(decode_call(&call), Ok(None));
    call.push(b'a');
    assert_eq!(decode_call(&call), Err(CallFault::TooLong));

    let mut long = [HEADER, b"\x0c\x00\x00"].concat();
    while long.len() < REPLY_LIMIT {
        long.extend(text(9, &[b'x'; 1000]));
    }
    assert_eq!(decode_reply(&long[..REPLY_LIMIT - 1], 1), Ok(None));
    assert_eq!(decode_reply(&long, 1), Err(ReplyFault::TooLong));
}

proptest! {
    /// A message in any number of pieces: every prefix asks for more, the whole is taken.
    #[test]
    fn every_prefix_of_a_legal_message_asks_for_more(cut in 0_usize..18, sequence: i32) {
        let call = encode_call(sequence);
        prop_assert_eq!(decode_call(&call[..cut]), Ok(None));
        let whole = success(b"AUTH_COOKIE", b"eyJ.x.y", 7200);
        prop_assert_eq!(decode_reply(&whole[..cut * whole.len() / 18], 1), Ok(None));
    }

    /// No bytes make either decoder panic or accept what is not the conversation.
    #[test]
    fn arbitrary_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(Some(call)) = decode_call(&bytes) {
            prop_assert_eq!(&bytes[..call.length], &encode_call(call.sequence)[..]);
        }
        let _ = decode_reply(&bytes, 1);
        let _ = decode_reply(&[HEADER, &bytes].concat(), 1);
    }
}
