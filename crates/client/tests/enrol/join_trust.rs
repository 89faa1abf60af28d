//! Whom a host believes when it joins: the authority of the token, for the token's name, today; and what such an
//! authority gives is judged before it counts.

use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::rig::service::token;
use crate::rig::{Asked, Authority, Grant, Home, Reply, Service, life};

#[test]
fn another_authority_is_told_nothing() {
    let service = Service::start();
    let home = Home::new();
    let run = home.join(&token(&service.address(), &Authority::new(), 60), &[]);
    run.says(76, "is not the authority that the token is of", "it was told nothing");
    assert!(service.asked().is_empty());
    assert!(!home.file("cert.pem").exists());
}

#[test]
fn a_service_of_another_name_is_told_nothing() {
    let service = Service::showing("other.example.com", life(-1..24), |_, _| None);
    let run = Home::new().join(&service.token(60), &[]);
    run.says(76, "its certificate has another name", "listen.names of tsmgate-authority");
    assert!(service.asked().is_empty());
}

#[test]
fn a_clock_that_is_hours_off_is_said_with_both_times() {
    for (hours, what) in
        [(5..24, "its certificate is not valid before 20"), (-24..-5, "its certificate ended 20")]
    {
        let service = Service::showing("localhost", life(hours), |_, _| None);
        let run = Home::new().join(&service.token(60), &[]);
        run.says(76, what, "this host's clock may be hours off");
        assert!(run.talk.contains(", and this host's clock says 20"), "{run:?}");
        assert!(service.asked().is_empty());
    }
}

fn refused(change: impl Fn(&Grant, &Asked) -> String + Send + Sync + 'static, what: &str) {
    let service =
        Service::scripted(move |grant, asked| Some(Reply::Json(200, change(grant, asked))));
    let home = Home::new();
    home.join(&service.token(60), &[]).says(76, what, "nothing of it was used");
    assert!(!home.file("cert.pem").exists(), "{what}");
    assert!(!home.file("ca.pem").exists(), "{what}");
    assert!(!home.folder().join("config.toml").exists(), "{what}");
}

#[test]
fn a_certificate_that_is_not_what_was_asked_for_is_not_kept() {
    refused(
        |grant, asked| grant.enrolled(&grant.sign("jump02", asked, life(-1..24))).to_string(),
        "a certificate of another name, jump02",
    );
    refused(
        |grant, _| {
            let key = rcgen::KeyPair::generate().unwrap();
            let pem = grant.authority.client("jump01", &key, life(-1..24));
            grant.enrolled(&pem).to_string()
        },
        "a certificate of another key",
    );
    refused(
        |grant, asked| {
            let request = asked.body["request"].as_str().unwrap();
            grant.enrolled(&Authority::new().sign("jump01", request, life(-1..24))).to_string()
        },
        "a certificate that is not the authority's, or not for clients",
    );
    refused(|grant, _| grant.enrolled("none").to_string(), "no certificate that can be read");
    let changed = |member: &'static str, value: serde_json::Value| {
        move |grant: &Grant, asked: &Asked| {
            let mut given = grant.enrolled(&grant.sign("jump01", asked, life(-1..24)));
            given[member] = value.clone();
            given.to_string()
        }
    };
    let other = Authority::new().pem;
    let gate = |address: &str, pem: &str| json!({ "address": address, "authority": pem });
    refused(changed("authority", other.clone().into()), "an authority other than the trusted one");
    refused(changed("gate", gate("tsm:18850", "none")), "an authority other than the trusted one");
    refused(changed("gate", gate("https://tsm", &other)), "no address of a gate");
}

#[test]
fn a_certificate_for_another_time_is_kept_and_warned_of() {
    let service = Service::scripted(|grant, asked| {
        let begins = OffsetDateTime::now_utc() + Duration::hours(5);
        (asked.line == "POST /v1/join")
            .then(|| grant.grant("jump01", asked, (begins, begins + Duration::days(30))))
    });
    let home = Home::new();
    let run = home.join(&service.token(60), &[]);
    assert!(run.talk.contains("one of the clocks may be hours off, compare `date -u`"), "{run:?}");
    assert!(home.read("cert.pem").contains("BEGIN CERTIFICATE"));
}
