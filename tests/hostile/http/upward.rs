//! What reaches TSM is the gate's own request, to the byte: nothing that a caller sends beside its operation
//! is copied.

use tests::http::{Http, find};
use tests::scene::entry;
use tests::{Scene, SceneOptions};
use tsmsim::ApiBehaviour;

use super::{GOOD, OTHER, STATUS, options};

/// Fields that mean something to somebody; of each value, `evil` must not arrive.
const FIELDS: &[&str] = &[
    "Cookie: AUTH_COOKIE=evil",
    "cookie: AUTH_COOKIE=evil2; XSRF-TOKEN=evil",
    "Authorization: Basic evil",
    "Proxy-Authorization: Bearer evil",
    "Forwarded: for=evil;host=evil",
    "X-Forwarded-For: evil",
    "X-Forwarded-Host: evil",
    "X-Forwarded-Proto: evil",
    "X-Forwarded-Port: evil",
    "X-Forwarded-Server: evil",
    "X-Forwarded-User: evil",
    "X-Forwarded-Client-Cert: evil",
    "X_Forwarded_For: evil",
    "X_Forwarded_Host: evil",
    "X-Forwarded_For: evil",
    "X-Real-IP: evil",
    "X_Real_IP: evil",
    "True-Client-IP: evil",
    "X-Client-IP: evil",
    "Client-IP: evil",
    "Via: 1.1 evil",
    "X-HTTP-Method-Override: evil",
    "X-Original-URL: /evil",
    "X-Rewrite-URL: /evil",
    "Referer: https://evil/",
    "Origin: https://evil",
    "User-Agent: evil",
    "TE: trailers, evil",
    "Trailer: evil",
    "Trailers: evil",
    "Connection: keep-alive, accept-language, evil, cookie, te",
    "Keep-Alive: evil",
    "Evil: evil",
    "Proxy-Connection: evil",
    "Range: bytes=0-evil",
    "If-Range: evil",
    "If-None-Match: \"evil\"",
    "If-Modified-Since: evil",
    "Accept-Encoding: gzip, evil",
    "Accept-Charset: evil",
    "Content-Type: evil/evil",
    "Content-Encoding: evil",
    "Content-Language: evil",
    "Content_Length: 3",
    "Transfer_Encoding: chunked",
    "X-XSRF-TOKEN: evil",
    "X-Requested-With: evil",
    "Cache-Control: evil",
    "Pragma: evil",
    "Max-Forwards: 3",
    "Warning: evil",
    "Early-Data: 1",
    "Sec-Fetch-Site: evil",
    "Accept_Language: evil",
];

/// What TSM's controller read, connection after connection: first line and names of the fields, sorted; and
/// all bytes as text.
fn read_by_tsm(scene: &Scene) -> (Vec<(String, Vec<String>)>, String) {
    let bytes: Vec<u8> =
        scene.api().connections().into_iter().flat_map(|connection| connection.received).collect();
    let text = String::from_utf8(bytes).expect("ASCII goes up");
    let mut requests = Vec::new();
    let mut left = text.as_str();
    while let Some((head, rest)) = left.split_once("\r\n\r\n") {
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap().to_owned();
        let mut length = 0;
        let mut names = Vec::new();
        for line in lines {
            let (name, value) = line.split_once(": ").expect(line);
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().unwrap();
            }
            names.push(name.to_ascii_lowercase());
        }
        names.sort();
        requests.push((first, names));
        left = &rest[length..];
    }
    assert_eq!(left, "", "more than requests went up");
    (requests, text)
}

/// What every request has.
const ALWAYS: [&str; 5] = ["accept", "accept-encoding", "cookie", "host", "user-agent"];

/// R57, R60: of fifty and more fields none goes up; method, path, host and session are the gate's
#[tokio::test]
async fn no_field_of_a_caller_goes_up() {
    let scene = Scene::with(options()).await;
    let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
    let lines: String = FIELDS.iter().map(|line| format!("{line}\r\n")).collect();
    let request = format!("GET {STATUS} HTTP/1.1\r\nHost: evil\r\n{lines}\r\n");
    let answer = http.raw(request.as_bytes()).await.unwrap();
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = http.raw(GOOD.as_bytes()).await.unwrap();
    assert_eq!(answer.status, 200, "its twin without them");

    let (requests, text) = read_by_tsm(&scene);
    let (first, twin) = (&requests[0], &requests[1]);
    assert_eq!(requests.len(), 2);
    assert_eq!(first.0, format!("GET {STATUS} HTTP/1.1"));
    assert_eq!(first.1, ALWAYS);
    assert_eq!(first, twin);
    assert!(!text.to_ascii_lowercase().contains("evil"), "{text}");
    let bytes = text.len() / 2;
    assert_eq!(text[..bytes], text[bytes..], "the same to the byte");
    let requests = scene.api().requests();
    let own = requests[0].header("cookie").unwrap();
    assert!(own.starts_with("AUTH_COOKIE=") && requests[0].authorized, "{own}");
    assert_eq!(
        requests[0].header("host"),
        Some(&*format!("localhost:{}", scene.api().address().port()))
    );
    assert_eq!(requests[0].header("accept-encoding"), Some("identity"));
    assert!(requests[0].header("user-agent").unwrap().starts_with("tsmgated/"));
}

/// R60: the two fields that pass do so once, of plain bytes, and with a limit; a body says what it is
/// in the gate's words
#[tokio::test]
async fn the_fields_that_pass_are_held_to_a_form() {
    let scene = Scene::with(options()).await;
    let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
    let long =
        format!("Accept: text/{}\r\nAccept-Language: {}\r\n", "a".repeat(1020), "b".repeat(1025));
    let cases = [
        (
            "Accept: text/plain\r\nAccept-Language: de, en;q=0.5\r\n",
            "text/plain",
            Some("de, en;q=0.5"),
        ),
        (
            "Accept: a/b\r\nAccept: c/d\r\nAccept-Language: de\r\naccept-language: en\r\n",
            "application/json",
            None,
        ),
        ("Accept: \u{e4}/b\r\nAccept-Language: a\tb\r\n", "application/json", None),
        ("Accept:\r\nAccept_Language: de\r\n", "application/json", None),
        (
            "Accept: ${jndi:ldap://evil/a}\r\nAccept-Language: ${jndi:dns:evil}\r\n",
            "application/json",
            None,
        ),
        ("Accept: a/b;c=\"d\"\r\nAccept-Language: <de>\r\n", "application/json", None),
        (
            "Accept: text/html, application/vnd.x+json;q=0.9, */*;q=0.8\r\nAccept-Language: *\r\n",
            "text/html, application/vnd.x+json;q=0.9, */*;q=0.8",
            Some("*"),
        ),
        (&long, "application/json", None),
    ];
    for (lines, _, _) in &cases {
        assert_eq!(http.ask("GET", STATUS, lines, b"").await.unwrap().status, 200, "{lines}");
    }
    for (request, (lines, accept, language)) in scene.api().requests().iter().zip(&cases) {
        assert_eq!(request.header("accept"), Some(*accept), "{lines}");
        assert_eq!(request.header("accept-language"), *language, "{lines}");
    }
    let body = b"{\"name\": \"x\"}";
    let lines =
        "Content-Type: text/xml; charset=utf-7\r\nContent-Encoding: x\r\nContent-MD5: x\r\n";
    let answer = http.ask("POST", OTHER, lines, body).await.unwrap();
    assert_eq!((answer.status, answer.code()), (400, None), "TSM's own: {answer:?}");
    let (requests, text) = read_by_tsm(&scene);
    let mut names = [&ALWAYS[..], &["content-length", "content-type"]].concat();
    names.sort_unstable();
    let last = requests.last().unwrap();
    assert_eq!(last.0, format!("POST {OTHER} HTTP/1.1"));
    assert_eq!(last.1, names);
    assert!(text.ends_with("\r\n\r\n{\"name\": \"x\"}"), "{text}");
    let request = scene.api().requests().pop().unwrap();
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("content-length"), Some("13"));
    assert!(find(&request.body, body).is_some());
}

/// R57: what goes up is written from the table: keys in its order, and no body where there was none
#[tokio::test]
async fn the_request_line_is_written_anew() {
    let scene = Scene::with(options()).await;
    let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
    for (method, target) in [
        ("POST", "/api/0.5/disable"),
        ("POST", "/api/0.5/disable?jobTimeoutSeconds=60"),
        ("DELETE", "/api/0.5/other"),
        ("GET", "/api/0.5/other?b=1&a=x,y:z"),
        ("GET", "/api/1/some_thing/v1.2-rc"),
    ] {
        http.ask(method, target, "", b"").await.unwrap();
        let (requests, text) = read_by_tsm(&scene);
        let last = requests.last().unwrap();
        assert_eq!(last.0, format!("{method} {target} HTTP/1.1"));
        let others: Vec<_> =
            last.1.iter().filter(|name| !ALWAYS.contains(&name.as_str())).collect();
        // of no length, where a method could have a body
        assert!(others.is_empty() || others == ["content-length"], "{others:?}");
        assert!(text.ends_with("\r\n\r\n"), "{text}");
    }
}

/// R59: what TSM says beyond its answer is nobody's answer, least of all the next client's
#[tokio::test]
async fn an_answer_too_many_is_nobodys() {
    let one =
        |body: &str| format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let rest = entry("jump01", "[\"monitor\"]") + &entry("other", "[\"monitor\"]");
    let scene = Scene::with(SceneOptions { rest, ..options() }).await;
    let mut first = Http::open(&scene.peer("jump01")).await.unwrap();
    let mut other = Http::open(&scene.peer("other")).await.unwrap();
    for _ in 0..5 {
        // an honest one before, so that there is a connection to be kept
        assert_eq!(first.get(STATUS).await.unwrap().status, 200);
        let both = one("{}") + &one("\"evil\"");
        scene.api().behave_next(ApiBehaviour::Raw(both.into()));
        assert_eq!(first.get(STATUS).await.unwrap().body, b"{}");
        for http in [&mut other, &mut first] {
            let answer = http.get(STATUS).await.unwrap();
            let text = String::from_utf8(answer.body).unwrap();
            assert!(answer.status == 200 && text.contains("clusterStatus"), "{text}");
        }
    }
}
