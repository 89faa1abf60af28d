//! A token, as somebody pasted it, or (first byte odd) as its bytes with a right check sum: refused, or written again
//! as the same line.
#![no_main]

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64URL_NOPAD;
use tsmgate_pki::enrolment::Token;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((first, bytes)) = fuzz::choice(bytes) else { return };
    let text =
        if first % 2 == 0 { String::from_utf8_lossy(bytes).into_owned() } else { line(bytes) };
    let Ok(token) = text.parse::<Token>() else { return };
    assert_eq!(token.to_string(), text.trim(), "one line for one token");
    let secret = token.secret.to_text();
    assert_eq!(BASE64URL_NOPAD.decode(secret.as_bytes()).map(|bytes| bytes.len()), Ok(32));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    assert!(token.address.len() < 260 && token.address.bytes().all(plain));
    let shown = format!("{:?}", token.secret);
    assert_eq!(shown, "InviteSecret(…)");
});

fn line(body: &[u8]) -> String {
    let check = digest(&SHA256, body);
    let whole = [body, &check.as_ref()[..4]].concat();
    format!("tsmgate-join-{}", BASE64URL_NOPAD.encode(&whole))
}
