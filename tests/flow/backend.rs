//! What TSM does: whatever it is, the caller gets a whole answer or the contract's exception, nothing in
//! between, and the next call works.

use std::time::Duration;

use tests::peer::{call, cookie_of, timed};
use tests::{Scene, SceneOptions, wait};
use tsmgate_wire::encode_call;
use tsmsim::{Behaviour, Then};

use crate::support::{SOON, in_words, login_limits, outcomes, phase, tsm_is_left_alone};

/// R33: each misbehaviour of TSM is one exception, nothing partial, and the next call is served
#[tokio::test]
async fn each_misbehaviour_is_one_exception_and_passes() {
    let scene = Scene::start().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    let mut expected = Vec::new();
    for (behaviour, code) in [
        (Behaviour::Garbage, "backend_garbage"),
        (Behaviour::HugeString, "backend_garbage"),
        (Behaviour::LongReply, "backend_garbage"),
        (Behaviour::HalfReply(Then::Close), "backend_garbage"),
        (Behaviour::Vanish, "backend_garbage"),
        (Behaviour::WrongSequence, "backend_garbage"),
        (Behaviour::WrongMethod, "backend_garbage"),
        (Behaviour::UnknownCode(3), "backend_garbage"),
        (Behaviour::UnknownCode(-1), "backend_garbage"),
        (Behaviour::EmptyCookie, "backend_garbage"),
        (Behaviour::CookieWithNewline, "backend_garbage"),
        (Behaviour::MissingMaxAge, "backend_garbage"),
        (Behaviour::RefuseAfterAccept, "backend_garbage"),
        (Behaviour::Exception, "backend_error"),
        (Behaviour::PllError, "backend_error"),
        (Behaviour::NotAuthorized, "backend_denied_gate"),
    ] {
        let before = scene.tsm.counts().connections;
        scene.tsm.behave_next(behaviour);
        let (answer, time) = timed(call(&mut stream, 1)).await;
        assert_eq!(in_words(answer.unwrap()), code, "{behaviour:?}");
        assert!(time < SOON, "{behaviour:?} took {time:?}");
        assert_eq!(scene.tsm.counts().connections, before + 1, "{behaviour:?}");
        cookie_of(call(&mut stream, 2).await.unwrap());
        expected.extend([code, "success"]);
    }
    assert_eq!(outcomes(&scene), expected);
    assert_eq!(phase(&scene, "intent").len(), expected.len());
    // one that resets has not read what it was sent
    let read = |seen: &tsmsim::ConnectionRecord| seen.behaviour != Behaviour::RefuseAfterAccept;
    let mut seen = scene.tsm.connections();
    seen.retain(read);
    assert!(seen.iter().all(|seen| seen.received == encode_call(1)));
    // what TSM made and spoiled is in no record
    let audit = std::fs::read_to_string(scene.path("log/audit.jsonl")).unwrap();
    assert!(scene.tsm.cookies().iter().all(|cookie| !audit.contains(cookie)));
    tsm_is_left_alone(&scene).await;
    scene.verify();
}

/// R19: a TSM that is silent, late, slow or stops half-way is given up and its connection closed
#[tokio::test]
async fn a_slow_tsm_is_given_up_in_time() {
    let scene = Scene::with(login_limits("call = \"300ms\"")).await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    let mut expected = Vec::new();
    for behaviour in [
        Behaviour::Silent,
        Behaviour::HalfReply(Then::Hang),
        Behaviour::OneByteAtATime,
        Behaviour::Delay(Duration::from_secs(60)),
    ] {
        scene.tsm.behave_next(behaviour);
        let (answer, time) = timed(call(&mut stream, 1)).await;
        assert_eq!(in_words(answer.unwrap()), "backend_timeout", "{behaviour:?}");
        assert!(time >= Duration::from_millis(300), "{behaviour:?} took {time:?}");
        assert!(time < SOON, "{behaviour:?} took {time:?}");
        // a delayed simulator looks at its connection when its time has come
        if !matches!(behaviour, Behaviour::Delay(_)) {
            tsm_is_left_alone(&scene).await;
            assert!(scene.tsm.connections().last().unwrap().ended);
        }
        cookie_of(call(&mut stream, 2).await.unwrap());
        expected.extend(["backend_timeout", "success"]);
    }
    assert_eq!(outcomes(&scene), expected);
    assert!(scene.tsm.connections().iter().all(|seen| seen.received == encode_call(1)));
}

/// R19: an answer that is slow but whole within the time of a call is an answer
#[tokio::test]
async fn a_slow_but_whole_answer_is_served() {
    let scene = Scene::start().await;
    for behaviour in [Behaviour::OneByteAtATime, Behaviour::Delay(Duration::from_millis(300))] {
        scene.tsm.behave_next(behaviour);
        let cookie = scene.peer("jump01").cookie().await;
        assert_eq!(scene.tsm.cookies().last(), Some(&cookie), "{behaviour:?}");
    }
    assert_eq!(outcomes(&scene), ["success", "success"]);
}

/// R34: bytes that TSM adds unasked are dropped with their connection, and never met by the next call
#[tokio::test]
async fn unasked_bytes_of_tsm_are_dropped() {
    let scene = Scene::start().await;
    scene.tsm.behave(Behaviour::TrailingBytes);
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    let mut cookies = Vec::new();
    for sequence in [4, 5, 6] {
        cookies.push(cookie_of(call(&mut stream, sequence).await.unwrap()));
    }
    assert_eq!(scene.tsm.cookies(), cookies);
    let seen = scene.tsm.connections();
    assert_eq!(seen.len(), 3, "a connection was used twice");
    assert!(seen.iter().all(|seen| seen.received == encode_call(1)));
    tests::peer::send(&mut stream, b"x").await.unwrap();
    let (more, _) = crate::support::until_closed(&mut stream).await;
    assert!(more.is_empty(), "the caller got {more:x?}");
}

/// R34: connections to TSM are closed after their call, also while the caller's stays open
#[tokio::test]
async fn no_connection_to_tsm_is_kept() {
    let scene = Scene::start().await;
    let mut streams = Vec::new();
    for _ in 0..5 {
        let mut stream = scene.peer("jump01").connect().await.unwrap();
        cookie_of(call(&mut stream, 1).await.unwrap());
        streams.push(stream);
    }
    tsm_is_left_alone(&scene).await;
    assert_eq!(scene.tsm.counts().connections, 5);
    wait::until("five proven connections", || async {
        (scene.daemon.as_ref().unwrap().occupancy() == (0, 5)).then_some(())
    })
    .await;
}

/// R33: a user name of TSM's with 12 KiB passes whole to the caller, and cut to the audit
#[tokio::test]
async fn a_long_user_name_is_cut_in_the_audit_alone() {
    let scene = Scene::with(SceneOptions { tsm_running: false, ..SceneOptions::default() }).await;
    let name = "n".repeat(12 * 1024);
    let options = tsmsim::SimulatorOptions {
        username: name.clone(),
        ..tsmsim::SimulatorOptions::new(scene.path("tsm/login"))
    };
    let tsm = tsmsim::Simulator::start(options).await.unwrap();
    let answer = scene.peer("jump01").login().await.unwrap();
    let tsmgate_wire::Answer::Granted(login) = answer else { panic!("{answer:?}") };
    assert_eq!(login.username, name);
    let outcome = phase(&scene, "outcome").remove(0);
    let kept = outcome["tsmgate.tsm.username"].as_str().unwrap();
    assert_eq!(kept, format!("{}…", "n".repeat(253)));
    drop(tsm);
}
