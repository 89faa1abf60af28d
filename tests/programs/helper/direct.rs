//! `--direct --cache`: a session out of the cache, left there; and what a 401 does to it.

use tests::{SceneOptions, wait};
use tsmsim::ApiBehaviour;

use super::Helper;
use crate::stage::told;

async fn start() -> Helper {
    let helper = Helper::with(SceneOptions::api("[\"login\", \"monitor\"]")).await;
    helper.scene.write("tsm.pem", helper.scene.api().certificate(), 0o644);
    helper
}

fn nodes(helper: &Helper) -> (i32, String, String) {
    let url = format!("https://localhost:{}", helper.scene.api().address().port());
    let authority = helper.scene.path("tsm.pem");
    let mut command = helper.command(&["nodes", "--direct", &url, "--direct-ca"]);
    told(&command.arg(authority).arg("--cache").output().unwrap())
}

/// R64: the session is not ended with the command; a 401 drops it and takes a new one, once
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_used_again_and_dropped_on_a_401() {
    let helper = start().await;
    for _ in 0..3 {
        let (code, out, err) = nodes(&helper);
        assert!(code == 0 && out.contains("node1"), "{out}{err}");
    }
    assert_eq!(helper.logins(), 1);
    let (first, _) = helper.login(&[]);
    assert!(helper.scene.api().is_open(&first), "it was ended");
    helper.scene.api().end_sessions();
    let (code, out, err) = nodes(&helper);
    assert!(code == 0 && out.contains("node1"), "{out}{err}");
    assert_eq!(helper.logins(), 2);
    let (second, _) = helper.login(&[]);
    assert!(second != first && helper.logins() == 2, "the new one is in the cache");
    // where there is no other, the dead one is nobody's all the same
    helper.scene.api().end_sessions();
    helper.scene.edit("roles = [\"login\", \"monitor\"]", "roles = [\"monitor\"]");
    helper.gated.signal(nix::sys::signal::Signal::SIGHUP);
    wait::until_blocking("the refusal", || (nodes(&helper).0 == 77).then_some(()));
    assert!(helper.kept().is_empty(), "a dead session is left for the next");
    helper.scene.edit("roles = [\"monitor\"]", "roles = [\"login\", \"monitor\"]");
    helper.gated.signal(nix::sys::signal::Signal::SIGHUP);
    wait::until_blocking("the gate to take us back", || (nodes(&helper).0 == 0).then_some(()));
    let logins = helper.logins();
    // and no loop
    helper.scene.api().behave(ApiBehaviour::Status(401));
    let before = helper.scene.api().requests().len();
    let (code, out, err) = nodes(&helper);
    assert!(code != 0 && out.is_empty() && err.contains("401"), "{code}: {err}");
    assert_eq!(helper.scene.api().requests().len() - before, 2);
    assert_eq!(helper.logins(), logins + 1);
}
