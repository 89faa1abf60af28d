//! What is true of every request: the properties hold random requests to it, the fuzz target `api_request` those
//! that coverage leads to.

use tsmgate_catalogue::api::find::{Match, find};
use tsmgate_catalogue::api::operation::{Operation, Segment};
use tsmgate_catalogue::api::raw::{RAW, find_or_raw};
use tsmgate_catalogue::api::refusal::Refusal;

/// The upstream path, held against the row: literals, values of their kinds, known keys in order.
fn is_of_the_row(found: &Match, row: &Operation) -> bool {
    let (path, query) = match found.upstream().split_once('?') {
        Some((path, query)) => (path, query.split('&').collect()),
        None => (found.upstream(), Vec::new()),
    };
    let Some(path) = path.strip_prefix("/api/0.5/") else { return false };
    let segments: Vec<_> = path.split('/').collect();
    let path = segments.len() == row.path.len()
        && row.path.iter().zip(segments).all(|(part, segment)| match part {
            Segment::Literal(literal) => *literal == segment,
            Segment::Typed(kind) => {
                kind.parse(segment.as_bytes()).is_some_and(|value| value.to_string() == segment)
            }
        });
    let mut keys = row.query.iter();
    path && query.iter().all(|pair| {
        let (key, value) = pair.split_once('=').unwrap();
        let known = keys.find(|known| known.name == key);
        known.is_some_and(|known| known.kind.parse(value.as_bytes()).is_some())
    })
}

fn upstream(request: &Result<Match, Refusal>) -> &[u8] {
    request.as_ref().map_or(b"", |request| request.upstream().as_bytes())
}

/// What is true of every request, whatever its bytes.
pub(crate) fn holds(method: &[u8], target: &[u8]) {
    let found = find(method, target);
    if let Ok(found) = &found {
        let row = found.operation().unwrap();
        assert!(is_of_the_row(found, row), "{}: {}", row.name, found.upstream());
        assert_eq!(found.method().name().as_bytes(), method);
    }
    let any = find_or_raw(method, target);
    for (request, again) in
        [(&found, find(method, upstream(&found))), (&any, find_or_raw(method, upstream(&any)))]
    {
        let Ok(request) = request else { continue };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-?&=,:".contains(&byte);
        assert!(request.upstream().bytes().all(plain), "{}", request.upstream());
        assert!(request.upstream().starts_with("/api/"));
        assert!(!request.upstream().contains("..") && !request.upstream().contains("//"));
        assert_eq!(again.as_ref(), Ok(request), "it means the same to the next reader");
    }
    // the wider way never widens a row, and opens nothing but what no row has
    match found {
        Ok(_) => assert_eq!(any, found),
        Err(Refusal::UnknownOperation | Refusal::BadSegment(_)) => {
            assert!(any.is_err() || any.is_ok_and(|any| any.permission() == RAW));
        }
        Err(refusal) => assert_eq!(any, Err(refusal)),
    }
}
