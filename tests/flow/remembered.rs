//! A chain that was found good is remembered; nothing that looks like it gets in for that. That the end of
//! a certificate, an authority or a list counts all the same, and a revocation, is shown where those are:
//! `dates`, `judged`, `anew`, each with a caller who was in before.

use tests::peer::cookie_of;
use tests::{Authority, Identity, Scene};

use crate::judged::two;
use crate::support::calls_at_tsm;

/// This leaf under other certificates, all PEM.
fn under(client: &Identity, above: &str) -> Identity {
    let end = "-----END CERTIFICATE-----\n";
    let leaf = client.chain.split_inclusive(end).next().unwrap();
    Identity {
        chain: format!("{leaf}{above}"),
        key: client.key.clone(),
        serial: client.serial.clone(),
    }
}

/// R3, R5, R6: whose chain is remembered gets in again, and only with the whole of it and its key
#[tokio::test]
async fn a_remembered_leaf_vouches_for_no_other_chain() {
    let root = Authority::new("tests");
    let between = root.intermediate("between", |_| {});
    let client = between.client("jump01");
    let scene = Scene::of(root, two("")).await;
    for _ in 0..2 {
        let login = scene.peer_with(Some(&client)).login().await;
        cookie_of(login.unwrap());
    }
    let impostor = Authority::new("tests").intermediate("between", |_| {});
    for (wrong, code) in [
        (under(&client, ""), "certificate_invalid"),
        (under(&client, &impostor.pem()), "certificate_invalid"),
        (client.with_key_of(&between.client("jump01")), "key_not_proved"),
    ] {
        assert!(scene.peer_with(Some(&wrong)).login().await.is_err(), "{code}: an answer");
        scene.refusal(code).await;
    }
    calls_at_tsm(&scene, 2).await;
    let login = scene.peer_with(Some(&client)).login().await;
    cookie_of(login.unwrap());
    assert_eq!(scene.tsm.counts().connections, 3);
    scene.verify();
}
