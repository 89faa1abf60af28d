//! Certificates of every bad kind that our own authority's library can make: chain, time, usage,
//! constraints, extensions, size.

use std::io::ErrorKind;
use std::net::TcpListener;

use rcgen::{
    BasicConstraints, CertificateParams, CrlDistributionPoint, CustomExtension,
    ExtendedKeyUsagePurpose as Usage, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose,
    NameConstraints, SanType,
};
use tests::{Authority, Identity, Scene};
use time::{Duration, OffsetDateTime};

use crate::case::{refused, stranger};

type Case<'a> = (&'a str, Identity, &'a str, &'a str);

/// Shows each from an address of its own, and then the control.
async fn all_refused(scene: &Scene, cases: Vec<Case<'_>>, controls: &[Identity]) {
    for (number, (case, identity, alert, code)) in cases.into_iter().enumerate() {
        let peer = stranger(scene, number, Some(&identity));
        let line = refused(scene, case, &peer, alert, code).await;
        assert_eq!(line["tsmgate.stage"], "handshake", "{case}");
        assert_ne!(line["tsmgate.key_proved"], true, "{case}");
        // whose it was, where it could be read at all
        let shown = &line["tls.client.x509.serial_number"];
        assert!(shown == identity.serial.as_str() || case.ends_with(" names"), "{case}: {line}");
    }
    for (number, identity) in controls.iter().enumerate() {
        stranger(scene, 200 + number, Some(identity)).cookie().await;
    }
}

fn jump01(authority: &Authority, change: impl FnOnce(&mut CertificateParams)) -> Identity {
    authority.client_with("jump01", change)
}

fn constrained(length: u8) -> IsCa {
    IsCa::Ca(BasicConstraints::Constrained(length))
}

/// R3: certificates of other authorities, and of none, are refused
#[tokio::test]
async fn other_authorities_do_not_count() {
    let scene = Scene::start().await;
    let ours = &scene.authority;
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.extended_key_usages = vec![Usage::ClientAuth];
    params.subject_alt_names = vec![SanType::URI("tsmgate://client/jump01".try_into().unwrap())];
    params.serial_number = Some(5_u64.into());
    let own = params.self_signed(&key).unwrap();
    let self_signed = Identity { chain: own.pem(), key: key.serialize_pem(), serial: "5".into() };
    // another's leaf, with our authority put under it as if it had signed it
    let other = Authority::new("other");
    let mut grafted = jump01(&other, |_| {});
    grafted.chain += &ours.pem();
    let unsent = {
        let mut leaf = jump01(&ours.intermediate("between", |_| {}), |_| {});
        leaf.chain.truncate(leaf.chain.find("-----END CERTIFICATE-----").unwrap() + 27);
        leaf
    };
    let cases = vec![
        ("another authority", jump01(&other, |_| {}), "UnknownCA", "certificate_invalid"),
        (
            "our authority's name, another key",
            jump01(&Authority::new("tests"), |_| {}),
            "DecryptError",
            "certificate_invalid",
        ),
        ("self-signed", self_signed, "UnknownCA", "certificate_invalid"),
        ("another's, with our authority under it", grafted, "UnknownCA", "certificate_invalid"),
        ("without what is between", unsent, "UnknownCA", "certificate_invalid"),
    ];
    let between = jump01(&ours.intermediate("between", |_| {}), |_| {});
    all_refused(&scene, cases, &[jump01(ours, |_| {}), between]).await;
}

/// R3: outside of its time, the leaf's or an authority's between
#[tokio::test]
async fn certificates_count_within_their_time() {
    let scene = Scene::start().await;
    let ours = &scene.authority;
    let now = OffsetDateTime::now_utc();
    let ended = |params: &mut CertificateParams| params.not_after = now - Duration::MINUTE;
    let to_come = |params: &mut CertificateParams| params.not_before = now + Duration::MINUTE * 5;
    let cases = vec![
        ("expired", jump01(ours, ended), "CertificateExpired", "certificate_expired"),
        ("not yet valid", jump01(ours, to_come), "CertificateExpired", "certificate_expired"),
        (
            "an expired one between",
            jump01(&ours.intermediate("old", ended), |_| {}),
            "CertificateExpired",
            "certificate_expired",
        ),
    ];
    let short = jump01(ours, |params| params.not_after = now + Duration::HOUR);
    all_refused(&scene, cases, &[short]).await;
}

/// R3, R4: a server's certificate, one without usage or for any usage, without signing, and an
/// authority's own are not a client's
#[tokio::test]
async fn only_a_clients_certificate_is_a_clients() {
    let scene = Scene::start().await;
    let ours = &scene.authority;
    let usage = |usages: &'static [Usage]| {
        jump01(ours, |params| params.extended_key_usages = usages.to_vec())
    };
    let keys = |usages: &'static [KeyUsagePurpose]| {
        jump01(ours, |params| params.key_usages = usages.to_vec())
    };
    let authority = jump01(ours, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    });
    let cases = vec![
        ("for servers", usage(&[Usage::ServerAuth]), "UnsupportedCertificate", "certificate_usage"),
        ("for any usage", usage(&[Usage::Any]), "UnsupportedCertificate", "certificate_usage"),
        ("no extended usage", usage(&[]), "UnsupportedCertificate", "certificate_usage"),
        (
            "for mail and code",
            usage(&[Usage::EmailProtection, Usage::CodeSigning]),
            "UnsupportedCertificate",
            "certificate_usage",
        ),
        (
            "key agreement only",
            keys(&[KeyUsagePurpose::KeyAgreement]),
            "UnsupportedCertificate",
            "certificate_usage",
        ),
        (
            "certificate signing only",
            keys(&[KeyUsagePurpose::KeyCertSign]),
            "UnsupportedCertificate",
            "certificate_usage",
        ),
        ("an authority's", authority, "CertificateUnknown", "certificate_invalid"),
    ];
    let controls = [
        usage(&[Usage::ServerAuth, Usage::ClientAuth]),
        // without the extension the key may do anything
        keys(&[]),
    ];
    all_refused(&scene, cases, &controls).await;
}

/// R3: what an authority was not allowed to sign does not count: path length, name constraints, a
/// leaf as authority
#[tokio::test]
async fn what_an_authority_may_not_sign_does_not_count() {
    let scene = Scene::start().await;
    let ours = &scene.authority;
    let chain = |length| {
        let first = ours.intermediate("first", |params| params.is_ca = constrained(length));
        jump01(&first.intermediate("second", |_| {}), |_| {})
    };
    let within = |name: &str| {
        let limited = ours.intermediate("limited", |params| {
            params.name_constraints = Some(NameConstraints {
                permitted_subtrees: vec![GeneralSubtree::DnsName("example.org".into())],
                excluded_subtrees: Vec::new(),
            });
        });
        let name = SanType::DnsName(name.try_into().unwrap());
        jump01(&limited, |params| params.subject_alt_names.push(name))
    };
    let leaf_as_authority = ours.intermediate("leaf", |params| params.is_ca = IsCa::ExplicitNoCa);
    let not_for_signing = ours.intermediate("mute", |params| {
        params.extended_key_usages = vec![Usage::ServerAuth];
    });
    let mut deep = ours.intermediate("1", |_| {});
    for number in 2..20 {
        deep = deep.intermediate(&number.to_string(), |_| {});
    }
    let cases = vec![
        ("path length exceeded", chain(0), "CertificateUnknown", "certificate_invalid"),
        (
            "name outside of the constraints",
            within("x.example.net"),
            "CertificateUnknown",
            "certificate_invalid",
        ),
        (
            "signed by a leaf",
            jump01(&leaf_as_authority, |_| {}),
            "CertificateUnknown",
            "certificate_invalid",
        ),
        (
            "signed for servers",
            jump01(&not_for_signing, |_| {}),
            "UnsupportedCertificate",
            "certificate_usage",
        ),
        ("a chain of twenty", jump01(&deep, |_| {}), "CertificateUnknown", "certificate_invalid"),
    ];
    all_refused(&scene, cases, &[chain(1), within("x.example.org")]).await;
}

/// R3: an extension nobody here knows is refused where it is critical; so is a certificate with a
/// thousand names
#[tokio::test]
async fn unknown_critical_extensions_and_a_thousand_names_are_refused() {
    let scene = Scene::start().await;
    let ours = &scene.authority;
    let extended = |critical| {
        let mut extension =
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
        extension.set_criticality(critical);
        jump01(ours, |params| params.custom_extensions.push(extension))
    };
    let crowded = |count: usize| {
        let name = |number| SanType::DnsName(format!("n{number}.example.org").try_into().unwrap());
        jump01(ours, |params| params.subject_alt_names.extend((0..count).map(name)))
    };
    let cases = vec![
        ("critical and unknown", extended(true), "CertificateUnknown", "certificate_invalid"),
        ("a thousand names", crowded(1000), "BadCertificate", "certificate_invalid"),
        ("65 names", crowded(64), "BadCertificate", "certificate_invalid"),
    ];
    all_refused(&scene, cases, &[extended(false), crowded(63)]).await;
}

/// R15: addresses in a certificate (issuer, OCSP, revocation list) are never called, whether it is
/// accepted or refused
#[tokio::test]
async fn addresses_in_a_certificate_are_not_called() {
    let bait = TcpListener::bind("127.0.0.1:0").unwrap();
    bait.set_nonblocking(true).unwrap();
    let url = format!("http://{}/x", bait.local_addr().unwrap());
    let scene = Scene::start().await;
    let baited = |name: &str| {
        scene.authority.client_with(name, |params| {
            params.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.clone()] }];
            params.custom_extensions.push(information_access(&url));
        })
    };
    let other = Authority::new("other").client_with("jump01", |params| {
        params.custom_extensions.push(information_access(&url));
    });
    let peer = stranger(&scene, 0, Some(&baited("mallory")));
    refused(&scene, "of nobody", &peer, "AccessDenied", "client_unknown").await;
    let peer = stranger(&scene, 1, Some(&other));
    refused(&scene, "of others", &peer, "UnknownCA", "certificate_invalid").await;
    stranger(&scene, 2, Some(&baited("jump01"))).cookie().await;
    let caller = bait.accept();
    assert!(caller.as_ref().is_err_and(|e| e.kind() == ErrorKind::WouldBlock), "{caller:?}");
    // the control: the bait would have noticed
    let _caller = std::net::TcpStream::connect(bait.local_addr().unwrap()).unwrap();
    assert!(bait.accept().is_ok());
}

/// AuthorityInfoAccess with this address for OCSP and for the issuer's certificate.
fn information_access(url: &str) -> CustomExtension {
    let der = |tag: u8, contents: &[u8]| {
        [&[tag, u8::try_from(contents.len()).unwrap()], contents].concat()
    };
    let access = |method: u8| {
        let oid = der(6, &[0x2b, 6, 1, 5, 5, 7, 48, method]);
        der(0x30, &[oid, der(0x86, url.as_bytes())].concat())
    };
    let both = der(0x30, &[access(1), access(2)].concat());
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 1], both)
}
