//! The golden bytes: what the published client sends and a TSM was seen to answer.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use tsmgate_wire::{
    Answer, Call, CallFault, Cookie, ExceptionKind, Login, RemoteException, Secret, decode_call,
    decode_reply, encode_call, encode_exception, encode_reply,
};

const CALL: &str = "8001000100000005 6c6f67696e 00000001 00";
const GRANTED: &str = "8001000200000005 6c6f67696e 00000001 0c0000 0800010000 0000 0b0002 00000001 75 \
     0b0003 0000000b 415554485f434f4f4b4945 0b0004 00000001 76 080005 00001c20 00 00";
const NOT_AUTHORIZED: &str = "8001000200000005 6c6f67696e 00000001 0c0000 080001 00000001 00 00";
const UNKNOWN_METHOD: &str =
    "8001000300000004 6e6f7065 00000007 0b0001 00000001 6d 080002 00000001 00";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn granted() -> Answer {
    let value = Secret::new("v".into());
    let cookie = Cookie::new("AUTH_COOKIE".into(), value, 7200).unwrap();
    Answer::Granted(Login { username: "u".into(), cookie })
}

/// R29: our own call is these 18 bytes
#[test]
fn the_call_is_the_golden_18_bytes() {
    assert_eq!(encode_call(1), hex(CALL));
    assert_eq!(hex(CALL).len(), 18);
    assert_eq!(decode_call(&hex(CALL)), Ok(Some(Call { sequence: 1, length: 18 })));
}

#[test]
fn replies_are_the_golden_bytes_both_ways() {
    assert_eq!(*encode_reply(1, &granted()), hex(GRANTED));
    assert_eq!(decode_reply(&hex(GRANTED), 1), Ok(Some(granted())));
    assert_eq!(*encode_reply(1, &Answer::NotAuthorized), hex(NOT_AUTHORIZED));
    assert_eq!(decode_reply(&hex(NOT_AUTHORIZED), 1), Ok(Some(Answer::NotAuthorized)));
}

/// TSM is Java, and libthrift's Java writes numbers that were never set: a refusal may carry a max age
/// of 0 beside its code.
#[test]
fn a_refusal_as_libthrift_java_writes_it_is_understood() {
    let java = "8001000200000005 6c6f67696e 00000001 0c0000 080001 00000001 080005 00000000 00 00";
    assert_eq!(decode_reply(&hex(java), 1), Ok(Some(Answer::NotAuthorized)));
}

#[test]
fn an_unknown_method_is_answered_with_the_golden_exception() {
    assert_eq!(encode_exception("nope", 7, ExceptionKind::UnknownMethod, "m"), hex(UNKNOWN_METHOD));
    let call = hex("8001000100000004 6e6f7065 00000007 00");
    assert_eq!(
        decode_call(&call),
        Err(CallFault::UnknownMethod { name: "nope".into(), sequence: 7 })
    );
}

#[test]
fn an_exception_in_place_of_a_result_is_understood() {
    let bytes = encode_exception("login", 3, ExceptionKind::InternalError, "over_limit");
    let expected =
        RemoteException { kind: ExceptionKind::InternalError, message: "over_limit".into() };
    assert_eq!(decode_reply(&bytes, 3), Ok(Some(Answer::Exception(expected))));
}

/// R39: a cookie shows in no Debug output, not even in part
#[test]
fn debug_of_a_granted_login_shows_no_cookie() {
    let value = Secret::new("s3cr3t-cookie-value".into());
    let cookie = Cookie::new("AUTH_COOKIE".into(), value, 7200).unwrap();
    let answer = Answer::Granted(Login { username: "u".into(), cookie });
    let shown = format!("{answer:?} {answer:#?}");
    assert!(!shown.contains("s3cr"), "{shown}");
    assert!(shown.contains("7200"), "{shown}");
}
