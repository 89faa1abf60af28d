//! Texts that are secret by their look, whatever they are called.

use super::names;

/// `PRIVATE KEY` in base64, at each of the three places where it can begin.
const PRIVATE_KEY_IN_BASE64: &[&str] = &["UFJJVkFURSBLRV", "BSSVZBVEUgS0VZ", "QUklWQVRFIEtFW"];

/// Whether a text is secret by its look.
pub(super) fn secret(text: &str) -> bool {
    text.contains("ENC(")
        || text.contains("PRIVATE KEY")
        || private_key_in_base64(text)
        || is_token(text)
        || has_password_in_address(text)
        || names::assigns_secret(text)
}

/// Base64 may be broken into lines.
fn private_key_in_base64(text: &str) -> bool {
    let joined: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\\').collect();
    PRIVATE_KEY_IN_BASE64.iter().any(|part| joined.contains(part))
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
