//! Deadlines with a paused clock, limits, and the table of what callers are told.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tsmgate_wire::{Answer, ExceptionKind, decode_reply, encode_call};

use super::conversation::{Conversation, IDLE, LIFETIME, WHOLE_CALL};
use super::slots::Slots;
use super::{CALLS, Callers, Denial, Event, Forward};
use crate::failure::{
    Breach, Delay, Distrust, FileFault, Lack, LoginFailure, Refusal, TsmFault, Unreached,
};
use crate::system::peer::our_user;
use crate::{LocalSocket, Source};

/// A conversation with somebody, in front of a socket that is not there; and what it says happened.
fn conversation() -> (DuplexStream, mpsc::Receiver<Event>, watch::Sender<bool>) {
    let (caller, ours) = duplex(4096);
    let (events, told) = mpsc::channel(64);
    let (stop, mut stopped) = watch::channel(false);
    let source = LocalSocket { path: "/no/such/socket".into(), timeout: LocalSocket::TIMEOUT };
    let forward = Forward::new(Source::from(source), Callers::ourselves(), events);
    tokio::spawn(async move {
        let slot = forward.slots.take(our_user()).unwrap();
        Conversation::new(&forward, ours, &slot).serve(&mut stopped).await;
    });
    (caller, told, stop)
}

/// The next answer's code, which has to be under this number.
async fn code(caller: &mut DuplexStream, sequence: i32) -> String {
    let mut bytes = Vec::new();
    loop {
        bytes.push(caller.read_u8().await.unwrap());
        match decode_reply(&bytes, sequence).unwrap() {
            Some(Answer::Exception(exception)) => return exception.message,
            Some(other) => panic!("{other:?}"),
            None => {}
        }
    }
}

/// Waits for the end, and gives the time until then.
async fn ended(caller: &mut DuplexStream) -> Duration {
    let begun = Instant::now();
    let mut rest = Vec::new();
    caller.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"");
    begun.elapsed()
}

fn about(time: Duration, wanted: Duration) -> bool {
    time >= wanted && time < wanted + Duration::from_secs(1)
}

#[tokio::test(start_paused = true)]
async fn a_silent_caller_is_cut_at_the_deadline() {
    let (mut caller, mut told, _stop) = conversation();
    assert!(about(ended(&mut caller).await, WHOLE_CALL));
    let uid = our_user();
    assert_eq!(told.recv().await, Some(Event::NoCall { uid, what: "no whole call in time" }));
}

#[tokio::test(start_paused = true)]
async fn bytes_that_trickle_do_not_move_the_deadline() {
    let (mut caller, _told, _stop) = conversation();
    let begun = Instant::now();
    for byte in encode_call(1) {
        if caller.write_all(&[byte]).await.is_err() {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    // seen at the next byte, or the one after
    let took = begun.elapsed();
    assert!(took >= WHOLE_CALL && took <= WHOLE_CALL + Duration::from_secs(2), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn bytes_in_pieces_and_calls_ahead_are_answered_one_by_one() {
    let (mut caller, _told, _stop) = conversation();
    for byte in encode_call(1) {
        caller.write_all(&[byte]).await.unwrap();
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(code(&mut caller, 1).await, "backend_unreachable");
    caller.write_all(&[encode_call(-7), encode_call(9)].concat()).await.unwrap();
    assert_eq!(code(&mut caller, -7).await, "backend_unreachable");
    assert_eq!(code(&mut caller, 9).await, "backend_unreachable");
    // closing the own half is not the end of the other
    caller.write_all(&encode_call(10)).await.unwrap();
    caller.shutdown().await.unwrap();
    assert_eq!(code(&mut caller, 10).await, "backend_unreachable");
    ended(&mut caller).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_caller_is_let_go_without_a_word() {
    let (mut caller, mut told, _stop) = conversation();
    caller.write_all(&encode_call(1)).await.unwrap();
    code(&mut caller, 1).await;
    assert!(matches!(told.recv().await, Some(Event::Call { outcome: Err(_), .. })));
    assert!(about(ended(&mut caller).await, IDLE));
    assert_eq!(told.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_connection_has_an_end_however_busy() {
    let (mut caller, _told, _stop) = conversation();
    let begun = Instant::now();
    while caller.write_all(&encode_call(1)).await.is_ok() {
        let mut first = [0];
        if caller.read(&mut first).await.unwrap_or(0) == 0 {
            break;
        }
        let mut rest = [0; 512];
        let _ = caller.read(&mut rest).await.unwrap();
        sleep(Duration::from_secs(10)).await;
    }
    let life = begun.elapsed();
    assert!(life >= LIFETIME && life < LIFETIME + IDLE, "{life:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_an_idle_caller_go_at_once_and_answers_what_is_here() {
    let (mut caller, _told, stop) = conversation();
    caller.write_all(&encode_call(1)).await.unwrap();
    code(&mut caller, 1).await;
    stop.send_replace(true);
    assert!(about(ended(&mut caller).await, Duration::ZERO));

    let (mut caller, _told, stop) = conversation();
    caller.write_all(&[encode_call(1), encode_call(2)].concat()).await.unwrap();
    stop.send_replace(true);
    assert_eq!(code(&mut caller, 1).await, "backend_unreachable");
    assert_eq!(code(&mut caller, 2).await, "backend_unreachable");
    ended(&mut caller).await;
}

#[test]
fn one_user_does_not_take_all_places_and_gives_back_what_it_took() {
    let slots = Slots::new(3, 2);
    let first = slots.take(1).unwrap();
    let second = slots.take(1).unwrap();
    assert!(slots.take(1).is_none(), "more than its share");
    let third = slots.take(2).unwrap();
    assert!(slots.take(3).is_none(), "more than there are");
    drop(first);
    let again = slots.take(3).unwrap();
    drop((second, third, again));
    assert!((0..3).all(|uid| slots.take(uid).is_some()));
}

/// However many calls a user has waiting, another user's is the next but one.
#[tokio::test(start_paused = true)]
async fn one_users_calls_do_not_stand_before_anothers() {
    let (events, _told) = mpsc::channel(64);
    let source = LocalSocket { path: "/no/such/socket".into(), timeout: LocalSocket::TIMEOUT };
    let callers = Callers { users: [1, 2].into(), groups: Vec::new() };
    let forward = Arc::new(Forward::new(Source::from(source), callers, events));
    let all = forward.turns.acquire_many(u32::try_from(CALLS).unwrap()).await.unwrap();
    let (done, mut order) = mpsc::unbounded_channel();
    for uid in [1, 1, 1, 1, 1, 2] {
        let (forward, done) = (Arc::clone(&forward), done.clone());
        tokio::spawn(async move {
            let slot = forward.slots.take(uid).unwrap();
            let (caller, outcome) = forward.login(&slot).await;
            assert!(matches!(outcome, Err(Denial::Failed(_))), "{outcome:?}");
            done.send(caller.uid).unwrap();
        });
        // each is in its place before the next comes
        tokio::task::yield_now().await;
    }
    all.forget();
    forward.turns.add_permits(1);
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(order.recv().await.unwrap());
    }
    assert!(seen.iter().position(|uid| *uid == 2) <= Some(1), "{seen:?}");
}

/// Nothing but a refusal is a normal answer, and no code is more than letters, or a time to wait.
#[test]
fn each_failure_has_its_code_and_only_a_refusal_is_no_exception() {
    let peer = || "gate".to_owned();
    let path = || "/some/file".into();
    let tsm = |cause| LoginFailure::Tsm { peer: peer(), cause };
    let later = |delay| LoginFailure::RetryLater { peer: peer(), delay };
    let table = [
        (LoginFailure::BadAddress(peer()), "client_misconfigured"),
        (LoginFailure::BadServerName(peer()), "client_misconfigured"),
        (LoginFailure::BadSocketPath(path()), "client_misconfigured"),
        (LoginFailure::File { path: path(), fault: FileFault::KeyTooOpen }, "client_misconfigured"),
        (LoginFailure::Unreachable { peer: peer(), cause: Unreached::Refused }, "gate_unreachable"),
        (
            LoginFailure::Untrusted {
                peer: peer(),
                name: peer(),
                authority: path(),
                cause: Distrust::WrongName,
            },
            "gate_untrusted",
        ),
        (
            LoginFailure::NotAccepted { peer: peer(), refusal: Refusal::CertificateExpired },
            "client_not_accepted",
        ),
        (LoginFailure::Protocol { peer: peer(), breach: Breach::CutOff }, "gate_garbage"),
        (later(Delay::OverLimit(Some(12))), "over_limit; retry in 12 s"),
        (later(Delay::OverLimit(None)), "over_limit"),
        (later(Delay::AuditUnavailable), "audit_unavailable"),
        (later(Delay::GateStopping), "gate_stopping"),
        (tsm(TsmFault::Unreachable), "backend_unreachable"),
        (tsm(TsmFault::Busy), "backend_busy"),
        (tsm(TsmFault::Timeout), "backend_timeout"),
        (tsm(TsmFault::Garbage), "backend_garbage"),
        (tsm(TsmFault::Untrusted), "backend_untrusted"),
        (tsm(TsmFault::Error), "backend_error"),
        (tsm(TsmFault::Failed), "backend_error"),
        (tsm(TsmFault::DeniedGate), "backend_denied_gate"),
        (tsm(TsmFault::Exception("what\u{1b}ever".to_owned())), "backend_error"),
    ];
    for (failure, code) in table {
        match Denial::Failed(failure).answer() {
            Answer::Exception(exception) => {
                assert_eq!(exception.kind, ExceptionKind::InternalError);
                assert_eq!(exception.message, code);
            }
            other => panic!("{code}: {other:?}"),
        }
    }
    let refused = LoginFailure::NotPermitted { peer: peer(), lack: Lack::Role };
    assert_eq!(Denial::Failed(refused).answer(), Answer::NotAuthorized);
    assert_eq!(Denial::NotListed.answer(), Answer::NotAuthorized);
    assert!(matches!(Denial::NotJudged.answer(), Answer::Exception(_)));
}
