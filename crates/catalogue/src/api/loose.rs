//! Whether some reader could take a path for that of a row, though it is not written as the row has it.
//!
//! TSM's frameworks are known to overlook endings such as `.json`, to read `007` as a number, and to serve
//! the same operations in more than one version. Such a path is nobody's: refused, with `api.raw` too.

use super::operation::Segment;
use super::table::OPERATIONS;
use super::value::Kind;

/// Whether any row could be meant, by whatever method: below `api`, with any version or none.
pub(super) fn fits_a_row(segments: &[&str]) -> bool {
    let Some((api, below)) = segments.split_first() else { return false };
    let unversioned = below.get(1..).unwrap_or_default();
    api.eq_ignore_ascii_case("api")
        && OPERATIONS.iter().any(|row| fits(row.path, below) || fits(row.path, unversioned))
}

fn fits(row: &[Segment], path: &[&str]) -> bool {
    row.len() == path.len()
        && row.iter().zip(path).all(|(part, segment)| match part {
            Segment::Literal(literal) => is_like(literal, segment),
            Segment::Typed(kind) => could_be(*kind, segment),
        })
}

/// The same letters and digits in whatever case, up to the first dot.
fn is_like(literal: &str, segment: &str) -> bool {
    fn signs(text: &str) -> impl Iterator<Item = u8> {
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase())
    }
    let stem = segment.split('.').next().unwrap_or_default();
    signs(literal).eq(signs(stem))
}

/// Of a number, whatever has a digit: `007`, `-7`, `0x7`, `7.json`. So `pending` is none.
fn could_be(kind: Kind, segment: &str) -> bool {
    match kind {
        Kind::JobId | Kind::Version | Kind::Seconds => {
            segment.bytes().any(|byte| byte.is_ascii_digit())
        }
        Kind::NodeId | Kind::ConfigurationKey | Kind::FileName | Kind::Flag | Kind::JobStatus => {
            true
        }
    }
}
