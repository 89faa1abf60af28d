//! Disks that are full, and an authority that is replaced under a running service.

use rcgen::KeyPair;
use tsmgate_pki::{Authority, InitOptions};

use crate::support::{Options, Stage, files, request};

#[tokio::test]
async fn a_full_disk_refuses_clearly_and_leaves_nothing_half() {
    if !tests::program::have("unshare", "util-linux") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small");
    std::fs::create_dir(&small).unwrap();
    let published = small.join("gate");
    let mut stage =
        Stage::prepared(Options { published: Some(published.clone()), ..Options::default() });
    let mount =
        format!("mount -t tmpfs -o size=128k,mode=755 none {small:?} && exec \"$0\" \"$@\"");
    stage.run_in(&["unshare", "--mount", "sh", "-c", &mount]);
    let inside = format!("/proc/{}/root", stage.service().pid());
    let ballast = format!("{inside}{}/ballast", small.display());
    let clients = format!("{inside}{}/clients.d", published.display());
    let token = stage.invite("jump01");
    let request = request(&KeyPair::generate().unwrap());
    let _ = std::fs::write(&ballast, vec![0; 1 << 20]);
    for _ in 0..2 {
        let answer = stage.join(&token, &request).await;
        assert_eq!(answer.refusal(), (503, "authority_trouble"), "{answer:?}");
        // R47: what is wrong with this host is its own matter
        assert!(!answer.body.to_string().contains('/'), "{answer:?}");
        assert_eq!(files(clients.as_ref()), Vec::<String>::new());
    }
    stage.service().line_with("no certificate can be issued");
    std::fs::remove_file(&ballast).unwrap();
    let answer = stage.join(&token, &request).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(files(clients.as_ref()), ["jump01.toml"]);
    let live = stage.index().into_iter().filter(|entry| entry.revoked.is_none()).count();
    assert_eq!(live, 1, "of what broke off nothing counts");
    stage.stop();
    stage.verify();
}

#[tokio::test]
async fn an_authority_that_was_replaced_issues_nothing_by_the_old_key() {
    let mut stage = Stage::start();
    let token = stage.invite("jump01");
    let request = request(&KeyPair::generate().unwrap());
    let pki = stage.path("pki");
    let away = stage.path("away");
    std::fs::rename(&pki, &away).unwrap();
    Authority::init(&pki, InitOptions::default()).unwrap();
    std::fs::copy(away.join("service.json"), pki.join("service.json")).unwrap();
    std::fs::rename(away.join("invites"), pki.join("invites")).unwrap();
    let answer = stage.join(&token, &request).await;
    assert_eq!(answer.refusal(), (503, "authority_trouble"), "{answer:?}");
    assert!(stage.index().is_empty() && stage.entry("jump01").is_none());
    stage.stop();
    // started again it is the new one's
    stage.run();
    let fresh = std::fs::read_to_string(pki.join("ca.pem")).unwrap();
    let peer = tests::Peer::new(stage.address(), &fresh, None).offering(&["http/1.1"]);
    assert!(peer.connect().await.is_ok());
    assert_eq!(std::fs::read_to_string(stage.path("gate/ca.pem")).unwrap(), fresh);
}
