//! The folder of who joined, as an administrator meets it: what `check`, `explain` and `status` say of it, what is
//! wrong in `[enrolment]`, and that the sandbox lets it be read while it changes.

use std::fs::create_dir;

use serde_json::Value;
use tests::program::{Gated, command};
use tests::scene::entry;
use tests::{Authority, Peer, Scene, SceneOptions, wait};

use crate::stage::{PLAIN, check, config, refused, tsmgated};

async fn stage(more: &str) -> Scene {
    let authority = Authority::new("tests");
    let options = SceneOptions::enrolling(&authority, more);
    Scene::prepare(tempfile::tempdir().unwrap(), authority, &options).await
}

fn explain(scene: &Scene, client: &str) -> (i32, String) {
    let config = config(scene);
    let config = config.to_str().unwrap();
    let whom = ["explain", "--config", config, "--client", client, "--from", "127.0.0.1"];
    let (code, out, _) = tsmgated(&whom);
    (code, out)
}

/// R46: who joined and who is left out, and why, is said before it counts
#[tokio::test]
async fn check_and_explain_know_who_joined() {
    let scene = stage("").await;
    scene.joins("new01");
    scene.publish("clients.d/bad.toml", &entry("bad", "[\"logn\"]"));
    let (code, out, err) = check(&config(&scene));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    for line in
        ["client old: login", "client new01, joined: login", "enrolment: 1 joined, 1 left out"]
    {
        assert!(out.contains(line), "{out}");
    }
    assert!(out.contains("bad.toml:4:10: there is no role `logn`; did you mean `login`?"), "{out}");
    let config = config(&scene);
    let (_, json, _) = tsmgated(&["check", "--config", config.to_str().unwrap(), "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["enrolment"]["clients"][0]["name"], "new01");
    assert_eq!(json["enrolment"]["left_out"], 1);

    let (code, out) = explain(&scene, "new01");
    assert!(code == 0 && out.contains("new01 has joined, see"), "{out}");
    let (code, out) = explain(&scene, "bad");
    assert!(
        code == 77 && out.contains("its file is left out: ") && out.contains("`logn`"),
        "{out}"
    );
}

/// R46: what cannot be in `[enrolment]` is refused where it stands; so is a folder that cannot be read
#[tokio::test]
async fn a_wrong_table_is_refused_where_it_stands() {
    let cases = [
        ("owner = \"nobody\"", "owner = \"no-such-user\"", "there is no user `no-such-user` here"),
        ("owner = \"nobody\"", "owner = \"nobody\"\nroles = []", "nobody could be given a role"),
        ("owner = \"nobody\"", "roles = [\"logn\"]\nowner = \"nobody\"", "did you mean `login`?"),
        ("folder = \"gate\"", "foldr = \"gate\"", "unknown key `foldr`; did you mean `folder`?"),
        ("[enrolment]", "[enrollment]", "unknown key `enrollment`; did you mean `enrolment`?"),
    ];
    for (passage, by, says) in cases {
        let scene = stage("").await;
        scene.edit(passage, by);
        let said = refused(&config(&scene), 65);
        assert!(said.contains(says) && said.contains("tsmgated.toml:"), "{said}");
    }
    let scene = stage("").await;
    scene.edit("folder = \"gate\"", "folder = \"elsewhere\"");
    assert!(refused(&config(&scene), 66).contains("elsewhere"));
}

/// R56: in its sandbox too the gate reads who joins after its start; status and metrics say how many
#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_lets_it_be_read_while_it_changes() {
    let scene = stage("").await;
    create_dir(scene.path("run")).unwrap();
    let run = scene.path("run");
    let gated =
        Gated::start(&config(&scene), PLAIN, &[("RUNTIME_DIRECTORY", run.to_str().unwrap())]);
    let identity = scene.authority.client("new01");
    let peer = Peer::new(gated.address(), &scene.authority.pem(), Some(&identity));
    scene.joins("new01");
    wait::until("who joined to get in", || async { peer.login().await.ok() }).await;
    scene.publish("clients.d/bad.toml", "");
    let socket = run.join("status.sock");
    let status = || {
        let output =
            command("tsmgated").args(["status", "--socket"]).arg(&socket).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let told = wait::until_blocking("the status", || {
        Some(status()).filter(|text| text.contains("joined: 1 client, 1 left out, of "))
    });
    assert!(told.contains("warning: enrolment: left out: "), "{told}");
    scene.revokes(&[&identity.serial]);
    wait::until("the revocation", || async { peer.login().await.err() }).await;
    scene.refusal("certificate_revoked").await;
}
