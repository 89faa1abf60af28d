//! Texts that are secret by their look, whatever they are called.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::names::{Names, any_of, finds};

/// `PRIVATE KEY` in base64, at each of the three places where it can begin.
const PRIVATE_KEY_IN_BASE64: &[&str] = &["UFJJVkFURSBLRV", "BSSVZBVEUgS0VZ", "QUklWQVRFIEtFW"];

static BASE64_ANYWHERE: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| any_of(PRIVATE_KEY_IN_BASE64));
/// One of these is in every text that any of the closer looks below could find.
static REMARKABLE: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| any_of(&["ENC(", "PRIVATE KEY", "eyJ", "://"]));

/// Whether a text is secret by its look, or names a secret beside its value.
pub(super) fn secret(text: &str, names: &mut Names) -> bool {
    itself(text) || names.assigns_secret(text)
}

/// Whether a text is secret by its look alone.
pub(super) fn itself(text: &str) -> bool {
    private_key_in_base64(text)
        || is_product_key(text)
        || (finds(&REMARKABLE, text.as_bytes())
            && (text.contains("ENC(")
                || text.contains("PRIVATE KEY")
                || is_token(text)
                || has_password_in_address(text)))
}

/// Base64 may be broken into lines.
fn private_key_in_base64(text: &str) -> bool {
    // letters of each of the three, and capitals, which are rare in a text
    let could = |byte| memchr::memchr(byte, text.as_bytes()).is_some();
    if !could(b'V') || !could(b'U') {
        return false;
    }
    let broken = |c: char| c.is_whitespace() || c == '\\';
    if !text.contains(broken) {
        return finds(&BASE64_ANYWHERE, text.as_bytes());
    }
    let joined: String = text.split(broken).collect();
    finds(&BASE64_ANYWHERE, joined.as_bytes())
}

/// A JWT or JWE, as TSM's own cookie is: base64 of `{"`, and dots.
fn is_token(text: &str) -> bool {
    let joined = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '=');
    text.split(|c| !joined(c)).any(|run| {
        let token = run.find("eyJ").and_then(|at| run.get(at..)).unwrap_or_default();
        token.matches('.').count() >= 2
    })
}

/// `scheme://user:password@host`.
fn has_password_in_address(text: &str) -> bool {
    text.match_indices("://").any(|(at, found)| {
        let rest = text.get(at + found.len()..).unwrap_or_default();
        let authority = rest.split(['/', '?', '#', ' ', '"']).next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
    })
}

/// A product key of Tableau: `TS`, two to six more signs, and groups of four, as `TSAB-12CD-34EF-56GH-78IJ`.
fn is_product_key(text: &str) -> bool {
    const GROUPS: usize = 3;
    if memchr::memchr_iter(b'-', text.as_bytes()).take(GROUPS).count() < GROUPS {
        return false;
    }
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|run| {
        let mut row = 0;
        run.split('-').any(|part| {
            let begins = part.get(..2).is_some_and(|two| two.eq_ignore_ascii_case("ts"));
            row = match (row, part.len()) {
                (1.., 4) if plain(part) => row + 1,
                _ if begins && (4..=8).contains(&part.len()) => 1,
                _ => 0,
            };
            row > GROUPS
        })
    })
}
