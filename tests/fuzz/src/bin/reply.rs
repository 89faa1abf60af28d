//! TSM's bytes: what is accepted has a cookie that can stand in a header, and reads the same when it is written anew.
#![no_main]

use tsmgate_wire::{Answer, REPLY_LIMIT, ReplyFault, decode_reply, encode_reply};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for sequence in [1, in_header(bytes)] {
        let read = decode_reply(bytes, sequence);
        match &read {
            Ok(Some(answer)) => {
                holds(answer);
                let anew = encode_reply(sequence, answer);
                assert_eq!(decode_reply(&anew, sequence).as_ref(), Ok(&Some(answer.clone())));
                let other = decode_reply(bytes, sequence.wrapping_add(1));
                assert_eq!(other, Err(ReplyFault::WrongSequence), "it answers one call alone");
            }
            Ok(None) => assert!(bytes.len() < REPLY_LIMIT, "there is no end to wait for"),
            Err(_) => {}
        }
        // a part is not an answer, unless what is cut off was none of it
        for cut in (0..bytes.len()).rev().take(32) {
            let early = decode_reply(&bytes[..cut], sequence);
            assert!(early == Ok(None) || early == read, "cut at {cut}: {early:?}, then {read:?}");
        }
    }
});

/// The sequence number of a header with a name of five letters.
fn in_header(bytes: &[u8]) -> i32 {
    bytes.get(13..17).and_then(|bytes| bytes.try_into().ok()).map_or(7, i32::from_be_bytes)
}

fn holds(answer: &Answer) {
    match answer {
        Answer::Granted(login) => {
            let cookie = &login.cookie;
            let header =
                |text: &str| text.bytes().all(|b| b.is_ascii_graphic() && !b"\",;\\".contains(&b));
            assert!(!cookie.name().is_empty() && header(cookie.name()));
            assert!(!cookie.name().contains('='), "the name ends where the value begins");
            assert!(!cookie.value().expose().is_empty() && header(cookie.value().expose()));
            assert!(cookie.max_age() > 0);
        }
        Answer::Exception(exception) => assert!(exception.message.len() <= REPLY_LIMIT),
        Answer::NotAuthorized | Answer::Error => {}
    }
}
