//! A runner that is none, or has lost its wits: whatever it says comes to a refusal with a code, nothing of its
//! bytes reaches a caller or a record, and a stream that it spoils is cut and not ended.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tests::http::{Answer, Http};
use tests::peer::timed;
use tests::scene::entry;
use tests::{Scene, SceneOptions, wait};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixListener;

use crate::command_support::{Follow, file, lane, order, start, told};
use crate::support::SOON;

/// What is never to be seen again.
const SECRET: &str = "what-a-runner-should-not-say";
const LIST: &str = "security external-ssl list";

/// What it says to a question: bytes, and whether it then closes.
#[derive(Debug, Clone)]
enum Says {
    And(Vec<u8>, bool),
    /// Bytes without an end.
    Endlessly(&'static [u8]),
}

fn line(value: &Value) -> Says {
    Says::And(format!("{value}\n").into_bytes(), false)
}

fn text(text: &str) -> Says {
    Says::And(text.as_bytes().to_vec(), true)
}

/// A runner of the test's.
struct Fake {
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Fake {
    fn start(scene: &Scene, says: impl Fn(&Value) -> Says + Send + Sync + 'static) -> Self {
        std::fs::create_dir_all(scene.path("runner")).unwrap();
        let socket = scene.path("runner/runner.sock");
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(socket).unwrap();
        let (says, asked) = (Arc::new(says), Arc::new(Mutex::new(Vec::new())));
        let all = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (says, all) = (Arc::clone(&says), Arc::clone(&all));
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut question = String::new();
                    let Ok(1..) = stream.read_line(&mut question).await else { return };
                    let question: Value = serde_json::from_str(&question).unwrap();
                    all.lock().unwrap().push(question.clone());
                    match says(&question) {
                        Says::And(bytes, closes) => {
                            let _ = stream.write_all(&bytes).await;
                            if !closes {
                                let _ = stream.read_line(&mut String::new()).await;
                            }
                        }
                        Says::Endlessly(bytes) => {
                            let many = bytes.repeat(4096);
                            while stream.write_all(&many).await.is_ok() {}
                        }
                    }
                });
            }
        });
        Self { asked }
    }

    fn asked(&self, what: &str) -> usize {
        self.asked
            .lock()
            .unwrap()
            .iter()
            .filter(|ask| ask.get(what).is_some() || **ask == what)
            .count()
    }
}

/// A task as a runner would answer an order.
fn task(ask: &Value, change: &[(&str, Value)]) -> Value {
    let start = &ask["start"];
    let mut task = json!({
        "id": "1700000000-1", "client": start["client"], "address": "127.0.0.1", "request": start["request"],
        "command": start["order"]["command"], "permission": LIST.replace(' ', "."),
        "arguments": ["tsm"], "state": "running", "queued_at": "2026-01-01T00:00:00.000Z", "events": 3,
        "output_bytes": 3,
    });
    for (name, value) in change {
        task[*name] = value.clone();
    }
    json!({"task": task})
}

/// As [`task`], for who asks about one of jump01's.
fn shown() -> Value {
    let change = [
        ("client", json!("jump01")),
        ("identity", json!("URI:tsmgate://client/jump01")),
        ("request", json!("r-1")),
        ("command", json!(LIST)),
    ];
    task(&Value::Null, &change)
}

async fn scene() -> Scene {
    Scene::with(lane("[\"tls-admin\"]", "")).await
}

/// That an order was handed over once, and came to this; nothing of what the runner said is anywhere.
fn refused(scene: &Scene, case: &str, answer: &Answer, (status, code): (u16, &str)) {
    assert_eq!(told(answer), (status, code.to_owned()), "{case}: {answer:?}");
    let outcome = scene.records("command").pop().unwrap();
    assert_eq!(
        (&outcome["tsmgate.phase"], &outcome["event.reason"]),
        (&json!("outcome"), &json!(code)),
        "{case}"
    );
    let audit = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    let all = format!("{answer:?}{}{audit}", String::from_utf8_lossy(&answer.body));
    assert!(!all.contains(SECRET), "{case}: {all}");
    assert!(answer.field("location").is_none() && answer.field("x-forged").is_none(), "{case}");
}

/// R33: what is no answer to an order says nothing of what became of it, and that is what the caller is told: no line, another answer, another caller's command,
/// a number that is none
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_to_an_order_says_nothing() {
    let scene = scene().await;
    let next: Arc<Mutex<Vec<(&str, Value)>>> = Arc::default();
    let said: Arc<Mutex<Option<Says>>> = Arc::default();
    let (changes, says) = (Arc::clone(&next), Arc::clone(&said));
    let fake =
        Fake::start(&scene, move |ask| match (ask.get("start"), says.lock().unwrap().clone()) {
            (None, _) => text(""),
            (_, Some(said)) => said,
            (_, None) => line(&task(ask, &changes.lock().unwrap())),
        });
    let peer = scene.peer("jump01");
    // it has the order: what it does with it is not known
    let uncertain = (502, "runner_uncertain");
    let hostile = [
        ("nothing", text("")),
        ("no JSON", text(&format!("{SECRET}\n"))),
        ("half a line", text(&format!("{{\"task\":{{\"id\":\"{SECRET}"))),
        ("another answer", line(&json!({"tasks": []}))),
        ("an event", line(&json!({"event": {"n": 0, "at": "x", "stdout": SECRET}}))),
        (
            "two answers",
            line(&json!({"task": shown()["task"], "refused": {"code": SECRET, "message": SECRET}})),
        ),
        ("an unknown refusal", line(&json!({"refused": {"code": SECRET, "message": SECRET}}))),
        ("no line", Says::Endlessly(b"what-a-runner-should-not-say")),
        ("no UTF-8", Says::And(b"{\"task\":\"\xff\"}\n".to_vec(), false)),
        ("bytes", Says::And((0..=255).collect(), true)),
    ];
    for (case, says) in hostile {
        *said.lock().unwrap() = Some(says);
        let answer = start(&peer, &order(LIST, &[])).await;
        refused(&scene, case, &answer, uncertain);
    }
    *said.lock().unwrap() = None;
    let wrong = [
        ("client", json!("jump02")),
        ("request", json!("another")),
        ("command", json!("security external-ssl disable")),
        ("id", json!("1\r\nx-forged: yes")),
        ("id", json!("../1")),
        ("id", json!("")),
        ("id", json!("1".repeat(65))),
        ("state", json!(SECRET)),
        ("events", json!(-1)),
    ];
    for change in wrong {
        let case = format!("{change:?}");
        *next.lock().unwrap() = vec![change];
        refused(&scene, &case, &start(&peer, &order(LIST, &[])).await, uncertain);
    }
    // the control
    next.lock().unwrap().clear();
    let answer = start(&peer, &order(LIST, &[])).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert_eq!(fake.asked("start"), 10 + 9 + 1);
    scene.nothing_reached_tsm();
    scene.verify();
}

/// R43: what the runner refuses comes with its code; its words are for its log, and not for callers
#[tokio::test(flavor = "multi_thread")]
async fn the_runners_refusals_have_their_codes() {
    let codes = [
        ("bad_order", 400, "bad_order"),
        ("not_served", 403, "not_served"),
        ("queue_full", 503, "runner_busy"),
        ("leaving", 503, "runner_busy"),
        ("unknown_id", 404, "unknown_id"),
        ("ended", 409, "command_ended"),
        ("program", 502, "runner_program"),
        ("storage", 502, "runner_storage"),
    ];
    for (said, status, code) in codes {
        let scene = scene().await;
        Fake::start(&scene, move |_| line(&json!({"refused": {"code": said, "message": SECRET}})));
        let answer = start(&scene.peer("jump01"), &order(LIST, &[])).await;
        assert_eq!(told(&answer), (status, code.to_owned()), "{said}");
        assert!(!String::from_utf8_lossy(&answer.body).contains(SECRET), "{said}");
        let audit = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
        assert!(!audit.contains(SECRET), "{said}");
        assert_eq!(scene.records("command").len(), 2, "{said}");
    }
}

/// R19: a runner that does not answer is not waited for longer than its deadline, and holds up nobody who does
/// not need it; so that it took the order is not known, and not said
#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_hangs_is_not_waited_for() {
    let scene = scene().await;
    let fake = Fake::start(&scene, |_| Says::And(Vec::new(), false));
    let peer = scene.peer("jump01");
    let asking = tokio::spawn(async move { timed(start(&peer, &order(LIST, &[]))).await });
    wait::until("the order at the runner", || async { (fake.asked("start") == 1).then_some(()) })
        .await;
    let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
    let (answer, time) = timed(http.get("/v1/whoami")).await;
    assert_eq!(answer.unwrap().status, 200);
    assert!(time < SOON, "{time:?}");
    let (answer, time) = asking.await.unwrap();
    refused(&scene, "a runner that hangs", &answer, (502, "runner_uncertain"));
    assert!(time.as_secs() >= 9 && time.as_secs() < 15, "{time:?}");
}

/// R22, R38: of one client so many orders are under way and no more, and the runner is asked so much at once; who
/// comes beyond that is told so, and the runner hears nothing of it
#[tokio::test(flavor = "multi_thread")]
async fn so_many_questions_are_under_way_at_once() {
    let options = lane("[\"tls-admin\"]", &entry("jump02", "[\"tls-admin\"]"));
    let client_limits = options.client_limits.replace("in_flight = 100", "in_flight = 16");
    let scene = Scene::with(SceneOptions { client_limits, ..options }).await;
    // what the gate asks of its own accord is answered at once, and takes nobody's turn
    let fake = Fake::start(&scene, |ask| match ask.get("start") {
        Some(_) => Says::And(Vec::new(), false),
        None => text(""),
    });
    let peer = scene.peer("jump01");
    // one by one: so many handshakes at once are more than strangers of one address may have under way
    for number in 1..=16 {
        let peer = peer.clone();
        tokio::spawn(async move { start(&peer, &order(LIST, &[])).await });
        wait::until("one more order at the runner", || async {
            (fake.asked("start") == number).then_some(())
        })
        .await;
    }
    let answer = start(&peer, &order(LIST, &[])).await;
    assert_eq!(told(&answer), (429, "over_limit".to_owned()));
    let answer = start(&scene.peer("jump02"), &order(LIST, &[])).await;
    refused(&scene, "the seventeenth", &answer, (503, "runner_busy"));
    assert_eq!(fake.asked("start"), 16);
    scene.refusal("client_in_flight").await;
}

/// R33: events that are not in order, not events or not whole cut the stream: what was good before is passed on,
/// and it is not ended as if it were whole
#[tokio::test(flavor = "multi_thread")]
async fn a_spoiled_output_is_cut() {
    let event = |n: u64| json!({"event": {"n": n, "at": "2026-01-01T00:00:00.000Z", "stdout": format!("line {n}")}});
    let good = format!("{}\n{}\n", event(0), event(1));
    let secret = json!({"event": {"n": 5, "at": "x", "stdout": SECRET}});
    let spoilt = [
        ("a gap", format!("{secret}\n")),
        ("a repetition", format!("{}\n", event(1))),
        ("a step back", format!("{}\n", event(0))),
        ("no event", format!("{}\n", shown())),
        ("no JSON", format!("{SECRET}\n")),
        ("half a line", event(2).to_string()),
        ("an end", String::new()),
        (
            "a refusal",
            format!("{}\n", json!({"refused": {"code": "unknown_id", "message": SECRET}})),
        ),
    ];
    for (case, bad) in spoilt {
        let scene = scene().await;
        let output = text(&format!("{good}{bad}"));
        Fake::start(&scene, move |ask| match (ask.get("show"), ask.get("output")) {
            (Some(_), _) => line(&shown()),
            (_, Some(_)) => output.clone(),
            _ => text(""),
        });
        let mut follow = Follow::open(&scene.peer("jump01"), "1700000000-1", 0).await;
        let events = follow.rest().await;
        assert!(events.len() <= 2, "{case}: {events:?}");
        assert!(!format!("{events:?}").contains(SECRET), "{case}: {events:?}");
        assert!(!follow.whole, "{case}: it ended as if it were whole");
        assert_eq!(
            Http::open(&scene.peer("jump01"))
                .await
                .unwrap()
                .get("/v1/whoami")
                .await
                .unwrap()
                .status,
            200
        );
    }
}

/// A runner that answers for another command than was asked about is not believed
#[tokio::test(flavor = "multi_thread")]
async fn another_command_than_was_asked_about_is_not_shown() {
    let scene = scene().await;
    Fake::start(&scene, |_| line(&shown()));
    let peer = scene.peer("jump01");
    for (method, path) in [
        ("GET", "/v1/commands/2"),
        ("GET", "/v1/commands/2/output"),
        ("POST", "/v1/commands/2/cancel"),
    ] {
        let mut http = Http::open(&peer).await.unwrap();
        let answer = http.ask(method, path, "", b"").await.unwrap();
        assert_eq!(told(&answer), (502, "runner_garbage".to_owned()), "{path}");
    }
    let answer = Http::open(&peer).await.unwrap().get("/v1/commands").await.unwrap();
    assert_eq!(told(&answer), (502, "runner_garbage".to_owned()));
    assert!(scene.records("request").is_empty());
}

/// Notices that are none are not recorded, and asked for again; the daemon goes on meanwhile, and says in its
/// status what is wrong
#[tokio::test(flavor = "multi_thread")]
async fn notices_that_are_none_are_not_recorded() {
    let scene = scene().await;
    let fake = Fake::start(&scene, |_| text(&format!("{{\"notice\":\"{SECRET}\"}}\n")));
    wait::until("two questions for notices", || async { (fake.asked("watch") >= 2).then_some(()) })
        .await;
    let status = serde_json::to_value(scene.daemon.as_ref().unwrap().status()).unwrap();
    assert!(status.to_string().contains("runner_garbage"), "{status}");
    assert!(!status.to_string().contains(SECRET));
    assert!(
        scene.records("command-started").is_empty() && scene.records("command-ended").is_empty()
    );
    let audit = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    assert!(!audit.contains(SECRET));
    let mut enable = order("security external-ssl enable", &[("passphrase", Some(SECRET))]);
    let options = enable["options"].as_array_mut().unwrap();
    options.push(file("cert-file", "server.crt", SECRET.as_bytes()));
    options.push(file("key-file", "server.key", SECRET.as_bytes()));
    let answer = start(&scene.peer("jump01"), &enable).await;
    refused(&scene, "an order with secrets", &answer, (502, "runner_uncertain"));
}
