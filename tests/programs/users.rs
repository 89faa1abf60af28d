//! The program as an ordinary user, and what TSM makes of that user.

use tests::local::{User, can_make_users};
use tests::program::{Gated, have};
use tests::{Scene, SceneOptions};
use tsmgate_wire::Answer;
use tsmsim::{Policy, Simulator, SimulatorOptions};

use crate::stage::{as_user, config, peer, proc, stage};

/// A scene whose TSM lets members of a group of this host in.
async fn scene_for(group: &str) -> (Scene, Simulator) {
    let scene = stage(SceneOptions { tsm_running: false, ..SceneOptions::default() }).await;
    let policy = Policy { group: group.to_owned(), ..Policy::default() };
    let options = SimulatorOptions { policy, ..SimulatorOptions::new(scene.path("tsm/login")) };
    let tsm = Simulator::start(options).await.unwrap();
    (scene, tsm)
}

/// R7: TSM refuses the program's own user: the caller learns whose fault that is, and gets no cookie
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_whose_user_is_not_in_tsms_group_is_denied() {
    if !have("setpriv", "util-linux") {
        return;
    }
    let (scene, tsm) = scene_for("no-such-group-here").await;
    let gated =
        Gated::start(&config(&scene), &as_user(&scene, 65534, 65534, "--clear-groups"), &[]);
    let Answer::Exception(exception) = peer(&scene, &gated, "jump01").login().await.unwrap() else {
        panic!("an answer other than an exception");
    };
    assert_eq!(exception.message, "backend_denied_gate");
    let outcome = scene.refusal("backend_denied_gate").await;
    assert_eq!(outcome["tsmgate.phase"], "outcome");
    assert_eq!(tsm.connections()[0].peer.uid, 65534);
    assert_eq!(tsm.counts().cookies, 0);
}

/// R56: a user with no privilege but TSM's group is enough
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_whose_user_is_in_tsms_group_gets_a_cookie() {
    if !can_make_users() || !have("setpriv", "util-linux") {
        return;
    }
    let user = User::make();
    let (scene, tsm) = scene_for(&user.name).await;
    let uid = user.uid;
    let gated = Gated::start(&config(&scene), &as_user(&scene, uid, 65534, "--init-groups"), &[]);
    let cookie = peer(&scene, &gated, "jump01").cookie().await;
    assert_eq!(tsm.cookies(), [cookie]);
    assert_eq!(tsm.connections()[0].peer.uid, uid);
    let status = proc(gated.pid(), "status");
    let capabilities = status.lines().find(|line| line.starts_with("CapEff:")).unwrap();
    assert!(capabilities.ends_with("\t0000000000000000"), "{capabilities}");
}
