//! What the authority makes, judged by the library that the daemon and the client judge with, under
//! the daemon's settings: every certificate of the chain against a list, and lists have an end.
#![allow(clippy::unwrap_used, reason = "in a test a failed unwrap is a failed test")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{CertificateError, Error, RootCertStore};
use support::{Place, client, server};
use tsmgate_pki::{IssueOptions, Issued, Revokee};

mod support;

const DAY: u64 = 24 * 60 * 60;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

fn roots(place: &Place) -> Arc<RootCertStore> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(&place.authority.certificate())).unwrap();
    Arc::new(roots)
}

/// What the daemon thinks of a client's certificate in so many days.
fn judge_client(place: &Place, issued: &Issued, days: u64) -> Result<(), Error> {
    let list = CertificateRevocationListDer::from_pem_file(place.in_ca("clients.crl")).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots(place), provider())
        .with_crls([list])
        .enforce_revocation_expiration()
        .build()
        .unwrap();
    let now =
        UnixTime::since_unix_epoch(Duration::from_secs(UnixTime::now().as_secs() + days * DAY));
    verifier.verify_client_cert(&certificate(&issued.certificate), &[], now).map(|_| ())
}

fn refused(error: CertificateError) -> Result<(), Error> {
    Err(Error::InvalidCertificate(error))
}

/// R51: the daemon takes a client until it is revoked, and nobody once the list has run out
#[test]
fn the_daemon_takes_a_client_until_it_is_revoked() {
    let place = Place::new();
    let (jump01, jump02) = (place.client("jump01"), place.client("jump02"));
    assert_eq!(judge_client(&place, &jump01, 0), Ok(()));
    assert_eq!(judge_client(&place, &jump01, 89), Ok(()));
    place.authority.revoke(&Revokee::Client(client("jump01"))).unwrap();
    assert_eq!(judge_client(&place, &jump01, 0), refused(CertificateError::Revoked));
    assert_eq!(judge_client(&place, &jump02, 0), Ok(()));
    place.authority.issue_crl_of(1).unwrap();
    let late = judge_client(&place, &jump02, 2);
    assert!(
        matches!(
            late,
            Err(Error::InvalidCertificate(CertificateError::ExpiredRevocationListContext { .. }))
        ),
        "{late:?}"
    );
}

/// R51: a server's certificate does not pass for a client's, nor another authority's
#[test]
fn the_daemon_takes_no_other_certificate() {
    let (place, other) = (Place::new(), Place::new());
    let servers = [server("tsm.example.com")];
    let issued = place.authority.server(&servers, IssueOptions::default()).unwrap();
    assert!(judge_client(&place, &issued, 0).is_err());
    assert!(judge_client(&place, &other.client("jump01"), 0).is_err());
}

/// R51: clients take the server's certificate for each of its names, and its key loads
#[test]
fn clients_take_the_server() {
    let place = Place::new();
    let names = ["tsm.example.com", "192.0.2.7", "::1"];
    let issued = place.authority.server(&names.map(server), IssueOptions::default()).unwrap();
    let verifier =
        WebPkiServerVerifier::builder_with_provider(roots(&place), provider()).build().unwrap();
    let judge = |name: &'static str| {
        let name = name.try_into().unwrap();
        let leaf = certificate(&issued.certificate);
        verifier.verify_server_cert(&leaf, &[], &name, &[], UnixTime::now()).is_ok()
    };
    assert!(names.into_iter().all(judge));
    assert!(!judge("other.example.com"));
    let key = PrivateKeyDer::from_pem_file(issued.private_key.unwrap()).unwrap();
    provider().key_provider.load_private_key(key).unwrap();
}
