//! What a gate answers after the handshake, and the exit code and hint of each.

use tsmgate_wire::{Answer, ExceptionKind, ReplyFault};

use crate::rig::{
    COOKIE, Certificates, FakeGate, Play, SEQUENCE, exception, granted, granted_with, library_gate,
    run_at_gate, wait,
};
use tsmgate_client::failure::{Breach, Lack, TsmFault};
use tsmgate_client::{Login, LoginFailure};

/// What the library says of a gate that sends these bytes and closes.
async fn said(part: Play) -> Result<Login, LoginFailure> {
    let certificates = Certificates::new();
    let gate = FakeGate::start(&certificates, part);
    let gate = library_gate(&gate, &certificates);
    gate.login().await.map_err(|failure| without_peer(failure, &gate.address.to_string()))
}

/// The failure with `gate` for its changing address.
fn without_peer(failure: LoginFailure, address: &str) -> LoginFailure {
    let gate = |peer: String| {
        assert_eq!(peer, address);
        "gate".to_owned()
    };
    match failure {
        LoginFailure::Protocol { peer, breach } => {
            LoginFailure::Protocol { peer: gate(peer), breach }
        }
        LoginFailure::NotPermitted { peer, lack } => {
            LoginFailure::NotPermitted { peer: gate(peer), lack }
        }
        LoginFailure::Tsm { peer, cause } => LoginFailure::Tsm { peer: gate(peer), cause },
        other => other,
    }
}

fn breach(breach: Breach) -> Result<Login, LoginFailure> {
    Err(LoginFailure::Protocol { peer: "gate".into(), breach })
}

fn fault(fault: ReplyFault) -> Result<Login, LoginFailure> {
    breach(Breach::Reply(fault))
}

#[test]
fn a_granted_login_prints_the_cookie_and_nothing_else() {
    let run = run_at_gate(Play::Reply(granted()));
    assert_eq!(run.talk.lines().count(), 1, "{run:?}");
    assert!(run.talk.starts_with("tsmgate: session of tsmsvc until 2"), "{run:?}");
    assert_eq!(run.good(), format!("{COOKIE}\n"));
}

#[tokio::test]
async fn a_login_ends_its_lifetime_after_it_was_asked_for() {
    let before = std::time::SystemTime::now();
    let login = said(Play::Reply(granted())).await.unwrap();
    assert_eq!(login.username, "tsmsvc");
    assert_eq!((login.cookie.name(), login.cookie.value().expose()), ("AUTH_COOKIE", COOKIE));
    assert_eq!(login.cookie.max_age(), 7200);
    let life = login.expires().duration_since(before).unwrap();
    assert!((7200..7220).contains(&life.as_secs()), "{life:?}");
}

/// R39: what a program prints of a login in passing has no part of the cookie.
#[test]
fn a_login_does_not_debug_print_its_cookie() {
    let login = wait(said(Play::Reply(granted()))).unwrap();
    let printed = format!("{login:?} {:?}", login.cookie.value());
    assert!(!printed.contains("SECRET") && !printed.contains("kZ7"), "{printed}");
}

#[test]
fn every_exception_of_a_gate_has_its_exit_code_and_hint() {
    let internal = ExceptionKind::InternalError;
    let cases = [
        (internal, "over_limit; retry in 12 s", 75, "retry in 12 s", "wait 12 s"),
        (internal, "over_limit", 75, "over_limit", "wait a minute"),
        (internal, "audit_unavailable", 75, "audit_unavailable", "its audit cannot write"),
        (internal, "gate_stopping", 75, "gate_stopping", "has started again"),
        (internal, "backend_unreachable; no socket", 69, "backend_unreachable", "`tsm status`"),
        (internal, "backend_busy", 69, "backend_busy", "try again"),
        (internal, "backend_timeout: 10 s", 69, "backend_timeout", "starting or busy"),
        (internal, "backend_garbage", 69, "backend_garbage", "see the logs"),
        (internal, "backend_untrusted", 69, "backend_untrusted", "tsm.socket_owners"),
        (internal, "backend_error", 69, "backend_error", "see the logs"),
        (
            internal,
            "backend_denied_gate",
            69,
            "backend_denied_gate",
            "tsmgated's user to TSM's group",
        ),
        (internal, "Internal error processing login", 69, "Internal error", "controller"),
        (internal, "over_limits", 69, "over_limits", "controller"),
        (ExceptionKind::UnknownMethod, "over_limit", 76, "exception 1: over_limit", "its version"),
        (ExceptionKind::InvalidMessageType, "no", 76, "exception 2: no", "its version"),
        (ExceptionKind::ProtocolError, "no", 76, "exception 7: no", "its version"),
        (ExceptionKind::Other(5), "no such thing", 76, "exception 5: no such", "its version"),
    ];
    for (kind, message, code, what, hint) in cases {
        run_at_gate(Play::Reply(exception(kind, message))).says(code, what, hint);
    }
}

#[test]
fn a_missing_permission_names_the_role() {
    let run = run_at_gate(Play::Reply(crate::rig::answer(&Answer::NotAuthorized)));
    run.says(77, "no role of this client", "a role with `login`");
}

#[test]
fn a_failure_of_tsm_is_told_as_such() {
    let run = run_at_gate(Play::Reply(crate::rig::answer(&Answer::Error)));
    run.says(69, "TSM says that it failed", "log of TSM's controller");
}

/// R43: an exception's text cannot move the cursor, change direction, add lines, or run on.
#[test]
fn text_of_the_peer_is_escaped_and_cut() {
    let hostile = "x\u{1b}[2J\r\n\u{85}\u{7f}\u{202e}hint: rm -rf\n".to_owned() + &"y".repeat(9000);
    let run = run_at_gate(Play::Reply(exception(ExceptionKind::InternalError, &hostile)));
    let (what, _) = run.failed(69);
    assert!(what.chars().all(|c| c == '…' || c == ' ' || c.is_ascii_graphic()), "{what:?}");
    assert!(what.len() < 256 + 64, "{} bytes", what.len());

    let run = run_at_gate(Play::Reply(granted_with("a\u{1b}]0;b\u{7}\u{202e}\n", COOKIE)));
    assert!(run.talk.trim_end().chars().all(|c| c == ' ' || c.is_ascii_graphic()), "{run:?}");
    assert_eq!(run.talk.lines().count(), 1);
}

#[tokio::test]
async fn a_refusal_without_its_code_checked_gives_no_login() {
    let refused = said(Play::Reply(crate::rig::answer(&Answer::NotAuthorized))).await;
    let lack = Lack::Role;
    assert_eq!(refused, Err(LoginFailure::NotPermitted { peer: "gate".into(), lack }));
    let failed = said(Play::Reply(crate::rig::answer(&Answer::Error))).await;
    assert_eq!(failed, Err(LoginFailure::Tsm { peer: "gate".into(), cause: TsmFault::Failed }));
}

#[tokio::test]
async fn bytes_that_are_no_reply_are_a_breach() {
    let mut wrong_sequence = granted();
    wrong_sequence[16] = 2;
    let mut wrong_method = granted();
    wrong_method[8] = b'L';
    let call = tsmgate_wire::encode_call(SEQUENCE);
    let huge = {
        // a cookie that announces two gigabytes, and then says nothing more
        let mut bytes = granted_with("u", "v");
        bytes.truncate(bytes.len() - 14);
        bytes.extend(i32::MAX.to_be_bytes());
        bytes
    };
    assert_eq!(said(Play::Reply(wrong_sequence)).await, fault(ReplyFault::WrongSequence));
    assert_eq!(said(Play::Reply(wrong_method)).await, fault(ReplyFault::WrongMethod));
    assert_eq!(said(Play::Reply(call)).await, fault(ReplyFault::NotAReply));
    assert_eq!(said(Play::ReplyAndHold(huge)).await, fault(ReplyFault::Malformed));
    let http = b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec();
    assert_eq!(said(Play::Reply(http)).await, fault(ReplyFault::Malformed));
}

#[tokio::test]
async fn a_reply_without_an_end_is_bounded() {
    // an unknown string field of 8 KiB, over and over
    let mut endless = granted()[..17].to_vec();
    for id in 0..4u8 {
        endless.extend([0x0b, 0x00, 0x10 + id, 0x00, 0x00, 0x20, 0x00]);
        endless.extend([b'x'; 8192]);
    }
    assert_eq!(said(Play::ReplyAndHold(endless)).await, fault(ReplyFault::TooLong));
}

#[tokio::test]
async fn half_a_reply_is_cut_off_and_not_a_refusal() {
    let whole = granted();
    for half in [1, 17, whole.len() - 1] {
        assert_eq!(said(Play::Reply(whole[..half].to_vec())).await, breach(Breach::CutOff));
    }
}

#[tokio::test]
async fn bytes_behind_the_reply_are_not_looked_at() {
    let mut more = granted();
    more.extend_from_slice(b"\x80\x01garbage");
    assert!(said(Play::Reply(more)).await.is_ok());
}

/// R39: whatever is wrong with a reply that holds a cookie, stderr has no part of it.
#[test]
fn a_broken_reply_with_a_cookie_in_it_shows_none_of_it() {
    let whole = granted();
    let mut wrong_sequence = whole.clone();
    wrong_sequence[16] = 9;
    for bytes in [wrong_sequence, whole[..whole.len() - 2].to_vec()] {
        // the check itself is in `Run::of`
        run_at_gate(Play::Reply(bytes)).says(
            76,
            "does not speak the login conversation",
            "version",
        );
    }
}
