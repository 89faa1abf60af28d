//! A request target taken apart: segments of a path that everybody reads alike, and what follows the
//! question mark. Nothing is decoded, folded or skipped.

use super::TARGET_LIMIT;
use super::refusal::Refusal;
use super::value::clean;

/// Words that no path outside of the table may contain, written in whatever way.
const SESSION_WORDS: &[&str] = &["login", "logout", "bootstrap"];

/// A request target whose path is clean.
pub(super) struct Target<'a> {
    /// The segments of the path, in order; at least one.
    pub(super) segments: Vec<&'a str>,
    /// Keys and values of the query, not looked at yet; a pair without `=` has no value.
    pub(super) query: Vec<(&'a [u8], Option<&'a [u8]>)>,
}

impl<'a> Target<'a> {
    /// Takes a raw request target apart.
    pub(super) fn read(target: &'a [u8]) -> Result<Self, Refusal> {
        if target.len() > TARGET_LIMIT {
            return Err(Refusal::TooLong);
        }
        let (path, query) = match split_once(target, b'?') {
            (path, Some(query)) => (path, query.split(|byte| *byte == b'&').map(pair).collect()),
            (path, None) => (path, Vec::new()),
        };
        let path = path.strip_prefix(b"/").ok_or(Refusal::BadPath)?;
        let segments: Option<_> = path.split(|byte| *byte == b'/').map(clean).collect();
        Ok(Self { segments: segments.ok_or(Refusal::BadPath)?, query })
    }

    /// Whether some reader could take it for a path that gives or ends a session: TSM's framework is known
    /// to overlook case, endings such as `.json` and more.
    pub(super) fn could_be_session(&self) -> bool {
        self.segments.iter().any(|segment| {
            let letters: String =
                segment.chars().filter(char::is_ascii_alphabetic).collect::<String>();
            let letters = letters.to_ascii_lowercase();
            SESSION_WORDS.iter().any(|word| letters.contains(word))
        })
    }
}

fn pair(bytes: &[u8]) -> (&[u8], Option<&[u8]>) {
    split_once(bytes, b'=')
}

fn split_once(bytes: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    let mut parts = bytes.splitn(2, |byte| *byte == at);
    (parts.next().unwrap_or_default(), parts.next())
}
