//! A method and a target of a caller's, `METHOD /target`: refused, or written anew from a row and its typed values.
#![no_main]

#[path = "../../../../crates/catalogue/tests/properties/laws.rs"]
mod laws;

use tsmgate_catalogue::api::operation::Method;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == b' ');
    let (method, target) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    laws::holds(method, target);
    for method in Method::ALL {
        laws::holds(method.name().as_bytes(), target);
    }
});
