//! A stranger's bytes, proven or not, on the login lane: one call of 18 bytes, or a fault that stays one.
#![no_main]

use tsmgate_wire::{CALL_LIMIT, CallFault, METHOD, decode_call, encode_call};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let read = decode_call(bytes);
    match &read {
        Ok(Some(call)) => {
            let mut ours = encode_call(call.sequence);
            // the protocol's unused byte, which everybody overlooks
            ours[2] = bytes[2];
            assert_eq!(bytes.get(..call.length), Some(ours.as_slice()), "one way to write it");
        }
        Ok(None) => assert!(bytes.len() < CALL_LIMIT, "there is no end to wait for"),
        Err(CallFault::TooLong) => assert!(bytes.len() >= CALL_LIMIT),
        Err(CallFault::UnknownMethod { name, .. }) => {
            assert!(name != METHOD && name.len() <= CALL_LIMIT);
        }
        Err(_) => {}
    }
    // what was said of the beginning is said of the whole: nothing that follows mends or spoils it
    for cut in 0..bytes.len().min(64) {
        let early = decode_call(&bytes[..cut]);
        assert!(early == Ok(None) || early == read, "cut at {cut}: {early:?}, then {read:?}");
    }
});
