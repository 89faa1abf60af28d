//! Closed by default: without networks, clients or an authority the program starts, says so loudly, and
//! lets nobody in. What may come later (TSM) is a warning; what cannot work is not.

use std::path::Path;

use tests::scene::entry;
use tests::{Authority, Scene, SceneOptions, wait};

use crate::stage::{check, config, peer, run, stage};

/// Starts it, sees that `check` and the log say `CLOSED` and why, and that an honest client stays out.
async fn closed(scene: Scene, why: &str) {
    let (code, out, err) = check(&config(&scene));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let warning = out.lines().find(|line| line.starts_with("warning: CLOSED")).expect(&out);
    assert!(warning.contains(why), "{warning}");

    let gated = run(&scene);
    let line = gated.line_with("CLOSED");
    assert!(line.contains("WARN") && line.contains(why), "{line}");
    let refusal = peer(&scene, &gated, "jump01").refusal().await;
    assert!(["closed", "reset"].contains(&refusal.as_str()), "{refusal}");
    scene.refusal("gate_closed").await;
    assert_eq!(scene.records("start")[0]["tsmgate.closed"], true);
    assert!(scene.records("connection").is_empty());
    scene.nothing_reached_tsm();
}

/// R55: an empty allowlist starts closed, and says so
#[tokio::test(flavor = "multi_thread")]
async fn without_networks_it_starts_closed() {
    let options = SceneOptions { allow: "[]".into(), ..SceneOptions::default() };
    closed(stage(options).await, "admission.allow is empty").await;
}

/// R7: without clients it starts closed, and says so; there is no default role
#[tokio::test(flavor = "multi_thread")]
async fn without_clients_it_starts_closed() {
    let options = SceneOptions { rest: String::new(), ..SceneOptions::default() };
    closed(stage(options).await, "there is no [[client]]").await;
}

/// R55: without an authority it starts closed, and says so
#[tokio::test(flavor = "multi_thread")]
async fn without_an_authority_it_starts_closed() {
    if Path::new("/etc/tsmgate/client-ca.pem").exists() {
        eprintln!("LEFT OUT: this host has an authority at the default place");
        return;
    }
    let scene = stage(SceneOptions::default()).await;
    let text = std::fs::read_to_string(config(&scene)).unwrap();
    scene.write("tsmgated.toml", &text.replace("client_authority = \"client-ca.pem\"", ""), 0o600);
    closed(scene, "no tls.client_authority").await;
}

/// R55: an empty file is a whole configuration of defaults; what it lacks is named
#[tokio::test]
async fn a_configuration_may_be_empty_but_its_certificate_may_not() {
    if Path::new("/etc/tsmgate").exists() {
        eprintln!("LEFT OUT: this host has files at the default place");
        return;
    }
    let scene = stage(SceneOptions::default()).await;
    scene.write("tsmgated.toml", "", 0o600);
    let said = crate::stage::refused(&config(&scene), 66);
    assert!(said.contains("cannot read /etc/tsmgate/server.pem"), "{said}");
}

/// R36: TSM may start later: its missing socket is a warning, and service begins by itself
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_tsm_is_a_warning_and_no_fault() {
    let scene = stage(SceneOptions { tsm_running: false, ..SceneOptions::default() }).await;
    let (code, out, _) = check(&config(&scene));
    assert_eq!(code, 0);
    assert!(out.contains("TSM cannot be asked: "), "{out}");

    let gated = run(&scene);
    gated.line_with("TSM cannot be asked: ");
    let client = peer(&scene, &gated, "jump01");
    let answer = format!("{:?}", client.login().await.unwrap());
    assert!(answer.contains("backend_unreachable"), "{answer}");
    let trouble = gated.line_with("TSM did not answer as it should");
    assert!(trouble.contains("backend_unreachable") && trouble.contains("is TSM running?"));
    scene.tsm.restart().await.unwrap();
    wait::until("a cookie", || async {
        matches!(client.login().await, Ok(tsmgate_wire::Answer::Granted(_))).then_some(())
    })
    .await;
    gated.line_with("TSM answers again");
}

/// R55: set-ups in which nobody could ever log in are good for a start, but not without a word
#[tokio::test]
async fn set_ups_that_cannot_work_are_warned_of() {
    let others = Authority::new("others");
    let options = SceneOptions {
        tls: "revocation_list = \"clients.crl\"".into(),
        files: vec![("clients.crl".into(), others.revocation_list(&[]))],
        allow: "[\"0.0.0.0/0\"]".into(),
        rest: entry("jump01", "[\"operator\"]"),
        ..SceneOptions::default()
    };
    let scene = stage(options).await;
    let server = scene.authority.client("server");
    scene.write("server.pem", &server.chain, 0o644);
    scene.write("server.key", &server.key, 0o600);
    let client_ca = std::fs::read_to_string(scene.path("client-ca.pem")).unwrap();
    let leaf = scene.authority.server(|_| {}).chain;
    scene.write("client-ca.pem", &format!("{client_ca}{leaf}"), 0o644);
    let (code, out, _) = check(&config(&scene));
    assert_eq!(code, 0, "{out}");
    for warning in [
        "the authority CN=tests: no revocation list speaks for it",
        "is not an authority: it vouches for nobody",
        "the certificate is not for servers",
        "the client `jump01` has roles for the api lane alone, and tsm.api is not set",
        "admission.allow holds every address there is",
    ] {
        assert!(out.contains(warning), "{warning}: {out}");
    }
}
