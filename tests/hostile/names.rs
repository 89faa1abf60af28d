//! Who a certificate is: one name that equals one entry, and nothing that looks like it.

use data_encoding::BASE64;
use rcgen::{CustomExtension, KeyPair, SanType};
use tests::certificates::common_name;
use tests::scene::entry;
use tests::{Authority, Identity, Scene, SceneOptions};
use tsmgate_server::identify::read_leaf;

use crate::case::{refused, source, stranger};
use crate::wire::Wire;

fn uri(text: &str) -> SanType {
    SanType::URI(text.to_owned().try_into().unwrap())
}

fn dns(text: &str) -> SanType {
    SanType::DnsName(text.to_owned().try_into().unwrap())
}

fn named(authority: &Authority, names: Vec<SanType>) -> Identity {
    authority.client_with("jump01", |params| params.subject_alt_names = names)
}

fn key_hash(identity: &Identity) -> String {
    BASE64.encode(&read_leaf(&identity.certificates()[0]).unwrap().leaf.public_key)
}

/// R5: the certificate of one with the key of another is refused, and the record says that the name
/// on it was not proved
#[tokio::test]
async fn a_certificate_without_its_key_is_nobodys() {
    let scene = Scene::start().await;
    let stolen = scene.authority.client("jump01");
    let thief = stolen.with_key_of(&scene.authority.client("mallory"));
    let peer = stranger(&scene, 0, Some(&thief));
    let line =
        refused(&scene, "a stolen certificate", &peer, "DecryptError", "key_not_proved").await;
    assert_eq!(line["tsmgate.key_proved"], false);
    assert_eq!(line["tls.client.x509.serial_number"], stolen.serial.as_str());
    assert_eq!(line["tls.client.x509.alternative_names"][0], "tsmgate://client/jump01");
    assert!(line["client.user.name"].is_null(), "somebody is named who was not there: {line}");
    stranger(&scene, 0, Some(&stolen)).cookie().await;
}

/// R7: a good certificate that no entry names is refused and recorded with its name: there is no
/// default role
#[tokio::test]
async fn a_good_certificate_of_nobody_is_refused() {
    let scene = Scene::start().await;
    let unknown = scene.authority.client("mallory");
    let peer = stranger(&scene, 0, Some(&unknown));
    let line = refused(&scene, "unknown", &peer, "AccessDenied", "client_unknown").await;
    assert_eq!(line["tsmgate.stage"], "identify");
    assert_eq!(line["tsmgate.key_proved"], true);
    assert_eq!(line["tls.client.x509.serial_number"], unknown.serial.as_str());
    assert_eq!(line["tls.client.x509.alternative_names"][0], "tsmgate://client/mallory");
    scene.peer("jump01").cookie().await;
}

/// R6, R7: look-alikes, several names, NUL and control bytes, other kinds of name and the common name
/// are not the name
#[tokio::test]
async fn nothing_but_the_one_uri_is_the_name() {
    const NAME: &str = "tsmgate://client/jump01";
    let scene = Scene::start().await;
    let mut cases: Vec<(String, Vec<SanType>, &str)> = [
        "tsmgate://client/JUMP01",
        "TSMGATE://client/jump01",
        "tsmgate://client/jump01/",
        "tsmgate://client/jump01 ",
        " tsmgate://client/jump01",
        "tsmgate://client/jump0",
        "tsmgate://client/jump011",
        "tsmgate://client/jump0%31",
        "tsmgate://client//jump01",
        "tsmgate://client/x/../jump01",
        "tsmgate://client/jump01#",
        "tsmgate://client/*",
        "",
    ]
    .into_iter()
    .map(|text| (text.to_owned(), vec![uri(text)], "client_unknown"))
    .collect();
    for (name, names, code) in [
        ("NUL after the name", vec![uri("tsmgate://client/jump01\0.example")], "certificate_names"),
        ("NUL within", vec![uri("tsmgate://client/\0jump01")], "certificate_names"),
        ("a line feed", vec![uri("tsmgate://client/jump01\n")], "certificate_names"),
        ("DEL", vec![uri("tsmgate://client/jump01\x7f")], "certificate_names"),
        ("two URIs", vec![uri(NAME), uri("tsmgate://client/x")], "certificate_names"),
        ("two URIs, the other way", vec![uri("urn:x"), uri(NAME)], "certificate_names"),
        ("the same URI twice", vec![uri(NAME), uri(NAME)], "certificate_names"),
        ("two URIs of nobody", vec![uri("urn:x"), uri("urn:y")], "client_unknown"),
        ("the common name alone", vec![], "client_unknown"),
        ("a DNS name", vec![dns(NAME)], "client_unknown"),
        ("a mail address", vec![SanType::Rfc822Name(NAME.try_into().unwrap())], "client_unknown"),
    ] {
        cases.push((name.to_owned(), names, code));
    }
    for (number, (case, names, code)) in cases.into_iter().enumerate() {
        let identity = named(&scene.authority, names);
        let peer = stranger(&scene, number, Some(&identity));
        let line = refused(&scene, &case, &peer, "AccessDenied", code).await;
        assert_eq!(line["tsmgate.key_proved"], true, "{case}");
    }
    // the control: that one name, and a common name that says something else
    let good = scene.authority.client_with("jump01", |params| {
        params.distinguished_name = common_name("mallory");
    });
    scene.peer_with(Some(&good)).cookie().await;
}

/// A list of names in DER: each its tag and its bytes, all short.
fn raw_names(names: &[(u8, &[u8])]) -> CustomExtension {
    let short = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap();
    let inside: Vec<u8> =
        names.iter().flat_map(|(tag, name)| [&[*tag, short(name)], *name].concat()).collect();
    let list = [&[0x30, short(&inside)], &inside[..]].concat();
    CustomExtension::from_oid_content(&[2, 5, 29, 17], list)
}

/// R6: a name that is no text spoils the certificate, also beside one that would count
#[tokio::test]
async fn a_name_that_is_no_text_spoils_the_certificate() {
    const URI: u8 = 0x86;
    const DNS: u8 = 0x82;
    let scene = Scene::start().await;
    let raw = |names: &[(u8, &[u8])]| {
        scene.authority.client_with("jump01", |params| {
            params.subject_alt_names.clear();
            params.custom_extensions.push(raw_names(names));
        })
    };
    let name: &[u8] = b"tsmgate://client/jump01";
    for (number, names) in [
        &[(URI, &b"tsmgate://client/jump01\xff"[..])][..],
        &[(URI, name), (URI, &b"\xff\xfe"[..])],
        &[(URI, &b"\x80"[..]), (URI, name)],
        &[(URI, name), (DNS, &b"\xc3\x28"[..])],
    ]
    .into_iter()
    .enumerate()
    {
        let peer = stranger(&scene, number, Some(&raw(names)));
        let case = format!("{names:02x?}");
        let line = refused(&scene, &case, &peer, "BadCertificate", "certificate_invalid").await;
        assert_eq!(line["tsmgate.stage"], "handshake");
    }
    // text, though not of this alphabet, is somebody else's name
    let cyrillic = raw(&[(URI, "tsmgate://client/jump\u{43e}1".as_bytes())]);
    let peer = stranger(&scene, 100, Some(&cyrillic));
    refused(&scene, "cyrillic", &peer, "AccessDenied", "client_unknown").await;
    scene.peer_with(Some(&raw(&[(URI, name)]))).cookie().await;
}

/// R6: where the entry says DNS, the one DNS name counts, and wildcards, case and second names do not
#[tokio::test]
async fn the_one_dns_name_is_the_name_where_the_entry_says_so() {
    let rest = "[[client]]\nname = \"jump02\"\nidentity = \"DNS:jump02.example.org\"\nroles = [\"login\"]\n";
    let scene = Scene::with(SceneOptions { rest: rest.into(), ..SceneOptions::default() }).await;
    for (number, (names, code)) in [
        (vec![dns("*.example.org")], "client_unknown"),
        (vec![dns("JUMP02.example.org")], "client_unknown"),
        (vec![dns("jump02.example.org.")], "client_unknown"),
        (vec![dns("jump02.example.org\0.evil")], "certificate_names"),
        (vec![dns("jump02.example.org"), dns("x.example.org")], "certificate_names"),
        (vec![uri("jump02.example.org")], "client_unknown"),
    ]
    .into_iter()
    .enumerate()
    {
        let identity = named(&scene.authority, names);
        let peer = stranger(&scene, number, Some(&identity));
        refused(&scene, &number.to_string(), &peer, "AccessDenied", code).await;
    }
    let good = named(&scene.authority, vec![dns("jump02.example.org")]);
    scene.peer_with(Some(&good)).cookie().await;
}

/// R6: where the entry says KEY, the key counts under any name; and who matches two entries is nobody
#[tokio::test]
async fn a_key_is_a_name_and_two_names_are_none() {
    let authority = Authority::new("tests");
    let pinned = named(&authority, vec![uri("urn:anything")]);
    let key = KeyPair::from_pem(&pinned.key).unwrap();
    let by_key = |name: &str, identity: &Identity| {
        format!(
            "[[client]]\nname = \"{name}\"\nidentity = \"KEY:{}\"\nroles = [\"login\"]\n",
            key_hash(identity)
        )
    };
    let both = authority.client("jump01");
    let rest = entry("jump01", "[\"login\"]") + &by_key("key", &pinned) + &by_key("both", &both);
    let scene = Scene::of(authority, SceneOptions { rest, ..SceneOptions::default() }).await;

    let peer = stranger(&scene, 0, Some(&both));
    refused(&scene, "two entries", &peer, "AccessDenied", "client_ambiguous").await;
    let other_key = named(&scene.authority, vec![uri("urn:anything")]);
    let peer = stranger(&scene, 1, Some(&other_key));
    refused(&scene, "another key", &peer, "AccessDenied", "client_unknown").await;

    stranger(&scene, 2, Some(&pinned)).cookie().await;
    // a later certificate of the same key
    let mut params = rcgen::CertificateParams::default();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    let renewed = scene.authority.issue(params, &key);
    stranger(&scene, 3, Some(&renewed)).cookie().await;
    assert_eq!(scene.records("login")[0]["client.user.name"], "key");
}

/// R47: an unknown client and one from the wrong network hear the same: one alert, byte for byte of
/// the same kind and length, and no text
#[tokio::test]
async fn a_refusal_says_no_more_than_an_alert() {
    let rest = entry("jump01", "[\"login\"]") + "networks = [\"127.0.0.1/32\"]\n";
    let scene = Scene::with(SceneOptions { rest, ..SceneOptions::default() }).await;
    let two = named(&scene.authority, vec![uri("tsmgate://client/jump01"), uri("urn:x")]);
    let mut heard = Vec::new();
    for (number, (identity, code)) in [
        (scene.authority.client("mallory"), "client_unknown"),
        (scene.authority.client("jump01"), "client_elsewhere"),
        (two, "certificate_names"),
    ]
    .into_iter()
    .enumerate()
    {
        let mut wire = Wire::connect(&stranger(&scene, number, Some(&identity))).await;
        wire.handshake().await.unwrap();
        let bytes = wire.last_bytes().await;
        wire.tls.read_tls(&mut bytes.as_slice()).unwrap();
        let alert = wire.tls.process_new_packets().unwrap_err();
        heard.push((bytes.len(), bytes[..5].to_vec(), alert));
        crate::case::record(&scene, source(number).parse().unwrap(), code).await;
    }
    // one record of two bytes, a content type and a tag
    assert_eq!(heard[0].0, 5 + 2 + 1 + 16);
    let alert = rustls::Error::AlertReceived(rustls::AlertDescription::AccessDenied);
    assert_eq!(heard[0].2, alert);
    assert!(heard.iter().all(|one| *one == heard[0]), "{heard:?}");
    scene.nothing_reached_tsm();
    scene.peer("jump01").from("127.0.0.1").cookie().await;
}
