//! Our own pieces together, through their public doors: the authority's files, the daemon, the client
//! library.

use std::path::Path;

use tests::scene::entry;
use tests::{Authority, Scene, SceneOptions};
use tsmgate_client::exit::Exit;
use tsmgate_client::{Gate, LocalSocket, LoginFailure};
use tsmgate_pki::authority::InitOptions;
use tsmgate_pki::{IssueOptions, Revokee};
use tsmgate_server::daemon::Daemon;

/// A scene whose daemon lives on what `tsmgate pki` makes, for these clients.
async fn scene_of_pki(clients: &[&str]) -> (Scene, tsmgate_pki::Authority) {
    let options = SceneOptions {
        tls: "revocation_list = \"pki/clients.crl\"".into(),
        rest: clients.iter().map(|name| entry(name, "[\"login\"]")).collect(),
        ..SceneOptions::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::prepare(folder, Authority::new("unused"), &options).await;
    let pki = tsmgate_pki::Authority::init(&scene.path("pki"), InitOptions::default()).unwrap();
    let server = pki.server(&["localhost".parse().unwrap()], IssueOptions::default()).unwrap();
    for name in clients {
        pki.client(&name.parse().unwrap(), IssueOptions::default()).unwrap();
    }
    let copy = |from: &Path, to: &str, mode| {
        scene.write(to, &std::fs::read_to_string(from).unwrap(), mode);
    };
    copy(&server.certificate, "server.pem", 0o644);
    copy(&server.private_key.unwrap(), "server.key", 0o600);
    copy(&pki.certificate(), "client-ca.pem", 0o644);
    (scene, pki)
}

async fn started(mut scene: Scene) -> Scene {
    scene.daemon = Some(Daemon::start(scene.load().unwrap()).await.unwrap());
    scene
}

fn gate(scene: &Scene, name: &str) -> Gate {
    Gate {
        address: format!("localhost:{}", scene.address().port()).parse().unwrap(),
        server_name: "localhost".to_owned(),
        authority: scene.path("pki/ca.pem"),
        certificate: scene.path(&format!("pki/clients/{name}.pem")),
        private_key: scene.path(&format!("pki/clients/{name}.key")),
        bind: Some([127, 0, 0, 1].into()),
        proxy: None,
        timeout: Gate::TIMEOUT,
    }
}

/// R51: what `tsmgate pki` makes is what the daemon accepts, and what it revokes is refused
#[tokio::test]
async fn the_authority_the_daemon_and_the_client_agree() {
    let (scene, pki) = scene_of_pki(&["jump01", "left"]).await;
    pki.revoke(&Revokee::Client("left".parse().unwrap())).unwrap();
    let scene = started(scene).await;
    let login = gate(&scene, "jump01").login().await.unwrap();
    assert_eq!(login.username, "tsmsvc");
    assert_eq!(scene.tsm.cookies(), [login.cookie.value().expose()]);
    assert_eq!(scene.records("login").len(), 2);

    let refused = gate(&scene, "left").login().await.unwrap_err();
    assert!(matches!(refused, LoginFailure::NotAccepted { .. }), "{refused}");
    assert_eq!(refused.exit(), Exit::NotAccepted);
    assert_eq!(scene.tsm.counts().connections, 1, "the refused one reached TSM");
    let line = scene.refusal("certificate_revoked").await;
    assert_eq!(line["tls.client.x509.alternative_names"][0], "tsmgate://client/left");
}

/// R22: the client tells its user when to come again
#[tokio::test]
async fn the_client_understands_the_gates_limits() {
    let (scene, _pki) = scene_of_pki(&["jump01"]).await;
    let text = std::fs::read_to_string(scene.path("tsmgated.toml")).unwrap();
    let text =
        text.replace("{ per_minute = 60000, burst = 1000 }", "{ per_minute = 1, burst = 1 }");
    scene.write("tsmgated.toml", &text, 0o600);
    let scene = started(scene).await;
    gate(&scene, "jump01").login().await.unwrap();
    let refused = gate(&scene, "jump01").login().await.unwrap_err();
    assert_eq!(refused.exit(), Exit::RetryLater, "{refused}");
    let told = refused.to_string();
    assert!(told.contains("60 s") || told.contains("59 s"), "{told}");
    scene.refusal("client_over_rate").await;
}

#[tokio::test]
async fn the_client_asks_a_local_socket_without_a_gate() {
    let (scene, _pki) = scene_of_pki(&["jump01"]).await;
    let socket = LocalSocket { path: scene.path("tsm/login"), timeout: Gate::TIMEOUT };
    let login = socket.login().await.unwrap();
    assert_eq!(scene.tsm.cookies(), [login.cookie.value().expose()]);
}
