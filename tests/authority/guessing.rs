//! Guessing: whoever does not know a secret learns nothing, and is soon not asked any more.

use rcgen::KeyPair;
use serde_json::json;

use crate::support::{Options, Stage, post, request};

fn options() -> Options {
    let admission = "source_rate = { per_minute = 60000, burst = 10000 }";
    Options { admission, ..Options::default() }
}

/// R47: a wrong secret, an unknown name and a name that cannot be one get the same bytes
#[tokio::test]
async fn whoever_guesses_learns_nothing() {
    let stage = Stage::start();
    let token = stage.invite("jump01");
    let request = request(&KeyPair::generate().unwrap());
    let secret = |text: &str| text.to_owned();
    let wrong = token.secret.to_text().chars().rev().collect::<String>();
    let asks = [
        ("jump01", secret(&wrong)),
        ("jump02", secret(&token.secret.to_text())),
        ("jump01", secret("")),
        ("jump01", secret("not base64url!")),
        ("../../../etc/passwd", secret(&wrong)),
        ("\u{1b}[31m\u{202e}evil", secret(&wrong)),
        (&"x".repeat(10_000), secret(&wrong)),
    ];
    let mut answers = Vec::new();
    for (name, secret) in asks {
        let body = json!({ "name": name, "secret": secret, "request": request });
        let mut answer = post(&stage.peer(None), "/v1/join", &body).await.unwrap();
        answer.header = answer.header.lines().filter(|line| !line.starts_with("date")).collect();
        answers.push(answer);
    }
    assert_eq!(answers[0].refusal(), (403, "invite_unknown"));
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    assert!(stage.index().is_empty());
    // R43: what was sent as a name is in the record as visible text, and bounded
    let text = std::fs::read_to_string(stage.path("log/audit.jsonl")).unwrap();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    assert!(text.lines().all(|line| line.len() < 2000));
    assert_eq!(stage.join(&token, &request).await.status, 200, "and the invite is still good");
}

/// R41: each wrong secret is on record, and the ban that comes of them
#[tokio::test]
async fn who_keeps_guessing_is_banned() {
    let mut stage = Stage::with(options());
    let token = stage.invite("jump01");
    let request = request(&KeyPair::generate().unwrap());
    let body = json!({ "name": "jump01", "secret": "d3Jvbmc", "request": request });
    // the fourth is one too many: what three cost has begun to run off
    for _ in 0..4 {
        let answer = post(&stage.peer(None), "/v1/join", &body).await.unwrap();
        assert_eq!(answer.refusal(), (403, "invite_unknown"));
    }
    assert!(stage.try_join(&token, &request).await.is_err(), "banned, and not even answered");
    stage.record_because("source_banned");
    let bans = stage.records("ban");
    assert_eq!(bans.len(), 1);
    assert_eq!(bans[0]["event.reason"], "invite_unknown");
    // another source is not
    let body = json!({ "name": "jump01", "secret": *token.secret.to_text(), "request": request });
    let answer = post(&stage.peer(None).from("127.0.0.9"), "/v1/join", &body).await.unwrap();
    assert_eq!(answer.status, 200);
    stage.stop();
    stage.verify();
    assert_eq!(stage.records("join").len(), 10, "each with what was meant and how it ended");
}

/// Strangers together may try no more often than the disk bears
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_attempts_is_cut_before_it_is_recorded() {
    let stage = Stage::start();
    let body = json!({ "name": "jump01", "secret": "d3Jvbmc", "request": "" });
    let mut limited = 0;
    for _ in 0..200 {
        let answer = post(&stage.peer(None), "/v1/join", &body).await.unwrap();
        limited += usize::from(answer.refusal() == (429, "rate_limited"));
    }
    assert!(limited > 50, "{limited}");
    let meant = |line: &&serde_json::Value| line["event.outcome"] == "unknown";
    assert_eq!(stage.records("join").iter().filter(meant).count(), 200 - limited);
    stage.record_because("rate_limited");
}
