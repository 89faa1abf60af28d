//! Cookies that look like TSM's and open nothing.
//!
//! Seen: a compact JWE of five parts with an empty second one; the header says direct encryption
//! with A128CBC-HS256, so the parts are as long as that makes them. All but the header is random.

use aws_lc_rs::rand;
use data_encoding::BASE64URL_NOPAD;

/// Seen: the name of the cookie.
pub(crate) const COOKIE_NAME: &str = "AUTH_COOKIE";
/// Seen, byte for byte.
const HEADER: &str = r#"{"cty":"JWT","enc":"A128CBC-HS256","alg":"dir"}"#;

/// Makes a cookie value that was never given before.
pub(crate) fn mint() -> String {
    let header = BASE64URL_NOPAD.encode(HEADER.as_bytes());
    let [vector, token, tag] = [random::<16>(), random::<224>(), random::<16>()];
    format!("{header}..{vector}.{token}.{tag}")
}

fn random<const LENGTH: usize>() -> String {
    let mut bytes = [0; LENGTH];
    rand::fill(&mut bytes).expect("the system's generator does not fail once it has started");
    BASE64URL_NOPAD.encode(&bytes)
}
