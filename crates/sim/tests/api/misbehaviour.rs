//! Each misbehaviour does what it says, as a peer sees it; and what is queued comes before what stands.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tsmsim::{ApiBehaviour, JobStatus};

use super::Stage;
use super::client::{Answer, DEADLINE};

async fn spoiled(stage: &Stage, behaviour: ApiBehaviour) -> Answer {
    stage.api().behave_next(behaviour);
    stage.ask("GET", "nodes").await
}

#[tokio::test]
async fn a_storm_is_over_after_so_many_requests_and_does_nothing() {
    let stage = Stage::new().await;
    stage.api().storm(3);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(stage.ask("POST", "cleanup").await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 200]);
    assert_eq!(stage.api().jobs(), [(1, JobStatus::Created)]);
    assert!(stage.tsm.requests().iter().all(|request| request.authorized));
    let told: Vec<_> = stage.tsm.requests().iter().map(|request| request.status.unwrap()).collect();
    assert_eq!(told, statuses);
}

#[tokio::test]
async fn bodies_are_spoiled_as_named() {
    let stage = Stage::new().await;
    let honest = spoiled(&stage, ApiBehaviour::Honest).await;
    assert!(honest.whole && honest.farewell);

    let truncated = spoiled(&stage, ApiBehaviour::Truncated).await;
    let announced: usize = truncated.header("content-length").unwrap().parse().unwrap();
    assert_eq!((truncated.body.len(), announced), (honest.body.len(), honest.body.len() + 64));
    assert!(!truncated.whole);

    let cut = spoiled(&stage, ApiBehaviour::CloseInBody).await;
    assert_eq!(cut.body, honest.body[..honest.body.len() / 2]);
    assert!(cut.header("transfer-encoding").is_some() && !cut.whole);

    let headless = spoiled(&stage, ApiBehaviour::CloseInHeader).await;
    assert_eq!((headless.raw.len(), headless.farewell), (40, false));
    assert!(headless.raw.starts_with(b"HTTP/1.1 200 OK\r\n"));

    let html = spoiled(&stage, ApiBehaviour::WrongType).await;
    assert_eq!((html.headers("content-type"), &html.body), (vec!["text/html"], &honest.body));

    let gzip = spoiled(&stage, ApiBehaviour::Gzip).await;
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    assert!(gzip.body.starts_with(&[0x1f, 0x8b]) && gzip.body.len() == honest.body.len() + 23);

    let raw =
        Bytes::from_static(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab");
    let answer = spoiled(&stage, ApiBehaviour::Raw(raw.clone())).await;
    assert!(answer.farewell && answer.raw == raw);
}

#[tokio::test]
async fn a_proxys_answers_are_no_json() {
    let stage = Stage::new().await;
    let page = spoiled(&stage, ApiBehaviour::Html(502)).await;
    assert_eq!((page.status, page.header("content-type")), (502, Some("text/html")));
    assert!(page.holds("<h1>502 Bad Gateway</h1>"));
    let empty = spoiled(&stage, ApiBehaviour::Empty(503)).await;
    assert_eq!((empty.status, empty.body.len()), (503, 0));
    let error = spoiled(&stage, ApiBehaviour::Status(500)).await;
    assert_eq!((error.status, error.detail()), (500, "Something went wrong.".to_owned()));
}

#[tokio::test]
async fn slowness_is_slow_and_whole() {
    let stage = Stage::new().await;
    let pause = Duration::from_millis(1);
    for behaviour in [
        ApiBehaviour::SlowAnswer(pause),
        ApiBehaviour::SlowBody(pause * 5),
        ApiBehaviour::Delay(pause * 50),
    ] {
        let before = Instant::now();
        let answer = spoiled(&stage, behaviour.clone()).await;
        assert!(answer.whole && answer.status == 200, "{behaviour:?}: {}", answer.head);
        let least = match behaviour {
            ApiBehaviour::SlowAnswer(_) => pause * u32::try_from(answer.raw.len()).unwrap(),
            ApiBehaviour::SlowBody(_) => pause * 5 * u32::try_from(answer.body.len() / 8).unwrap(),
            _ => pause * 50,
        };
        assert!(before.elapsed() >= least, "{behaviour:?} took {:?}", before.elapsed());
    }
}

#[tokio::test]
async fn silence_does_nothing_and_stays() {
    let stage = Stage::new().await;
    stage.api().behave(ApiBehaviour::Silent);
    let cookie = stage.api().open_session("anna");
    let mut client = stage.client().await;
    let request = format!(
        "POST /api/0.5/disable HTTP/1.1\r\nHost: localhost\r\nCookie: AUTH_COOKIE={cookie}\r\n\
         Content-Length: 3\r\n\r\nabc"
    );
    client.stream.write_all(request.as_bytes()).await.unwrap();
    let heard = async {
        while !stage.tsm.requests().iter().any(|request| request.body_complete) {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, heard).await.unwrap();
    let seen = stage.tsm.requests().remove(0);
    assert_eq!((seen.body.as_slice(), seen.status), (b"abc".as_slice(), None));
    assert_eq!(stage.api().jobs(), []);
    stage.tsm.stop().await;
    assert_eq!(client.read().await.raw, b"");
}

#[tokio::test]
async fn a_session_can_be_lost_in_mid_upload() {
    let stage = Stage::new().await;
    stage.api().behave_next(ApiBehaviour::LoseSession);
    let cookie = stage.api().open_session("anna");
    let mut client = stage.client().await;
    let request = format!(
        "POST /api/0.5/licensing/registration HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Cookie: AUTH_COOKIE={cookie}\r\nContent-Length: 1000000\r\n\r\nfirst"
    );
    client.stream.write_all(request.as_bytes()).await.unwrap();
    let answer = client.read().await;
    assert_eq!(answer.status, 401);
    assert!(!stage.api().is_open(&cookie));
    let seen = stage.tsm.requests().remove(0);
    assert_eq!((seen.body_length, seen.body_complete, seen.authorized), (5, false, true));
}

#[tokio::test]
async fn a_queued_behaviour_is_for_one_request_and_goes_before_the_standing_one() {
    let stage = Stage::new().await;
    stage.api().behave(ApiBehaviour::Html(502));
    stage.api().behave_next(ApiBehaviour::Empty(503));
    assert_eq!(stage.ask("GET", "status").await.status, 503);
    assert_eq!(stage.ask("GET", "status").await.status, 502);
    assert_eq!(stage.ask("GET", "status").await.status, 502);
    stage.api().behave(ApiBehaviour::Honest);
    assert_eq!(stage.ask("GET", "status").await.status, 200);
}

#[tokio::test]
async fn huge_and_endless_bodies_are_made_as_they_are_read() {
    let stage = Stage::new().await;
    let total: u64 = 64 * 1024 * 1024 + 3;
    let answer = spoiled(&stage, ApiBehaviour::Huge(total)).await;
    assert_eq!(answer.header("content-length"), Some(total.to_string().as_str()));
    assert_eq!(answer.body.len() as u64, total);

    stage.api().behave_next(ApiBehaviour::EndlessBody);
    let cookie = stage.api().open_session("anna");
    let mut client = stage.client().await;
    let request = format!(
        "GET /api/0.5/status HTTP/1.1\r\nHost: localhost\r\nCookie: AUTH_COOKIE={cookie}\r\n\r\n"
    );
    client.stream.write_all(request.as_bytes()).await.unwrap();
    let mut piece = vec![0; 1024 * 1024];
    for _ in 0..16 {
        timeout(DEADLINE, client.stream.read_exact(&mut piece)).await.unwrap().unwrap();
    }
    drop(client);
    let ended = async {
        while !stage.api().connections().iter().all(|connection| connection.ended) {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, ended).await.unwrap();
}
