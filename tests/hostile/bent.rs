//! Certificates that nobody makes: good ones that were bent by hand, and extensions that contradict.

use data_encoding::BASE64;
use rcgen::{CustomExtension, ExtendedKeyUsagePurpose as Usage};
use tests::http::find;
use tests::{Identity, Scene};

use crate::case::{refused, stranger};

/// The leaf after `bend` had its way with the bytes.
fn bent(identity: &Identity, bend: impl FnOnce(&mut Vec<u8>)) -> Identity {
    let mut der = identity.certificates()[0].to_vec();
    bend(&mut der);
    let text = BASE64.encode(&der);
    let chain = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    Identity { chain, key: identity.key.clone(), serial: identity.serial.clone() }
}

/// R3: a certificate whose bytes were changed, cut or lengthened is none, wherever it was done
#[tokio::test]
async fn a_bent_certificate_is_none() {
    let scene = Scene::start().await;
    let good = scene.authority.client("jump01");
    let other = scene.authority.client("jump02");
    let rename = |der: &mut Vec<u8>| {
        // in the subject, and in the name that counts
        while let Some(at) = find(der, b"jump02") {
            der[at + 5] = b'1';
        }
    };
    for (number, (case, identity, alert)) in [
        ("another's, renamed", bent(&other, rename), "DecryptError"),
        (
            "a signature of another",
            bent(&good, |der| *der.last_mut().unwrap() ^= 1),
            "DecryptError",
        ),
        ("cut by a byte", bent(&good, |der| der.truncate(der.len() - 1)), "BadCertificate"),
        ("cut in the middle", bent(&good, |der| der.truncate(der.len() / 2)), "BadCertificate"),
        ("a byte too many", bent(&good, |der| der.push(0)), "BadCertificate"),
        ("twice", bent(&good, |der| der.extend(der.clone())), "BadCertificate"),
        ("no bytes", bent(&good, Vec::clear), "BadCertificate"),
        ("no certificate", bent(&good, |der| *der = b"jump01".to_vec()), "BadCertificate"),
        ("an endless length", bent(&good, |der| der[1] = 0x80), "BadCertificate"),
        ("4 GiB announced", bent(&good, |der| der[1..6].fill(0xff)), "BadCertificate"),
    ]
    .into_iter()
    .enumerate()
    {
        let peer = stranger(&scene, number, Some(&identity));
        let line = refused(&scene, case, &peer, alert, "certificate_invalid").await;
        assert_ne!(line["tsmgate.key_proved"], true, "{case}");
    }
    // the control: bent into itself
    stranger(&scene, 200, Some(&bent(&good, |_| {}))).cookie().await;
}

/// R3: an extension that stands twice, so that each reader could believe another one, is refused
#[tokio::test]
async fn an_extension_that_stands_twice_is_refused() {
    // extended usages: for clients, and for servers
    const CLIENTS: &[u8] = &[0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
    const SERVERS: &[u8] = &[0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 1];
    let scene = Scene::start().await;
    let with = |usages: Vec<Usage>, more: &[&[u8]]| {
        scene.authority.client_with("jump01", |params| {
            params.extended_key_usages = usages;
            params.custom_extensions.extend(more.iter().map(|contents| {
                CustomExtension::from_oid_content(&[2, 5, 29, 37], contents.to_vec())
            }));
        })
    };
    for (number, (usages, more)) in [
        (vec![Usage::ServerAuth], &[CLIENTS][..]),
        (vec![Usage::ClientAuth], &[SERVERS]),
        (vec![Usage::ClientAuth], &[CLIENTS]),
        (vec![], &[SERVERS, CLIENTS]),
    ]
    .into_iter()
    .enumerate()
    {
        let peer = stranger(&scene, number, Some(&with(usages, more)));
        refused(&scene, "twice", &peer, "CertificateUnknown", "certificate_invalid").await;
    }
    stranger(&scene, 200, Some(&with(vec![], &[CLIENTS]))).cookie().await;
}
