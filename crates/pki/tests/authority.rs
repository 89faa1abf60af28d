//! The authority itself: its folder, its files' modes, its key's encryption, and folders that are
//! not whole.
#![allow(clippy::unwrap_used, reason = "in a test a failed unwrap is a failed test")]

use std::fs;
use std::os::unix::fs::symlink;

use support::{Place, client, files, mode, openssl, openssl_on, set_mode, try_openssl};
use tsmgate_pki::{Authority, InitOptions, IssueOptions, Passphrase, PkiError, Revokee};
use zeroize::Zeroizing;

mod support;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.to_owned())).unwrap()
}

/// R48: the folder is 0700, the key 0600, and a second init replaces nothing
#[test]
fn init_makes_a_private_folder_once() {
    let place = Place::new();
    assert_eq!(files(&place.path("ca")), ["ca.key", "ca.pem", "clients.crl", "index.json"]);
    assert_eq!(mode(&place.path("ca")), 0o700);
    assert_eq!(mode(&place.in_ca("ca.key")), 0o600);
    for file in ["ca.pem", "clients.crl", "index.json"] {
        assert_eq!(mode(&place.in_ca(file)), 0o644, "{file}");
    }
    let before = fs::read(place.in_ca("ca.key")).unwrap();
    let again = Authority::init(&place.path("ca"), InitOptions::default());
    assert_eq!(again.unwrap_err(), PkiError::AuthorityExists(place.path("ca")));
    assert_eq!(fs::read(place.in_ca("ca.key")).unwrap(), before);
}

/// R48: parts of an authority are not written over, not even a dangling link's target
#[test]
fn init_refuses_parts_of_an_authority() {
    for part in ["ca.key", "ca.pem", "index.json"] {
        let folder = tempfile::tempdir().unwrap();
        set_mode(folder.path(), 0o700);
        symlink("/nonexistent/elsewhere", folder.path().join(part)).unwrap();
        let error = Authority::init(folder.path(), InitOptions::default()).unwrap_err();
        assert_eq!(error, PkiError::AuthorityExists(folder.path().to_owned()));
        assert_eq!(files(folder.path()), [part]);
    }
}

/// R48: an empty folder is tightened, one with files that others may enter is refused
#[test]
fn init_judges_a_folder_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    fs::write(folder.path().join("other"), "").unwrap();
    let error = Authority::init(folder.path(), InitOptions::default()).unwrap_err();
    assert_eq!(error, PkiError::FolderTooOpen(folder.path().to_owned()));
    fs::remove_file(folder.path().join("other")).unwrap();
    Authority::init(folder.path(), InitOptions::default()).unwrap();
    assert_eq!(mode(folder.path()), 0o700);
}

/// R51: stock OpenSSL takes the authority, strictly read
#[test]
fn the_authority_signs_certificates_and_lists_and_no_authority() {
    let place = Place::new();
    let ca = place.authority.certificate();
    let (good, said) = place.verify(&[], &ca);
    assert!(good, "{said}");
    let text = openssl_on(&["x509", "-noout", "-text"], &ca);
    for expected in [
        "Version: 3",
        "CA:TRUE, pathlen:0",
        "X509v3 Basic Constraints: critical",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
        "prime256v1",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let years = (place.authority.not_after() - time::OffsetDateTime::now_utc()).whole_days() / 365;
    assert_eq!(years, 10);
}

/// R48: the authority's key is encrypted when asked, in the form OpenSSL reads
#[test]
fn an_encrypted_key_opens_with_its_passphrase_only() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, file) = (folder.path().join("ca"), folder.path().join("passphrase"));
    let right = passphrase("correct horse — battery");
    let options = InitOptions { passphrase: Some(right.clone()) };
    drop(Authority::init(&ca, options).unwrap());
    let key = ca.join("ca.key");
    assert!(
        fs::read_to_string(&key).unwrap().starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
    );
    assert_eq!(mode(&key), 0o600);

    let open = |passphrase| Authority::open(&ca, passphrase).map(|_| ());
    assert_eq!(open(None), Err(PkiError::PassphraseNeeded(key.clone())));
    let wrong = passphrase("correct horse - battery");
    assert_eq!(open(Some(&wrong)), Err(PkiError::WrongPassphrase(key.clone())));
    let authority = Authority::open(&ca, Some(&right)).unwrap();
    authority.client(&client("jump01"), IssueOptions::default()).unwrap();

    fs::write(&file, "correct horse — battery\nnot this line\n").unwrap();
    let pass = format!("file:{}", file.display());
    let public = openssl_on(&["pkey", "-pubout", "-passin", &pass], &key);
    assert_eq!(public, openssl_on(&["x509", "-noout", "-pubkey"], &ca.join("ca.pem")));
    let (opened, _) = try_openssl(&["pkey", "-passin", "pass:wrong", "-in", key.to_str().unwrap()]);
    assert!(!opened);
}

/// R48: a key that OpenSSL encrypted is taken as well
#[test]
fn a_key_encrypted_by_openssl_opens() {
    let place = Place::new();
    let (plain, key) = (place.path("plain.key"), place.in_ca("ca.key"));
    fs::rename(&key, &plain).unwrap();
    for prf in ["hmacWithSHA256", "hmacWithSHA512"] {
        let args = ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-v2prf", prf, "-passout"];
        let to = ["pass:eight or more", "-out", key.to_str().unwrap()];
        openssl_on(&[&args[..], &to].concat(), &plain);
        set_mode(&key, 0o600);
        Authority::open(&place.path("ca"), Some(&passphrase("eight or more"))).unwrap();
    }
    let args = ["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-passout", "pass:eight or more"];
    openssl_on(&[&args[..], &["-out", key.to_str().unwrap()]].concat(), &plain);
    let error = Authority::open(&place.path("ca"), Some(&passphrase("eight or more"))).unwrap_err();
    assert!(matches!(error, PkiError::Malformed { .. }), "{error}");
}

/// R48: a wrong passphrase is called that, also the one in 256 that ends in good padding
#[test]
fn every_wrong_passphrase_is_a_wrong_passphrase() {
    let place = Place::new();
    let (plain, key) = (place.path("plain.key"), place.in_ca("ca.key"));
    fs::rename(&key, &plain).unwrap();
    // One round, so that thousands can be tried.
    let args = ["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-iter", "1", "-passout"];
    openssl_on(
        &[&args[..], &["pass:eight or more", "-out", key.to_str().unwrap()]].concat(),
        &plain,
    );
    set_mode(&key, 0o600);
    for number in 0..3000 {
        let wrong = passphrase(&format!("wrong passphrase {number}"));
        let error = Authority::open(&place.path("ca"), Some(&wrong)).unwrap_err();
        assert_eq!(error, PkiError::WrongPassphrase(key.clone()));
    }
}

/// R48: a passphrase shows itself nowhere and is not taken from a file that others may read
#[test]
fn a_passphrase_is_kept_to_itself() {
    let options = InitOptions { passphrase: Some(passphrase("correct horse")) };
    assert!(!format!("{options:?}").contains("horse"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("passphrase");
    fs::write(&file, "correct horse\n").unwrap();
    set_mode(&file, 0o640);
    assert_eq!(Passphrase::from_file(&file), Err(PkiError::SecretTooOpen(file.clone())));
    set_mode(&file, 0o600);
    assert_eq!(Passphrase::from_file(&file), Ok(passphrase("correct horse")));
    for bad in ["", "short", "carriage return\r\n", "bell\u{7}bell\n", "\nsecond line"] {
        fs::write(&file, bad).unwrap();
        assert_eq!(Passphrase::from_file(&file), Err(PkiError::BadPassphrase), "{bad:?}");
    }
    let place = Place::new();
    let shown = format!("{:?}", place.authority);
    let key = fs::read_to_string(place.authority.private_key()).unwrap();
    let secret = key.lines().nth(1).unwrap();
    assert!(shown.contains("PrivateKey(…)") && !shown.contains(secret));
}

/// R48: a key or folder that others may read is not used
#[test]
fn open_refuses_what_others_may_enter() {
    let place = Place::new();
    let ca = place.path("ca");
    set_mode(&place.in_ca("ca.key"), 0o640);
    assert_eq!(
        Authority::open(&ca, None).unwrap_err(),
        PkiError::SecretTooOpen(place.in_ca("ca.key"))
    );
    set_mode(&place.in_ca("ca.key"), 0o600);
    set_mode(&ca, 0o750);
    assert_eq!(Authority::open(&ca, None).unwrap_err(), PkiError::FolderTooOpen(ca.clone()));
}

/// R50: without its index an authority refuses to work, as revocations would be forgotten
#[test]
fn a_lost_or_foreign_index_is_an_error() {
    let (place, other) = (Place::new(), Place::new());
    let index = place.in_ca("index.json");
    fs::write(&index, "{}").unwrap();
    let error = Authority::open(&place.path("ca"), None).unwrap_err();
    assert_eq!(error, PkiError::IndexDamaged(index.clone()));
    fs::copy(other.in_ca("index.json"), &index).unwrap();
    let error = Authority::list(&place.path("ca")).unwrap_err();
    assert_eq!(error, PkiError::IndexDamaged(index.clone()));
    fs::remove_file(&index).unwrap();
    let lost = PkiError::IndexLost(index);
    assert_eq!(Authority::open(&place.path("ca"), None).unwrap_err(), lost);
    let jump01 = client("jump01");
    assert_eq!(place.authority.client(&jump01, IssueOptions::default()).unwrap_err(), lost);
    assert_eq!(place.authority.revoke(&Revokee::Client(jump01)).unwrap_err(), lost);
    assert_eq!(place.authority.issue_crl().unwrap_err(), lost);
    assert_eq!(files(&place.path("ca")), ["ca.key", "ca.pem", "clients.crl"]);
}

#[test]
fn open_names_what_is_missing_or_mixed_up() {
    let (place, other) = (Place::new(), Place::new());
    let nowhere = place.path("nowhere");
    assert_eq!(Authority::open(&nowhere, None).unwrap_err(), PkiError::NoAuthority(nowhere));
    let key = place.in_ca("ca.key");
    fs::copy(other.in_ca("ca.key"), &key).unwrap();
    let error = Authority::open(&place.path("ca"), None).unwrap_err();
    assert_eq!(error, PkiError::KeyMismatch(key.clone()));
    fs::write(&key, "no key").unwrap();
    let error = Authority::open(&place.path("ca"), None).unwrap_err();
    assert_eq!(error, PkiError::Malformed { path: key, expected: "a private key" });
}

#[test]
fn two_authorities_do_not_share_a_name() {
    let subject =
        |place: &Place| openssl_on(&["x509", "-noout", "-subject"], &place.authority.certificate());
    assert_ne!(subject(&Place::new()), subject(&Place::new()));
    assert!(openssl(&["version"]).starts_with("OpenSSL"));
}
