//! Certificates, keys and chains as they are and as they should not be, made for the test.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams, DnType,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, PublicKeyData,
    RsaKeySize, SerialNumber, SignatureAlgorithm,
};
use time::{Duration, OffsetDateTime};
use tsmgate_catalogue::command::Catalogue;

use super::*;

const EXTERNAL: &str = "security external-ssl enable";

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![format!("{name}.example.com")]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = now() - Duration::days(1);
    params.not_after = now() + Duration::days(90);
    params
}

/// An authority, what signs with it, and its certificate.
fn authority(
    name: &str,
    above: Option<&Issuer<'_, KeyPair>>,
) -> (Issuer<'static, KeyPair>, Certificate) {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate().unwrap();
    let certificate = match above {
        Some(above) => params.signed_by(&key, above).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    (Issuer::new(params, key), certificate)
}

/// What was given, by option; files by what they are named.
#[derive(Default)]
struct Given {
    files: Vec<(&'static str, &'static str, Vec<u8>)>,
    values: Vec<(&'static str, &'static str)>,
    secrets: Vec<(&'static str, &'static str)>,
}

impl Given {
    fn file(mut self, option: &'static str, name: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        self.files.push((option, name, bytes.into()));
        self
    }

    fn value(mut self, option: &'static str, value: &'static str) -> Self {
        self.values.push((option, value));
        self
    }

    fn secret(mut self, option: &'static str, text: &'static str) -> Self {
        self.secrets.push((option, text));
        self
    }

    /// What is found, as `severity: what`.
    fn found(self, path: &str) -> Vec<String> {
        let command = Catalogue::official().find(path).unwrap();
        let option = |long: &str| command.option(long).unwrap();
        let mut inputs = Vec::new();
        for (long, name, bytes) in self.files {
            let Kind::SendFile(kind) = option(long).kind else { panic!("{long}") };
            inputs.push(Input::file(option(long), kind, name.into(), Zeroizing::new(bytes)));
        }
        inputs.extend(self.values.iter().map(|(long, value)| Input::value(option(long), value)));
        inputs.extend(
            self.secrets.iter().map(|(long, text)| Input::secret(option(long), Text::from(*text))),
        );
        let found = judge(command, &inputs, now());
        for finding in &found {
            let text = format!("{}{}", finding.what, finding.hint);
            assert!(!text.chars().any(char::is_control), "{finding:?}");
            assert!(finding.severity != Severity::Error || !finding.hint.is_empty(), "{finding:?}");
        }
        found.iter().map(|finding| format!("{:?}: {}", finding.severity, finding.what)).collect()
    }
}

/// A certificate and its key, for external TLS.
fn pair(certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Given {
    Given::default().file("cert-file", "a.crt", certificate).file("key-file", "a.key", key)
}

fn one(found: &[String], wanted: &str) {
    assert!(found.len() == 1 && found[0].contains(wanted), "{wanted:?} in {found:?}");
}

#[test]
fn what_fits_is_found_good() {
    let (root, _) = authority("root", None);
    for key in [
        KeyPair::generate().unwrap(),
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(),
        KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(),
        KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap(),
    ] {
        let certificate = named("server").signed_by(&key, &root).unwrap();
        let found = pair(certificate.pem(), key.serialize_pem()).found(EXTERNAL);
        assert_eq!(found, [""; 0], "{:?}", key.algorithm());
    }
}

#[test]
fn a_key_of_another_certificate_is_an_error() {
    let (root, _) = authority("root", None);
    let rsa = || KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let keys = [KeyPair::generate().unwrap(), rsa(), rsa()];
    for (own, key) in keys.iter().enumerate() {
        let certificate = named("server").signed_by(key, &root).unwrap();
        for (other, wrong) in keys.iter().enumerate().filter(|(other, _)| *other != own) {
            let found = pair(certificate.pem(), wrong.serialize_pem()).found(EXTERNAL);
            one(&found, "Error: --key-file a.key is not the key of the certificate, CN=server");
            assert_ne!(own, other);
        }
    }
    // the right one stands after the authority's in the file
    let (root, above) = authority("root", None);
    let server = named("server").signed_by(&keys[0], &root).unwrap();
    let both = above.pem() + &server.pem();
    let found = pair(both, keys[0].serialize_pem()).found(EXTERNAL);
    assert!(found.iter().any(|f| f.starts_with("Warning") && f.contains("holds 2 certificates")));
    assert!(found.iter().any(|f| f.contains("certificate of an authority, CN=root")), "{found:?}");
    assert!(found.iter().any(|f| f.starts_with("Error") && f.contains("is not the key")));
}

#[test]
fn files_that_are_something_else_are_errors() {
    let key = KeyPair::generate().unwrap();
    let certificate = named("server").self_signed(&key).unwrap();
    let (good, own) = (certificate.pem(), key.serialize_pem());
    one(
        &pair(&*own, &*own).found(EXTERNAL),
        "cert-file a.crt holds a private key, and no certificate",
    );
    one(&pair(&*good, &*good).found(EXTERNAL), "key-file a.key holds no private key");
    one(&pair("", &*own).found(EXTERNAL), "cert-file a.crt holds no certificate");
    one(&pair(&*good, "").found(EXTERNAL), "key-file a.key holds no PEM private key");
    let torn = &good[..good.len() - 40];
    one(&pair(torn, &*own).found(EXTERNAL), "cert-file a.crt is PEM that cannot be read");
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    one(&pair(garbage, &*own).found(EXTERNAL), "holds a certificate that cannot be read");
    let garbage = garbage.replace("CERTIFICATE", "PRIVATE KEY");
    one(&pair(&*good, garbage).found(EXTERNAL), "holds a private key that cannot be read");
    one(&pair(certificate.der().to_vec(), &*own).found(EXTERNAL), "is DER, and TSM takes PEM here");
    let beside = pair(good.clone() + &own, &*own).found(EXTERNAL);
    one(&beside, "Warning: --cert-file a.crt holds a private key beside the certificate");
    // where the vendor takes DER it is taken
    let der = Given::default().file("cert-file", "a.crt", certificate.der().to_vec());
    assert_eq!(der.found("security custom-cert add"), [""; 0]);
    let list = Given::default().file("revocation-file", "a.crl", "nonsense");
    one(
        &list.found("authentication mutual-ssl configure"),
        "Error: --revocation-file a.crl holds a",
    );
}

#[test]
fn a_hostile_name_is_shown_escaped() {
    let key = KeyPair::generate().unwrap();
    let mut params = named("a\u{1b}[2J\nb");
    params.not_after = now() - Duration::hours(1);
    let certificate = params.self_signed(&key).unwrap();
    let found = pair(certificate.pem(), key.serialize_pem()).found(EXTERNAL);
    one(&found, "Error: --cert-file a.crt has expired: CN=a\\u{1b}[2J");
}

#[test]
fn an_encrypted_key_needs_a_passphrase_and_no_other_does() {
    let key = KeyPair::generate().unwrap();
    let certificate = named("server").self_signed(&key).unwrap().pem();
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n\
               AAAA\n-----END RSA PRIVATE KEY-----\n";
    let new = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    for encrypted in [old, new] {
        let found = pair(&*certificate, encrypted).found(EXTERNAL);
        one(&found, "Error: --key-file a.key is encrypted, and no passphrase is given");
        let found =
            pair(&*certificate, encrypted).secret("passphrase", "SECRET phrase").found(EXTERNAL);
        assert_eq!(found, [""; 0]);
    }
    let found = pair(&*certificate, key.serialize_pem())
        .secret("passphrase", "SECRET phrase")
        .found(EXTERNAL);
    one(&found, "Note: --passphrase is given, and --key-file a.key has no passphrase");
}

/// R39: a passphrase is tried on its key, and is in nothing that is found
#[test]
fn a_passphrase_opens_its_key_which_is_then_compared() {
    let folder = tempfile::tempdir().unwrap();
    let passphrase = Zeroizing::new("SECRET phrase".to_owned());
    let passphrase = tsmgate_pki::Passphrase::new(passphrase).unwrap();
    let options = tsmgate_pki::InitOptions { passphrase: Some(passphrase) };
    tsmgate_pki::Authority::init(folder.path(), options).unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let (certificate, key) = (read("ca.pem"), read("ca.key"));
    let with = |certificate: &str, passphrase| {
        pair(certificate, &*key).secret("passphrase", passphrase).found(EXTERNAL)
    };
    one(&with(&certificate, "SECRET phrase"), "Warning: --cert-file a.crt is a certificate of an");
    let wrong = with(&certificate, "SECRET other");
    assert!(wrong.contains(&"Error: --passphrase does not open --key-file a.key".to_owned()));
    assert!(!wrong.concat().contains("SECRET"), "{wrong:?}");
    let other = named("server").self_signed(&KeyPair::generate().unwrap()).unwrap().pem();
    one(&with(&other, "SECRET phrase"), "--key-file a.key is not the key of the certificate");
}

#[test]
fn the_calendar_counts() {
    let key = KeyPair::generate().unwrap();
    let of = |from: i64, to: i64| {
        let mut params = named("server");
        params.not_before = now() + Duration::days(from);
        params.not_after = now() + Duration::days(to) + Duration::hours(1);
        pair(params.self_signed(&key).unwrap().pem(), key.serialize_pem()).found(EXTERNAL)
    };
    one(&of(-9, -1), "Error: --cert-file a.crt has expired: CN=server");
    one(&of(1, 90), "Warning: --cert-file a.crt is not valid before ");
    one(&of(-9, 20), "Warning: --cert-file a.crt expires in 20 days");
    assert_eq!(of(-9, 21), [""; 0]);
}

/// A public key of which nobody has to have the private half.
struct Short(Vec<u8>);

impl PublicKeyData for Short {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

/// One number in DER, of so many bytes.
fn number(bytes: usize) -> Vec<u8> {
    let mut der = vec![0x02, 0x81, u8::try_from(bytes + 1).unwrap(), 0x00];
    der.extend(std::iter::repeat_n(0xab, bytes));
    der
}

fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[0x30, 0x82, length[0], length[1]], content.as_slice()].concat()
}

#[test]
fn weak_keys_and_signatures_are_warned_of() {
    let (root, _) = authority("root", None);
    // RSA of 1024 bits: as a key, whatever its numbers, and as its public half
    let (modulus, small) = (number(128), vec![0x02, 0x01, 0x03]);
    let public = Short(sequence(&[modulus.clone(), small.clone()]));
    let certificate = named("server").signed_by(&public, &root).unwrap();
    let mut numbers = vec![vec![0x02, 0x01, 0x00], modulus];
    numbers.extend((0..7).map(|_| small.clone()));
    let key = data_encoding::BASE64.encode(&sequence(&numbers));
    let key = format!("-----BEGIN RSA PRIVATE KEY-----\n{key}\n-----END RSA PRIVATE KEY-----\n");
    let found = pair(certificate.pem(), key.clone()).found(EXTERNAL);
    one(&found, "Warning: --cert-file a.crt has an RSA key of 1024 bits: CN=server");
    let other = KeyPair::generate().unwrap();
    let certificate = named("server").signed_by(&other, &root).unwrap();
    one(&pair(certificate.pem(), key).found(EXTERNAL), "is not the key of the certificate");
    // ecdsa-with-SHA256 becomes ecdsa-with-SHA1, which is one byte shorter: so patch RSA, of equal length
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let mut der = named("server").self_signed(&key).unwrap().der().to_vec();
    let (sha256, sha1) =
        (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05");
    let places: Vec<_> = (0..der.len() - 9).filter(|at| &der[*at..at + 9] == sha256).collect();
    assert_eq!(places.len(), 2);
    for at in places {
        der[at..at + 9].copy_from_slice(sha1);
    }
    let text = data_encoding::BASE64.encode(&der);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    let found = pair(pem, key.serialize_pem()).found(EXTERNAL);
    one(&found, "Warning: --cert-file a.crt is signed by way of SHA-1 or MD5");
}

#[test]
fn a_chain_leads_from_the_certificate_step_by_step() {
    let (root, root_certificate) = authority("root", None);
    let (middle, middle_certificate) = authority("middle", Some(&root));
    let (_, stranger) = authority("stranger", None);
    // of the same name, and not of the same key
    let (_, impostor) = authority("middle", None);
    let key = KeyPair::generate().unwrap();
    let server = named("server").signed_by(&key, &middle).unwrap();
    let of = |chain: &[&Certificate]| {
        let chain: String = chain.iter().map(|certificate| certificate.pem()).collect();
        let given = pair(server.pem(), key.serialize_pem()).file("chain-file", "c.crt", chain);
        given.found(EXTERNAL)
    };
    assert_eq!(of(&[&middle_certificate]), [""; 0]);
    assert_eq!(of(&[&middle_certificate, &root_certificate]), [""; 0]);
    one(
        &of(&[&root_certificate, &middle_certificate]),
        "Error: --chain-file c.crt is not in order: CN=root comes too early, after CN=server",
    );
    one(
        &of(&[&stranger]),
        "Error: --chain-file c.crt does not lead on from CN=server: CN=stranger did not issue it",
    );
    one(&of(&[&impostor]), "does not lead on from CN=server: CN=middle did not issue it");
    one(&of(&[&middle_certificate, &stranger]), "does not lead on from CN=middle");
    one(
        &of(&[&server, &middle_certificate]),
        "Warning: --chain-file c.crt begins with the certificate itself",
    );
    one(&of(&[]), "Error: --chain-file c.crt holds no certificate");
}

#[test]
fn an_authority_in_the_place_of_a_server_is_warned_of() {
    let mut params = named("both");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    one(
        &pair(certificate.pem(), key.serialize_pem()).found(EXTERNAL),
        "Warning: --cert-file a.crt is a certificate of an authority, CN=both, where a server's",
    );
    // where no key belongs to it an authority is what is meant
    let custom = Given::default().file("cert-file", "a.crt", certificate.pem());
    assert_eq!(custom.found("security custom-cert add"), [""; 0]);
}

#[test]
fn other_names_of_files_are_warned_of_and_work() {
    let key = KeyPair::generate().unwrap();
    let certificate = named("server").self_signed(&key).unwrap();
    let given = Given::default().file("cert-file", "a.pem", certificate.pem());
    let found = given.file("key-file", "key", key.serialize_pem()).found(EXTERNAL);
    assert_eq!(
        found,
        [
            "Warning: --cert-file a.pem is not named *.crt, as TSM's documentation asks for",
            "Warning: --key-file key is not named *.key, as TSM's documentation asks for",
        ]
    );
}

#[test]
fn a_revocation_list_is_read_and_its_end_told() {
    let (root, _) = authority("root", None);
    let of = |ends: OffsetDateTime| {
        let list = CertificateRevocationListParams {
            this_update: now() - Duration::days(9),
            next_update: ends,
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&root).unwrap();
        let given = |bytes: Vec<u8>| Given::default().file("revocation-file", "a.crl", bytes);
        let by_der = given(list.der().to_vec()).found("authentication mutual-ssl configure");
        let by_pem = given(list.pem().unwrap().into()).found("authentication mutual-ssl configure");
        assert_eq!(by_der, by_pem);
        by_pem
    };
    assert_eq!(of(now() + Duration::days(9)), [""; 0]);
    one(&of(now() - Duration::days(1)), "Warning: --revocation-file a.crl has expired");
}

#[test]
fn settings_that_are_seldom_meant_are_told() {
    let service = |kind| Given::default().value("connection-type", kind);
    let path = "security vizql-extsvc-ssl enable";
    one(
        &service("tabpy-secure").found(path),
        "Warning: --connection-type tabpy-secure without --cert-file",
    );
    assert_eq!(service("tabpy").found(path), [""; 0]);
    let certificate = named("tabpy").self_signed(&KeyPair::generate().unwrap()).unwrap();
    let with = service("rserve-secure").file("cert-file", "a.crt", certificate.pem());
    assert_eq!(with.found(path), [""; 0]);
    let protocols = |list| Given::default().value("protocols", list).found(EXTERNAL);
    for list in ["all -SSLv2 -SSLv3 -TLSv1 -TLSv1.1", "TLSv1.2", "+TLSv1.3,-all,TLSv1.2", "-SSLv3"]
    {
        assert_eq!(protocols(list), [""; 0], "{list}");
    }
    one(&protocols("all, -SSLv2, -SSLv3"), "Note: --protocols allows TLSv1 and TLSv1.1");
    one(&protocols("all -tlsv1"), "Note: --protocols allows TLSv1.1,");
    one(&protocols("-all +TLSv1"), "Note: --protocols allows TLSv1,");
}
