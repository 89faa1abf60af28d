//! The gate's session leaves in no byte of an answer, wherever TSM puts it; and what a caller sends of
//! its own reaches TSM in none.

use tests::Scene;
use tests::http::find;
use tsmsim::{ApiBehaviour, Place};

use crate::api_support::{EVERYTHING, SECRETS, STATUS, asked, directly, every_byte, lane, open};

/// No part of a cookie that is as long as this may leave, in bytes.
const PART: usize = 31;
/// A plain operation, two that are redacted, one that no row describes.
const PATHS: &[&str] =
    &[STATUS, "/api/0.5/configurations/1/keys", "/api/0.5/export", "/api/0.5/whatever"];

/// What an answer is searched for.
struct Search(Vec<Vec<u8>>);

impl Search {
    fn of(scene: &Scene) -> Self {
        let cookies = scene.tsm.cookies();
        assert!(!cookies.is_empty(), "there is no session");
        Self(cookies.into_iter().map(String::into_bytes).collect())
    }

    /// The first part of a cookie that is in there.
    fn found_in(&self, bytes: &[u8]) -> Option<String> {
        let windows: std::collections::HashSet<&[u8]> = bytes.windows(PART).collect();
        let mut parts = self.0.iter().flat_map(|cookie| cookie.windows(PART));
        let part = parts.find(|part| windows.contains(part))?;
        Some(String::from_utf8_lossy(part).into_owned())
    }

    fn finds_nothing_in(&self, what: &str, bytes: &[u8]) {
        let found = self.found_in(bytes);
        assert_eq!(found, None, "{what}: {}", String::from_utf8_lossy(bytes));
    }
}

fn everywhere() -> Vec<Place> {
    let mut places = vec![Place::Body, Place::Deep(3), Place::Deep(70_000), Place::SetCookie];
    places.extend((1..=40).map(Place::Chunks));
    places.extend([400, 401, 403, 404, 409, 500, 502, 503].map(Place::Error));
    places.extend([Place::Location, Place::Header, Place::Reason]);
    places
}

/// R58: wherever TSM puts the session into its answer, no part of it that is worth having leaves
#[tokio::test(flavor = "multi_thread")]
async fn the_session_leaves_in_no_byte() {
    for roles in [EVERYTHING, SECRETS] {
        let scene = Scene::with(lane(roles, "")).await;
        let peer = scene.peer("jump01");
        for path in PATHS {
            for place in everywhere() {
                scene.api().behave(ApiBehaviour::Plant(place));
                let bytes = every_byte(&peer, "GET", path, "", b"").await;
                assert!(bytes.starts_with(b"HTTP/1.1 "), "{path} {place:?}");
                Search::of(&scene).finds_nothing_in(&format!("{path} {place:?}"), &bytes);
                let bytes = without_chunks(&bytes);
                Search::of(&scene).finds_nothing_in(&format!("{path} {place:?}"), &bytes);
                let refused = bytes.starts_with(b"HTTP/1.1 502");
                let body_is_painted = matches!(place, Place::Body | Place::Chunks(_));
                if body_is_painted && !refused {
                    let over = [&[b'*'; 400][..], b"[redacted by tsmgate]"];
                    assert!(over.iter().any(|o| find(&bytes, o).is_some()), "{path} {place:?}");
                }
            }
        }
        let audit = std::fs::read(scene.path("log/audit.jsonl")).unwrap();
        Search::of(&scene).finds_nothing_in("the audit", &audit);
        let status = format!("{:?}", scene.daemon.as_ref().unwrap().status());
        Search::of(&scene).finds_nothing_in("the status", status.as_bytes());
        scene.verify();
    }
}

/// R58: the control: TSM does put it there, and the search finds it
#[tokio::test]
async fn the_session_is_really_in_what_tsm_sends() {
    let scene = Scene::with(lane(EVERYTHING, "")).await;
    assert_eq!(asked(&scene, "GET", STATUS, b"").await.0, 200);
    let cookie = scene.tsm.cookies().pop().unwrap();
    let lines = format!("cookie: AUTH_COOKIE={cookie}\r\n");
    for place in everywhere() {
        scene.api().behave(ApiBehaviour::Plant(place));
        let bytes = every_byte(&directly(scene.api()), "GET", STATUS, &lines, b"").await;
        let bytes = without_chunks(&bytes);
        assert!(find(&bytes, cookie.as_bytes()).is_some(), "{place:?}");
        assert!(Search::of(&scene).found_in(&bytes).is_some(), "{place:?}");
    }
}

/// An answer whose body's chunks are put together.
fn without_chunks(bytes: &[u8]) -> Vec<u8> {
    let (head, mut rest) = bytes.split_at(find(bytes, b"\r\n\r\n").unwrap() + 4);
    if find(head, b"transfer-encoding: chunked\r\n").is_none() {
        return bytes.to_vec();
    }
    let mut whole = head.to_vec();
    loop {
        let end = find(rest, b"\r\n").unwrap();
        let size = std::str::from_utf8(&rest[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
}

/// R58: where TSM puts it into fields or the status line, those do not leave at all
#[tokio::test]
async fn fields_with_the_session_do_not_leave() {
    let scene = Scene::with(lane(EVERYTHING, "")).await;
    let mut http = open(&scene).await;
    for (place, status) in [
        (Place::SetCookie, 200),
        (Place::Header, 200),
        (Place::Reason, 200),
        (Place::Location, 302),
    ] {
        scene.api().behave(ApiBehaviour::Plant(place));
        let answer = http.get(STATUS).await.unwrap();
        assert_eq!(answer.status, status, "{place:?}");
        for name in ["set-cookie", "x-session", "location"] {
            assert_eq!(answer.field(name), None, "{place:?}");
        }
    }
}

/// An answer without the session passes as it is: the same bytes, and the length that TSM told.
#[tokio::test]
async fn other_answers_pass_as_they_are() {
    let scene = Scene::with(lane(EVERYTHING, "")).await;
    let honest = open(&scene).await.get("/api/0.5/nodes").await.unwrap();
    let cookie = scene.tsm.cookies().pop().unwrap();
    let lines = format!("cookie: AUTH_COOKIE={cookie}\r\n");
    let peer = directly(scene.api());
    let direct = every_byte(&peer, "GET", "/api/0.5/nodes", &lines, b"").await;
    assert!(direct.ends_with(&honest.body));
    let length = honest.body.len().to_string();
    assert_eq!(honest.field("content-length"), Some(&*length));
}

/// R58: no cookie, no credential and no origin of a caller's reaches TSM, under whatever name; the gate's
/// session alone does
#[tokio::test]
async fn what_a_caller_brings_does_not_reach_tsm() {
    let scene = Scene::with(lane(EVERYTHING, "")).await;
    let mut http = open(&scene).await;
    let other = scene.api().open_session("somebody");
    let lines = format!(
        "Cookie: AUTH_COOKIE={other}\r\ncookie: a=CANARY\r\nCookie2: CANARY\r\n\
         Authorization: Basic CANARY\r\nProxy-Authorization: CANARY\r\nX-Auth-Cookie: CANARY\r\n\
         X_Forwarded_For: CANARY\r\nX-Forwarded-For: CANARY\r\nForwarded: for=CANARY\r\n\
         X-HTTP-Method-Override: DELETE\r\nReferer: https://CANARY/\r\nRange: bytes=0-5\r\n\
         If-None-Match: CANARY\r\nUser-Agent: CANARY\r\nAccept-Encoding: gzip\r\nTE: trailers\r\n\
         Accept: text/plain, CANARY-OK\r\n"
    );
    for path in [STATUS, "/api/0.5/whatever"] {
        let answer = http.ask("GET", path, &lines, b"").await.unwrap();
        assert!(matches!(answer.status, 200 | 404), "{answer:?}");
    }
    let gates = scene.tsm.cookies().into_iter().find(|cookie| *cookie != other).unwrap();
    for request in scene.tsm.requests() {
        assert_eq!(request.cookie.as_deref(), Some(&*gates));
        let names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
        let passed = ["accept", "accept-encoding", "host", "user-agent", "cookie"];
        assert!(names.iter().all(|name| passed.contains(name)), "{names:?}");
        assert_eq!(request.header("accept-encoding"), Some("identity"));
    }
    let received: Vec<u8> =
        scene.api().connections().into_iter().flat_map(|connection| connection.received).collect();
    for foreign in ["CANARY\r\n", "CANARY/", &other, "bytes=", "DELETE"] {
        assert!(find(&received, foreign.as_bytes()).is_none(), "{foreign}");
    }
}

/// R58: an answer that is encoded in its framing is refused, for nobody looks into it
#[tokio::test]
async fn an_answer_encoded_on_its_way_is_refused() {
    let scene = Scene::with(lane(EVERYTHING, "")).await;
    for field in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Content-Encoding: br\r\nTransfer-Encoding: chunked",
        "Content-Encoding: identity\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked",
    ] {
        let bytes = format!("HTTP/1.1 200 OK\r\n{field}\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        scene.api().behave_next(ApiBehaviour::Raw(bytes.into()));
        assert_eq!(
            asked(&scene, "GET", STATUS, b"").await,
            (502, "backend_garbage".to_owned()),
            "{field}"
        );
    }
}
