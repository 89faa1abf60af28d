//! The series themselves: what is counted shows, and nothing a peer does makes them more than they are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tsmgate_gate::reason::Reason;
use tsmgate_server::metrics::{CLIENTS, LOGIN_SERIES, Metrics, OTHERS, Requests, Side};
use tsmgate_server::status::Ending;

use crate::fake::status;

/// Each line of a text but for comments: the series and its value.
fn series(text: &str) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        let twice = found.insert(name.to_owned(), value.parse().unwrap());
        assert_eq!(twice, None, "{name} is there twice");
    }
    found
}

#[test]
fn what_happened_is_counted() {
    let metrics = Metrics::new();
    metrics.refused(Reason::AddressNotListed);
    metrics.refused(Reason::AddressNotListed);
    metrics.login("jump01", Ok(()));
    metrics.login("jump01", Err(Reason::ClientOverRate(Duration::from_secs(1))));
    metrics.asked_tsm(Side::Login, Duration::from_millis(30), Ok(()));
    metrics.asked_tsm(Side::Login, Duration::from_secs(3), Err(Reason::BackendTimeout));
    metrics.asked_tsm(Side::Api, Duration::from_secs(2), Ok(()));
    metrics.asked_tsm(Side::Api, Duration::from_secs(9), Err(Reason::AuditUnavailable));
    metrics.request("jump01", "status", Ok(()));
    metrics.request("jump01", "export", Err(Reason::AnswerNotRedactable));
    metrics.request_refused("jump01", Reason::PermissionMissing);
    metrics.cut(Reason::CertificateRevoked);
    metrics.banned();
    metrics.reloaded(true);
    metrics.reloaded(false);
    metrics.reloaded(false);
    let found = series(&metrics.text(&status()));
    for (name, value) in [
        (r#"tsmgate_refusals_total{stage="admit",reason="address_not_listed"}"#, 2.0),
        (r#"tsmgate_refusals_total{stage="admit",reason="gate_full"}"#, 0.0),
        (r#"tsmgate_logins_total{client="jump01",outcome="success"}"#, 1.0),
        (r#"tsmgate_logins_total{client="jump01",outcome="client_over_rate"}"#, 1.0),
        (r#"tsmgate_requests_total{client="jump01",operation="status",outcome="success"}"#, 1.0),
        (r#"tsmgate_requests_refused_total{client="jump01",reason="permission_missing"}"#, 1.0),
        ("tsmgate_answers_withheld_total", 1.0),
        (r#"tsmgate_tsm_answer_seconds_count{side="login",outcome="answered"}"#, 1.0),
        (r#"tsmgate_tsm_answer_seconds_bucket{le="0.025",side="login",outcome="answered"}"#, 0.0),
        (r#"tsmgate_tsm_answer_seconds_bucket{le="0.05",side="login",outcome="answered"}"#, 1.0),
        (r#"tsmgate_tsm_answer_seconds_sum{side="login",outcome="failed"}"#, 3.0),
        (r#"tsmgate_tsm_answer_seconds_sum{side="api",outcome="answered"}"#, 2.0),
        // what was not TSM's doing
        (r#"tsmgate_tsm_answer_seconds_count{side="api",outcome="failed"}"#, 0.0),
        (r#"tsmgate_tsm_failures_total{side="login",stage="relay",reason="backend_timeout"}"#, 1.0),
        (r#"tsmgate_tsm_failures_total{side="api",stage="relay",reason="backend_untrusted"}"#, 0.0),
        (r#"tsmgate_cuts_total{stage="handshake",reason="certificate_revoked"}"#, 1.0),
        ("tsmgate_bans_total", 1.0),
        (r#"tsmgate_reloads_total{outcome="good"}"#, 1.0),
        (r#"tsmgate_reloads_total{outcome="bad"}"#, 2.0),
        (r#"tsmgate_connections{state="unproven"}"#, 2.0),
        (r#"tsmgate_connections{state="proven"}"#, 3.0),
        ("tsmgate_audit_sequence", 42.0),
        ("tsmgate_audit_writable", 1.0),
        ("tsmgate_ready", 1.0),
        (r#"tsmgate_tsm_failing{side="login"}"#, 0.0),
        (r#"tsmgate_tsm_failing{side="api"}"#, 0.0),
        ("tsmgate_session_held", 1.0),
        ("tsmgate_enrolled_clients", 7.0),
        ("tsmgate_enrolled_left_out", 1.0),
        ("tsmgate_enrolment_readable", 1.0),
        ("tsmgate_last_reload_success", 1.0),
        ("tsmgate_last_reload_time_seconds", 1_795_349_400.0),
        ("tsmgate_last_login_time_seconds", 1_795_350_600.0),
        ("tsmgate_start_time_seconds", 1_795_348_800.0),
        ("tsmgate_warnings", 0.0),
        (r#"tsmgate_expiry_seconds{kind="server",name="server.pem"}"#, 1_036_860.0),
        (r#"tsmgate_build_info{version="0.1.0"}"#, 1.0),
        (r#"tsmgate_sandbox_info{level="full"}"#, 1.0),
    ] {
        assert_eq!(found.get(name), Some(&value), "{name} in {found:#?}");
    }
}

#[test]
fn what_is_remembered_beside() {
    let metrics = Metrics::new();
    let failing = || Side::ALL.map(|side| metrics.tsm_failing(side));
    assert_eq!((metrics.logins(), metrics.last_login(), failing()), (0, None, [None, None]));
    assert_eq!(metrics.requests(), Requests::default());
    metrics.login("jump01", Ok(()));
    metrics.login("monitor", Err(Reason::PermissionMissing));
    assert_eq!(metrics.logins(), 1);
    assert_eq!(metrics.last_login().unwrap().0, "jump01");
    metrics.asked_tsm(Side::Login, Duration::ZERO, Err(Reason::BackendUnreachable));
    metrics.asked_tsm(Side::Api, Duration::ZERO, Ok(()));
    assert_eq!(
        failing(),
        [Some("backend_unreachable"), None],
        "one side says nothing of the other"
    );
    metrics.asked_tsm(Side::Login, Duration::ZERO, Ok(()));
    metrics.asked_tsm(Side::Api, Duration::ZERO, Err(Reason::BackendUntrusted));
    metrics.asked_tsm(Side::Api, Duration::ZERO, Err(Reason::AuditUnavailable));
    assert_eq!(failing(), [None, Some("backend_untrusted")]);
    metrics.request("jump01", "stop", Ok(()));
    metrics.request("jump01", "stop", Err(Reason::AnsweredError));
    metrics.request_refused("jump01", Reason::NotAnOperation);
    metrics.request_refused("jump01", Reason::BadRequest);
    assert_eq!(metrics.requests(), Requests { granted: 1, failed: 1, refused: 2 });
    metrics.seen("b", Some(2));
    metrics.seen("a", Some(9));
    metrics.seen("a", Some(5));
    assert_eq!(metrics.clients_seen(), [("a".to_owned(), 5), ("b".to_owned(), 2)]);
}

/// A client that connected is there at zero: its first login shows as an increase, and so does what it is
/// refused first.
#[test]
fn a_client_has_a_series_before_its_first_login() {
    let metrics = Metrics::new();
    metrics.seen("jump01", Some(1));
    let found = series(&metrics.text(&status()));
    for name in [
        r#"tsmgate_logins_total{client="jump01",outcome="success"}"#,
        r#"tsmgate_requests_refused_total{client="jump01",reason="permission_missing"}"#,
        r#"tsmgate_requests_refused_total{client="jump01",reason="not_an_operation"}"#,
    ] {
        assert_eq!(found.get(name), Some(&0.0), "{name}");
    }
}

/// However many clients and endings there are, the series are bounded
#[test]
fn the_number_of_series_is_bounded() {
    let metrics = Metrics::new();
    for number in 0..LOGIN_SERIES + 500 {
        metrics.login(&format!("client{number}"), Ok(()));
        metrics.request(&format!("client{number}"), "status", Ok(()));
        metrics.request_refused(&format!("client{number}"), Reason::NotAnOperation);
        metrics.seen(&format!("seen{number}"), Some(1));
    }
    let mut full = status();
    full.endings = (0..20_000)
        .map(|number| Ending {
            kind: "client".into(),
            name: format!("client{number}"),
            at: String::new(),
            seconds: number,
        })
        .collect();
    let found = series(&metrics.text(&full));
    for (metric, others, most) in [
        ("logins", r#"outcome="success""#, LOGIN_SERIES + 1),
        ("requests", r#"operation="status",outcome="success""#, LOGIN_SERIES + 1),
        // those of clients that only connected, too
        ("requests_refused", r#"reason="not_an_operation""#, LOGIN_SERIES + 2),
    ] {
        let metric = format!("tsmgate_{metric}_total{{");
        let series = found.keys().filter(|name| name.starts_with(&metric)).count();
        assert_eq!(series, most, "{metric}");
        let others = format!(r#"{metric}client="{OTHERS}",{others}}}"#);
        assert!(found[&others] >= 500.0, "{others} {}", found[&others]);
    }
    assert_eq!(metrics.requests().granted, (LOGIN_SERIES + 500) as u64);
    assert_eq!(metrics.logins(), (LOGIN_SERIES + 500) as u64);
    assert_eq!(metrics.clients_seen().len(), CLIENTS);
    assert!(found.len() < 25_000, "{}", found.len());
}

#[test]
fn two_endings_of_one_name_are_the_sooner() {
    let mut twice = status();
    twice.endings.push(Ending { seconds: 7, ..twice.endings[1].clone() });
    let found = series(&Metrics::new().text(&twice));
    assert_eq!(found[r#"tsmgate_expiry_seconds{kind="server",name="server.pem"}"#], 7.0);
}

/// R43: a name that would forge a line or a label does neither
#[test]
fn names_forge_nothing() {
    let mut evil = status();
    evil.endings[0].name = "x\"} 1\ntsmgate_ready 7\n#".into();
    let metrics = Metrics::new();
    let forged = "x\"} 1\ntsmgate_ready 8\n#";
    metrics.login(forged, Ok(()));
    metrics.request(forged, "status", Ok(()));
    metrics.request_refused(forged, Reason::BadRequest);
    let text = metrics.text(&evil);
    assert_eq!(series(&text)["tsmgate_ready"], 1.0, "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("tsmgate_ready")).count(), 1);
}

#[test]
fn labels_are_these_and_no_others() {
    let metrics = Metrics::new();
    metrics.login("jump01", Ok(()));
    metrics.request("jump01", "status", Ok(()));
    metrics.request_refused("jump01", Reason::BadRequest);
    let text = metrics.text(&status());
    let mut labels = BTreeSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some((_, inside)) = line.split_once('{') {
            let inside = inside.rsplit_once('}').unwrap().0;
            labels.extend(inside.split(',').map(|pair| pair.split_once('=').unwrap().0));
        }
    }
    let expected = [
        "client",
        "kind",
        "le",
        "level",
        "name",
        "operation",
        "outcome",
        "reason",
        "side",
        "stage",
        "state",
        "version",
    ];
    assert_eq!(labels.into_iter().collect::<Vec<_>>(), expected);
}
