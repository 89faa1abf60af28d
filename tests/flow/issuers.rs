//! The authorities that a fleet has already: what step-ca, Vault, SPIRE and certificate services write is
//! imported, and a gate is started with what came out; trust domains beside each other; bundles that
//! are replaced in place.

use std::fs;
use std::os::unix::fs::symlink;

use data_encoding::BASE64;
use rcgen::{
    CertificateParams, CertifiedIssuer, CustomExtension, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use serde_json::json;
use tests::certificates::common_name;
use tests::peer::{Stream, call, cookie_of};
use tests::{Authority, Identity, Peer, Scene, SceneOptions, wait};
use time::{Duration, OffsetDateTime};
use tsmgate_pki::import::{Import, Role};

use crate::support::until_closed;

fn uri(name: &str) -> SanType {
    SanType::URI(name.try_into().unwrap())
}

fn dns(name: &str) -> SanType {
    SanType::DnsName(name.try_into().unwrap())
}

/// A machine's certificate as all of them issue it: for both sides of TLS, for a day.
fn machine(params: &mut CertificateParams, name: SanType) {
    params.subject_alt_names = vec![name];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.not_after = OffsetDateTime::now_utc() + Duration::HOUR * 24;
}

fn svid(authority: &Authority, name: &str) -> Identity {
    authority.client_with("svid", |params| machine(params, uri(name)))
}

/// Imports files, and starts a gate with nothing but what came of them: the client gets in.
async fn gets_in(files: &[(&str, &[u8])], lists: bool) {
    let folder = tempfile::tempdir().unwrap();
    let paths: Vec<_> = files
        .iter()
        .map(|(name, contents)| {
            fs::write(folder.path().join(name), contents).unwrap();
            folder.path().join(name)
        })
        .collect();
    let import = Import::read(&paths, None, OffsetDateTime::now_utc()).unwrap();
    assert!(import.is_accepted(), "{:#?}", import.parts());
    let client = import.parts().iter().find(|part| part.role == Role::Client).unwrap();
    let identity = client.identity.clone().unwrap();
    let out = folder.path().join("out");
    let written = import.write(&out, false).unwrap();
    let key = written.iter().find(|path| path.extension().is_some_and(|end| end == "key"));
    let read = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let shown = Identity {
        chain: read("chain.pem"),
        key: fs::read_to_string(key.unwrap()).unwrap(),
        serial: String::new(),
    };
    let mut options = SceneOptions {
        client_authority: Some(read("client-ca.pem")),
        rest: format!(
            "[[client]]\nname = \"it\"\nidentity = \"{identity}\"\nroles = [\"login\"]\n"
        ),
        ..SceneOptions::default()
    };
    if lists {
        options.tls = "revocation_list = \"clients.crl\"".into();
        options.files = vec![("clients.crl".into(), read("clients.crl"))];
    }
    let scene = Scene::with(options).await;
    scene.peer_with(Some(&shown)).cookie().await;
    assert!(scene.peer("jump01").login().await.is_err(), "another authority's client got in");
}

/// step-ca: a root, an intermediate in the client's chain, the provisioner in an extension of its own.
#[tokio::test]
async fn a_client_of_step_ca_gets_in() {
    let root = Authority::new("Smallstep Root CA");
    let intermediate = root.intermediate("Smallstep Intermediate CA", |_| {});
    let leaf = intermediate.client_with("jump01", |params| {
        machine(params, dns("jump01.example.com"));
        let provisioner = vec![0x30, 0x05, 0x02, 0x01, 0x01, 0x04, 0x00];
        let oid = [1, 3, 6, 1, 4, 1, 37476, 9000, 64, 1];
        params.custom_extensions.push(CustomExtension::from_oid_content(&oid, provisioner));
    });
    let pem = root.pem();
    let files = [
        ("root_ca.crt", pem.as_bytes()),
        ("jump01.crt", leaf.chain.as_bytes()),
        ("jump01.key", leaf.key.as_bytes()),
    ];
    gets_in(&files, false).await;
    // its list is the intermediate's: that is then the authority to trust
    let list = intermediate.revocation_list(&[]);
    gets_in(&[files[1], files[2], ("crl.pem", list.as_bytes())], true).await;
}

/// Vault: RSA all the way, in one JSON document.
#[tokio::test]
async fn a_client_of_vault_gets_in() {
    let rsa = || KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256).unwrap();
    let now = OffsetDateTime::now_utc();
    let params = |name: &str| {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        (params.not_before, params.not_after) = (now - Duration::HOUR, now + Duration::HOUR * 24);
        params
    };
    let mut of_root = params("vault");
    of_root.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    of_root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root = CertifiedIssuer::self_signed(of_root, rsa()).unwrap();
    let mut of_leaf = params("jump02.example.com");
    machine(&mut of_leaf, dns("jump02.example.com"));
    of_leaf.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::KeyAgreement,
    ];
    let key = rsa();
    let leaf = of_leaf.signed_by(&key, &root).unwrap();
    let answer = json!({ "request_id": "e1a5", "data": {
        "ca_chain": [root.as_ref().pem()], "certificate": leaf.pem(), "issuing_ca": root.as_ref().pem(),
        "private_key": key.serialize_pem(), "private_key_type": "rsa", "serial_number": "39:dd"
    }});
    gets_in(&[("issue.json", answer.to_string().as_bytes())], false).await;
}

/// SPIRE: an SVID, its key, and the trust bundle as a JWK Set.
#[tokio::test]
async fn a_client_of_spire_gets_in() {
    let domain = Authority::new_with("SPIRE", |params| {
        params.subject_alt_names = vec![uri("spiffe://a.example")];
    });
    let svid = svid(&domain, "spiffe://a.example/ns/tsm/jump03");
    let x5c = pem_base64(&domain.pem());
    let bundle = json!({ "keys": [{ "use": "x509-svid", "kty": "EC", "x5c": [x5c] }] }).to_string();
    let files = [
        ("svid.0.pem", svid.chain.as_bytes()),
        ("svid.0.key", svid.key.as_bytes()),
        ("bundle.json", bundle.as_bytes()),
    ];
    gets_in(&files, false).await;
}

fn pem_base64(pem: &str) -> String {
    pem.lines().filter(|line| !line.starts_with("-----")).collect()
}

/// Certificate services of Windows: DNS names alone, in DER, with lists of root and issuing authority.
#[tokio::test]
async fn a_client_of_an_enterprise_gets_in() {
    let root = Authority::new("Corp Root CA");
    let issuing = root.intermediate("Corp Issuing CA", |_| {});
    let leaf = issuing.client_with("jump04", |params| {
        machine(params, dns("jump04.corp.example"));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let der = |pem: &str| BASE64.decode(pem_base64(pem).as_bytes()).unwrap();
    let (lists, key) = (
        [&root, &issuing].map(|authority| der(&authority.revocation_list(&[]))),
        leaf.key.replace('\n', "\r\n"),
    );
    let files: [(&str, &[u8]); 6] = [
        ("root.cer", &der(&root.pem())),
        ("issuing.cer", &der(&issuing.pem())),
        ("certnew.cer", &leaf.certificates()[0]),
        ("Corp Root CA.crl", &lists[0]),
        ("Corp Issuing CA.crl", &lists[1]),
        ("jump04.key", key.as_bytes()),
    ];
    gets_in(&files, true).await;
}

const A: &str = "spiffe://a.example/ns/tsm/jump03";
const B: &str = "spiffe://b.example/ns/tsm/jump05";
const BY_NAME: &str = "client_authority = [\"client-ca.pem\", \
     { file = \"a/bundle.0.pem\", names = [\"URI:spiffe://a.example/\"] }, \
     { file = \"b/bundle.0.pem\", names = [\"URI:spiffe://b.example/\"] }]";
const ANY_NAME: &str = "client_authority = [\"a/bundle.0.pem\", \"b/bundle.0.pem\"]";

/// A gate for the clients A and B of two trust domains, and `jump01` of its own authority.
async fn domains(authorities: &str, a: &Authority, b: &Authority) -> Scene {
    let entry = |name: &str, id: &str| {
        format!("[[client]]\nname = \"{name}\"\nidentity = \"URI:{id}\"\nroles = [\"login\"]\n")
    };
    let options = SceneOptions::default();
    let rest = options.rest.clone() + &entry("a", A) + &entry("b", B);
    let files = vec![("a.pem".into(), a.pem()), ("b.pem".into(), b.pem())];
    let options = SceneOptions { rest, files, ..options };
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::prepare(folder, Authority::new("tests"), &options).await;
    for domain in ["a", "b"] {
        fs::create_dir_all(scene.path(domain)).unwrap();
        fs::copy(
            scene.path(&format!("{domain}.pem")),
            scene.path(&format!("{domain}/bundle.0.pem")),
        )
        .unwrap();
    }
    scene.edit("client_authority = \"client-ca.pem\"", authorities);
    scene.start_again().await;
    scene
}

/// R4: an authority vouches for the names of its own trust domain, and for nobody else's
#[tokio::test]
async fn a_trust_domain_does_not_vouch_for_another() {
    let (a, b) = (Authority::new("a"), Authority::new("b"));
    let scene = domains(BY_NAME, &a, &b).await;
    scene.peer_with(Some(&svid(&a, A))).cookie().await;
    scene.peer_with(Some(&svid(&b, B))).cookie().await;
    scene.peer("jump01").cookie().await;
    let connections = scene.tsm.counts().connections;
    let second = |params: &mut CertificateParams| {
        machine(params, uri(B));
        params.subject_alt_names.push(dns("a.example"));
    };
    let strangers =
        [svid(&b, A), svid(&a, B), svid(&b, "tsmgate://client/jump01"), b.client_with("b", second)];
    for (index, stranger) in strangers.iter().enumerate() {
        // of one address the second would meet its penalty
        let peer = scene.peer_with(Some(stranger)).from(&format!("127.0.0.{}", index + 2));
        assert!(peer.login().await.is_err());
    }
    wait::until("four refusals", || async {
        let lines = scene.audit();
        let theirs = lines.iter().filter(|line| line["event.reason"] == "certificate_invalid");
        (theirs.count() == strangers.len()).then_some(())
    })
    .await;
    assert_eq!(scene.tsm.counts().connections, connections);
    scene.verify();
}

/// Files without `names` vouch for any: what the test above refuses comes in.
#[tokio::test]
async fn without_names_every_authority_vouches_for_everybody() {
    let (a, b) = (Authority::new("a"), Authority::new("b"));
    let scene = domains(ANY_NAME, &a, &b).await;
    scene.peer_with(Some(&svid(&b, A))).cookie().await;
}

/// R4: an authority that issues no lists is refused beside one that does, unless that is said of it
#[tokio::test]
async fn an_authority_without_lists_counts_only_where_that_is_said() {
    let (a, b) = (Authority::new("a"), Authority::new("b"));
    let said = ", danger_no_revocation_list = true }]";
    // of a it is not said
    let authorities = BY_NAME.replace(" }]", said) + "\nrevocation_list = \"clients.crl\"";
    let mut scene = domains(BY_NAME, &a, &b).await;
    scene.stop().await;
    let revoked = scene.authority.client("jump01");
    scene.write("clients.crl", &scene.authority.revocation_list(&[&revoked.serial]), 0o644);
    scene.edit(BY_NAME, &authorities);
    scene.start_again().await;
    scene.peer("jump01").cookie().await;
    scene.peer_with(Some(&svid(&b, B))).cookie().await;
    assert!(scene.peer_with(Some(&svid(&a, A))).from("127.0.0.2").login().await.is_err());
    scene.refusal("revocation_unknown").await;
    assert!(scene.peer_with(Some(&revoked)).from("127.0.0.3").login().await.is_err());
    scene.refusal("certificate_revoked").await;
    let trouble = scene.daemon.as_ref().unwrap().status().trouble;
    let unspoken = |name: &str| trouble.iter().any(|one| one.contains(name));
    assert!(unspoken("CN=a") && !unspoken("CN=b"), "{trouble:?}");
}

async fn proven(peer: &Peer) -> Stream {
    let mut stream = peer.connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    stream
}

/// R53: of several bundles one is rewritten in place, another swapped by symlink, without a restart
#[tokio::test]
async fn bundles_replaced_in_place_are_taken() {
    let (a, b) = (Authority::new("a"), Authority::new("b"));
    let scene = domains(BY_NAME, &a, &b).await;
    let mut stays = proven(&scene.peer_with(Some(&svid(&a, A)))).await;
    let mut goes = proven(&scene.peer_with(Some(&svid(&b, B)))).await;

    // as spire-agent rotates: old and new beside each other, then the new one alone
    let next = Authority::new("b, next");
    let newcomer = scene.peer_with(Some(&svid(&next, B)));
    assert!(newcomer.login().await.is_err());
    scene.write("b/bundle.0.pem", &(b.pem() + &next.pem()), 0o644);
    wait::until("the next authority", || async { newcomer.login().await.ok() }).await;
    cookie_of(call(&mut goes, 2).await.expect("cut while its authority still counts"));
    scene.write("b/bundle.0.pem", &next.pem(), 0o644);
    let (bytes, _) = until_closed(&mut goes).await;
    assert!(bytes.is_empty());
    newcomer.cookie().await;
    // the other domain's authority still vouches for nobody there
    assert!(scene.peer_with(Some(&svid(&next, A))).login().await.is_err());

    let next = Authority::new("a, next");
    scene.write("other/bundle.0.pem", &(a.pem() + &next.pem()), 0o644);
    symlink("../other/bundle.0.pem", scene.path("a/next")).unwrap();
    fs::rename(scene.path("a/next"), scene.path("a/bundle.0.pem")).unwrap();
    let newcomer = scene.peer_with(Some(&svid(&next, A)));
    wait::until("the swapped bundle", || async { newcomer.login().await.ok() }).await;
    cookie_of(call(&mut stays, 2).await.expect("cut by its own bundle"));
    scene.verify();
}

/// Files that cannot be meant keep the gate from starting.
#[tokio::test]
async fn an_authority_for_nothing_or_everything_is_refused() {
    let wrong = [
        ("[]", "an empty list lets nobody in"),
        ("[{ file = \"client-ca.pem\", names = [] }]", "would vouch for nobody"),
        ("[{ file = \"client-ca.pem\", names = [\"URI:spiffe://a.example\"] }]", "with the slash"),
        ("[{ file = \"client-ca.pem\", names = [\"DNS:example\"] }]", "with the dot"),
        ("[{ file = \"client-ca.pem\" }]", "expected a file name"),
        ("7", "expected a file name"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::prepare(folder, Authority::new("tests"), &SceneOptions::default()).await;
    let mut before = "\"client-ca.pem\"".to_owned();
    for (written, reason) in wrong {
        scene.edit(
            &format!("client_authority = {before}"),
            &format!("client_authority = {written}"),
        );
        before = written.to_owned();
        let fault = scene.load().err().unwrap().to_string();
        assert!(fault.contains(reason), "{written}: {fault}");
    }
}
