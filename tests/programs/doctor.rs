//! `tsmgate doctor` at the real gate: a good way to its end, each reason to be turned away, and that it takes no
//! session unless it is told to.

use std::process::Command;

use serde_json::Value;
use tests::certificates::Identity;
use tests::program::{Gated, command};
use tests::scene::entry;
use tests::{Authority, Scene, SceneOptions};
use time::{Duration, OffsetDateTime};

use crate::clock::library;
use crate::stage::{run, stage, told};

/// `tsmgate doctor` as this client, in the scene's folder.
fn doctor(scene: &Scene, gated: &Gated, identity: &Identity, arguments: &[&str]) -> Command {
    scene.install(identity);
    let mut command = command("tsmgate");
    command
        .args(["doctor", "--json", "--server-name", "localhost"])
        .args(arguments)
        .env_clear()
        .env("TSMGATE_GATE", gated.address().to_string())
        .env("TSMGATE_CA", scene.path("ca.pem"))
        .env("TSMGATE_CERT", scene.path("client.pem"))
        .env("TSMGATE_KEY", scene.path("client.key"));
    command
}

/// What was found, and the exit code.
struct Report(Value);

impl Report {
    fn of(scene: &Scene, command: &mut Command) -> Self {
        let (code, out, err) = told(&command.output().unwrap());
        assert_eq!(err, "");
        for cookie in scene.tsm.cookies() {
            assert!(!out.contains(&cookie), "a cookie: {out}");
        }
        let report: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(report["exit"], code, "{out}");
        Self(report)
    }

    fn step(&self, name: &str) -> &Value {
        self.0["steps"].as_array().unwrap().iter().find(|step| step["name"] == name).unwrap()
    }

    fn with(&self, verdict: &str) -> Vec<&str> {
        let steps = self.0["steps"].as_array().unwrap().iter();
        let found = steps.filter(|step| step["verdict"] == verdict);
        found.map(|step| step["name"].as_str().unwrap()).collect()
    }

    /// Asserts that this step failed so, and was the first.
    fn fails_at(&self, name: &str, code: i32, side: &str, what: &str, hint: &str) {
        assert_eq!(self.with("failed").first(), Some(&name), "{:#?}", self.0);
        assert_eq!(self.0["exit"], code, "{:#?}", self.0);
        let step = self.step(name);
        assert_eq!(step["side"], side, "{step:#?}");
        assert!(step["what"].as_str().unwrap().contains(what), "{step:#?}");
        assert!(step["hint"].as_str().unwrap().contains(hint), "{step:#?}");
    }
}

async fn of_jump01(options: SceneOptions, arguments: &[&str]) -> Report {
    let scene = stage(options).await;
    let gated = run(&scene);
    let identity = scene.authority.client("jump01");
    Report::of(&scene, &mut doctor(&scene, &gated, &identity, arguments))
}

/// Nothing fails, nothing is left out, and TSM gave no session but the gate's own.
#[tokio::test(flavor = "multi_thread")]
async fn a_good_way_is_walked_to_tsm_without_a_session() {
    let scene = stage(SceneOptions::api("[\"monitor\", \"login\"]")).await;
    let gated = run(&scene);
    let identity = scene.authority.client("jump01");
    let report = Report::of(&scene, &mut doctor(&scene, &gated, &identity, &[]));
    assert_eq!(report.with("ok").len(), 12, "{:#?}", report.0);
    let found = |name: &str| report.step(name)["found"].clone();
    assert_eq!(found("handshake")["post_quantum"], true);
    assert_eq!(found("own_certificate")["identity"], "URI:tsmgate://client/jump01");
    assert_eq!(found("identity")["client"], "jump01");
    assert_eq!(found("clock")["seconds_ahead_of_gate"], 0);
    assert_eq!(found("login")["session_taken"], false);
    assert_eq!(scene.tsm.counts().cookies, 1, "the gate's own");
    let own = scene.tsm.cookies().remove(0);

    let report = Report::of(&scene, &mut doctor(&scene, &gated, &identity, &["--login"]));
    assert_eq!(report.step("login")["found"]["session_ended"], true, "{:#?}", report.0);
    let cookies = scene.tsm.cookies();
    assert_eq!(cookies.len(), 2, "one for --login");
    for cookie in &cookies {
        assert_eq!(scene.api().is_open(cookie), *cookie == own, "given back, and the gate's not");
    }
}

/// A client that may not log in is told so, and a login that is asked for fails.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_role_lacks_is_said() {
    let report = of_jump01(SceneOptions::api("[\"monitor\"]"), &["--login"]).await;
    report.fails_at("login", 77, "gate", "no role of this client", "role with `login`");
    assert_eq!(report.step("tsm")["verdict"], "ok");
    let report = of_jump01(SceneOptions::api("[\"login\"]"), &[]).await;
    assert_eq!(report.0["exit"], 0);
    assert!(report.step("tsm")["says"].as_str().unwrap().contains("status.read"));
}

/// The login lane alone: whoever is accepted is told that nothing more can be asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_without_requests_is_walked_as_far_as_it_goes() {
    let report = of_jump01(SceneOptions::default(), &[]).await;
    assert_eq!(report.0["exit"], 0, "{:#?}", report.0);
    assert_eq!(report.step("acceptance")["verdict"], "ok");
}

/// TSM down behind a good gate.
#[tokio::test(flavor = "multi_thread")]
async fn tsm_that_does_not_run_is_the_last_step() {
    let options = SceneOptions { tsm_running: false, ..SceneOptions::api("[\"monitor\"]") };
    let report = of_jump01(options, &[]).await;
    report.fails_at("tsm", 69, "tsm", "backend_unreachable", "TSM");
    assert_eq!(report.with("failed").len(), 1);
}

/// The gate's own reasons to turn somebody away: each as far as TLS tells it.
#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_of_the_gate_ends_at_the_acceptance() {
    let authority = Authority::new("tests");
    let revoked = authority.client("revoked");
    let list = authority.revocation_list(&[&revoked.serial]);
    let networks = "networks = [\"127.0.1.0/24\"]\n";
    let usual = SceneOptions::api("[]");
    let options = SceneOptions {
        // one after the other, they would be a ban
        admission: usual.admission.clone() + "\nexempt = [\"127.0.0.0/8\"]",
        tls: "revocation_list = \"clients.crl\"".into(),
        files: vec![("clients.crl".into(), list)],
        rest: entry("jump01", "[\"login\"]") + &entry("away", "[\"login\"]") + networks,
        ..usual
    };
    let scene = Scene::prepare(tempfile::tempdir().unwrap(), authority, &options).await;
    let gated = run(&scene);
    let report =
        |identity: &Identity| Report::of(&scene, &mut doctor(&scene, &gated, identity, &[]));
    let denied = "no [[client]] entry has it, or not from this address";
    let stranger = report(&scene.authority.client("stranger"));
    stranger.fails_at("acceptance", 71, "gate", denied, "tsmgated explain --client");
    let away = report(&scene.authority.client("away"));
    away.fails_at("acceptance", 71, "gate", denied, "tsmgated explain --client");
    report(&revoked).fails_at("acceptance", 71, "here", "revoked", "new certificate");
    let other = Authority::new("other").client("jump01");
    report(&other).fails_at("acceptance", 71, "gate", "authority is not known", "client_authority");
    scene.nothing_reached_tsm();
}

/// What is wrong with a certificate is seen before the gate says so, and it says the same.
#[tokio::test(flavor = "multi_thread")]
async fn an_own_certificate_out_of_its_time_is_seen_at_both_ends() {
    let scene = stage(SceneOptions::api("[\"login\"]")).await;
    let gated = run(&scene);
    let now = OffsetDateTime::now_utc();
    let ended = scene.authority.client_with("jump01", |params| {
        params.not_before = now - Duration::days(9);
        params.not_after = now - Duration::days(2);
    });
    let to_come = scene.authority.client_with("jump01", |params| {
        params.not_before = now + Duration::days(2);
    });
    for (identity, what) in [(&ended, "has expired"), (&to_come, "is not valid before")] {
        let report = Report::of(&scene, &mut doctor(&scene, &gated, identity, &[]));
        report.fails_at("own_certificate", 71, "here", what, "clock");
        assert_eq!(report.with("failed"), ["own_certificate", "acceptance"]);
    }
    let soon = scene.authority.client_with("jump01", |params| {
        params.not_after = now + Duration::days(3);
    });
    let report = Report::of(&scene, &mut doctor(&scene, &gated, &soon, &[]));
    assert_eq!(report.step("own_certificate")["verdict"], "warning");
    assert_eq!(report.0["exit"], 0);
}

/// An address that is not admitted gets no byte of TLS.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_not_listed_is_explained() {
    let options = SceneOptions { allow: "[\"10.0.0.0/8\"]".into(), ..SceneOptions::api("[]") };
    let report = of_jump01(options, &[]).await;
    report.fails_at("handshake", 70, "gate", "without a byte of TLS", "admission.allow");
    assert_eq!(report.step("connection")["verdict"], "ok");
}

/// This host's clock, wrong by minutes and by days.
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_clock_is_named() {
    let Some(library) = library() else { return };
    let scene = stage(SceneOptions::api("[\"login\"]")).await;
    let gated = run(&scene);
    let identity = scene.authority.client("jump01");
    let with_clock = |by: &str| {
        let mut command = doctor(&scene, &gated, &identity, &[]);
        command.env("LD_PRELOAD", &library).env("FAKETIME", by);
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Report::of(&scene, &mut command)
    };
    let ahead = with_clock("+10m");
    let step = ahead.step("clock");
    assert_eq!((step["verdict"].as_str(), ahead.0["exit"].as_i64()), (Some("warning"), Some(0)));
    let found = step["found"]["seconds_ahead_of_gate"].as_i64().unwrap();
    assert!((590..=601).contains(&found), "{step:#?}");
    assert!(step["hint"].as_str().unwrap().contains("NTP"));
    let back = with_clock("-3d");
    back.fails_at("own_certificate", 71, "here", "this host's clock says", "set this host's clock");
    assert_eq!(back.with("failed"), ["own_certificate", "gate_certificate"]);
    assert!(back.step("gate_certificate")["what"].as_str().unwrap().contains("not valid before"));
}
