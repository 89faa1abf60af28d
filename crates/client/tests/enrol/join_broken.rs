//! Joining at a service that says no, or says something else than was agreed.

use crate::rig::{Home, Reply, Run, Service};

/// One join at a service that answers every join so.
fn answered(reply: impl Fn() -> Reply + Send + Sync + 'static) -> Run {
    let service = Service::scripted(move |_, _| Some(reply()));
    let home = Home::new();
    let run = home.join(&service.token(60), &["--timeout", "3s"]);
    assert!(!home.file("cert.pem").exists(), "{run:?}");
    assert!(!home.folder().join("config.toml").exists(), "{run:?}");
    run
}

/// R43: what the service says is escaped; what can be done about it is said in our own words
#[test]
fn every_code_of_the_service_has_its_exit_code_and_its_hint() {
    let invite = "`tsmgate pki invite jump01 …` on the TSM host";
    let all = [
        (403, "invite_unknown", 71, invite),
        (403, "invite_expired", 71, invite),
        (403, "invite_used", 71, "somebody else did: the authority's audit says from where"),
        (400, "request_refused", 71, "move key.pem"),
        (409, "live_certificate", 71, "tsmgate pki invite jump01 --replace"),
        (403, "network_refused", 77, "from a network of this host's entry"),
        (403, "certificate_revoked", 71, "join again: `tsmgate pki invite jump01 …`"),
        (403, "not_enrolled", 77, "join again: `tsmgate pki invite jump01 …`"),
        (429, "too_many_certificates", 75, "renews in a loop"),
        (429, "rate_limited", 75, "wait a minute"),
        (503, "not_recorded", 75, "try again later"),
        (503, "authority_trouble", 75, "try again later"),
        (403, "something_new", 71, "theirs"),
        (404, "not_found", 76, "theirs"),
    ];
    for (status, code, exit, hint) in all {
        let run = answered(move || Reply::refused(status, code));
        run.says(exit, &format!("({code})"), hint);
        assert!(run.talk.contains("refuses: no \\u{1b}[31m"), "escaped: {run:?}");
    }
}

#[test]
fn an_answer_that_is_none_is_told_as_what_it_is() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    let bytes = |body: String| move || Reply::Bytes(body.clone().into_bytes());
    let large = "x".repeat(70_000);
    let declared = format!("{head}Content-Length: 70000\r\n\r\n{large}");
    answered(bytes(declared)).says(76, "the answer is larger than 65536 bytes", "host and port");
    let piecewise =
        format!("{head}Transfer-Encoding: chunked\r\n\r\n11170\r\n{large}\r\n0\r\n\r\n");
    answered(bytes(piecewise)).says(76, "the answer is larger than 65536 bytes", "host and port");
    let cut = format!("{head}Content-Length: 500\r\n\r\n{{\"certificate\":");
    answered(bytes(cut)).says(70, "ended before its answer was here", "the same command again");
    answered(|| Reply::Close).says(70, "ended before its answer", "the same command again");
    answered(|| Reply::Hold).says(70, "no answer in time while waiting", "may be given again");
    answered(bytes("SSH-2.0-other\r\n".to_owned())).says(76, "not HTTP/1.1", "host and port");
    answered(|| Reply::Json(200, "{}".to_owned())).says(76, "it is not JSON", "host and port");
    answered(|| Reply::Json(302, String::new())).says(76, "status 302", "host and port");
    answered(|| Reply::Json(500, "<html>".to_owned())).says(76, "(status 500)", "the log of");
}

#[test]
fn a_refusal_too_long_to_be_read_is_one_all_the_same() {
    let body = format!("{{\"error\":{{\"code\":\"{}\"}}}}", "x".repeat(70_000));
    answered(move || Reply::Json(403, body.clone())).says(71, "(status 403)", "the log of");
}

#[test]
fn nobody_there_is_said_with_what_to_look_at() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("localhost:{}", listener.local_addr().unwrap().port());
    drop(listener);
    let service = Service::start();
    let token = crate::rig::service::token(&address, &service.authority, 60);
    let run = Home::new().join(&token, &[]);
    run.says(70, &format!("cannot reach {address}"), "tsmgate-authority runs there");
}
