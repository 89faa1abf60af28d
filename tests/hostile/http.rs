//! Requests that mean harm, or know no better: raw bytes over TLS through the whole daemon. Each refusal
//! asserts the answer, the record, how the connection went on, and that TSM saw nothing of it; each group
//! has its control, the well-behaved twin that is served.

use std::cell::Cell;

use serde_json::Value;
use tests::http::{Answer, Http};
use tests::peer::send;
use tests::scene::entry;
use tests::{Peer, Scene, SceneOptions, wait};
use tsmsim::ApiOptions;

mod chunks;
mod commands;
mod framing;
mod good;
mod lanes;
mod limits;
mod lines;
mod methods;
mod pace;
mod targets;
mod upward;

/// The path of TSM's status.
const STATUS: &str = "/api/0.5/status";
/// A path that no row describes. The simulator reads the body, and says 400 to nearly any.
const OTHER: &str = "/api/0.5/configurations/pending/keys";
/// A request as it should be. Hidden behind a refused one, it must not be served.
const GOOD: &str = "GET /api/0.5/status HTTP/1.1\r\nHost: gate\r\n\r\n";
/// A role with all that the cases need, so that nothing is refused for a missing permission.
const RAW: &str = "\n[[role]]\nname = \"raw\"\npermissions = [\"api.raw\", \"status.read\", \
     \"jobs.read\", \"server.stop\"]\n";

/// How a connection goes on after a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// It ends, whatever else was sent.
    Ends,
    /// The next request is served.
    GoesOn,
}

/// What is said of a refusal: the status and the code to the caller; the reason and its detail on record.
type Said<'a> = (u16, &'a str, &'a str, Option<&'a str>);

/// A refusal as one that is not HTTP as it is taken here.
fn bad(detail: &str) -> Said<'_> {
    (400, "bad_request", "bad_request", Some(detail))
}

/// A refusal by the catalogue.
fn none(status: u16, code: &str) -> Said<'_> {
    (status, code, "not_an_operation", Some(code))
}

/// A scene in which each case is a client's of its own, so that the refusals of none are summed up.
struct Cases {
    scene: Scene,
    next: Cell<usize>,
}

impl Cases {
    /// At most so many as there are lines for refusals in a second.
    const MOST: usize = 96;

    /// For clients that have the role `raw`.
    async fn start() -> Self {
        Self::of("[\"raw\"]", "").await
    }

    /// For clients of these roles, with lines for `[limits.http]`.
    async fn of(roles: &str, http: &str) -> Self {
        let clients: String = (0..Self::MOST).map(|n| entry(&format!("c{n}"), roles)).collect();
        let rest = format!("{clients}{RAW}");
        let options = SceneOptions { rest, http: http.into(), ..options() };
        let scene = Scene::with(options).await;
        Self { scene, next: Cell::new(0) }
    }

    /// A client that nobody used yet, and its name.
    fn client(&self) -> (String, Peer) {
        let number = self.next.get();
        assert!(number < Self::MOST, "too many cases for one scene");
        self.next.set(number + 1);
        let name = format!("c{number}");
        let peer = self.scene.peer(&name);
        (name, peer)
    }

    /// That these bytes are refused, on a connection of their own; with the good request behind them.
    async fn refused(&self, bytes: impl AsRef<[u8]>, said: Said<'_>, then: Then) {
        let bytes = bytes.as_ref();
        let case = bytes[..bytes.len().min(2000)].escape_ascii().to_string();
        let (name, peer) = self.client();
        let mut http = Http::open(&peer).await.unwrap();
        let hidden = if then == Then::Ends { GOOD.as_bytes() } else { b"" };
        let answer = http.raw(&[bytes, hidden].concat()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{case}: {error}"));
        self.is_refusal(&case, &name, &answer, said).await;
        match then {
            Then::Ends => {
                assert_eq!(answer.field("connection"), Some("close"), "{case}");
                assert!(http.is_closed().await, "{case}");
            }
            Then::GoesOn => {
                assert_eq!(answer.field("connection"), None, "{case}");
                assert_eq!(http.get("/v1/whoami").await.unwrap().status, 200, "{case}");
            }
        }
        self.scene.nothing_reached_tsm();
    }

    /// That an answer is this refusal, and is on record.
    async fn is_refusal(&self, case: &str, client: &str, answer: &Answer, said: Said<'_>) {
        let (status, code, reason, detail) = said;
        let told = (answer.status, answer.code().unwrap_or_default());
        assert_eq!(told, (status, code.to_owned()), "{case}: {answer:?}");
        assert_eq!(answer.field("cache-control"), Some("no-store"), "{case}");
        assert_eq!(answer.field("x-content-type-options"), Some("nosniff"), "{case}");
        let record = self.record(case, client, reason).await;
        assert_eq!(record["http.request.id"], answer.field("tsmgate-request").unwrap(), "{case}");
        assert_eq!(record["tsmgate.detail"].as_str(), detail, "{case}");
    }

    /// Waits for the record of a client's refusal.
    async fn record(&self, case: &str, client: &str, reason: &str) -> Value {
        wait::until(&format!("the record `{reason}` of {case}"), || async {
            self.scene
                .records("refused")
                .into_iter()
                .find(|line| line["event.reason"] == reason && line["client.user.name"] == client)
        })
        .await
    }

    /// That the twin is served with this status, and the good request behind it; and that these targets
    /// are what TSM saw of all that came before, and nothing else.
    async fn control(&self, twin: impl AsRef<[u8]>, status: u16, seen: &[&str]) {
        let (_, peer) = self.client();
        let mut http = Http::open(&peer).await.unwrap();
        send(&mut http.stream, &[twin.as_ref(), GOOD.as_bytes()].concat()).await.unwrap();
        let answer = http.answer().await.unwrap();
        assert_eq!((answer.status, answer.code()), (status, None), "{answer:?}");
        assert_eq!(http.answer().await.unwrap().status, 200);
        assert_eq!(self.seen(), seen);
    }

    /// What TSM's controller saw, in order: the targets.
    fn seen(&self) -> Vec<String> {
        self.scene.api().requests().into_iter().map(|request| request.target).collect()
    }
}

/// A lane for `jump01` in the role `raw`.
fn options() -> SceneOptions {
    let options = SceneOptions::api("[\"raw\"]");
    let api = options.api.map(|api| ApiOptions { assumed_routes: true, ..api });
    SceneOptions { rest: format!("{}{RAW}", options.rest), api, ..options }
}

/// A request with these lines in its header and these bytes behind it.
fn post(lines: &str, body: &str) -> String {
    format!("POST {OTHER} HTTP/1.1\r\nHost: gate\r\n{lines}\r\n{body}")
}
