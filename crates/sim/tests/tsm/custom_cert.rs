//! The custom certificate: one place, PEM or DER, and whether it counts at once.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::stage::{FAST, Stage};

const ADD: &str = "security custom-cert add --cert-file server.crt";
const LIST: &str = "security custom-cert list";

#[tokio::test]
async fn there_is_one_place_and_it_counts_once_it_is_applied() {
    let stage = Stage::new().await;
    stage.certificate();
    assert_eq!(stage.good(LIST).await, "There is no custom certificate.\n");
    let missing = stage.run("security custom-cert delete").await;
    assert_eq!(missing.code, Some(1));
    assert_eq!(missing.err, "There is no custom certificate.\n");
    assert_eq!(stage.good(ADD).await, "");
    let refused = |what: &str| format!("{what} is refused while one waits or is there");
    let second = stage.run(ADD).await;
    assert_eq!(second.code, Some(1), "{}", refused("a second"));
    assert_eq!(second.err, "A custom certificate already exists.\n");
    assert_eq!(stage.good(LIST).await, "There is no custom certificate.\n");
    stage.good("pending-changes apply --ignore-prompt").await;
    assert_eq!(stage.run(ADD).await.code, Some(1), "{}", refused("a second"));
    let listed = stage.good(LIST).await;
    let names: Vec<_> = listed.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        names,
        [
            "File name",
            "Subject",
            "Issuer",
            "Serial number",
            "Valid from",
            "Valid until",
            "SHA-256 fingerprint"
        ]
    );
    assert!(listed.starts_with("File name: server.crt\nSubject: CN=rcgen self signed cert\n"));
    stage.good("security custom-cert delete").await;
    assert_eq!(stage.run(ADD).await.code, Some(1), "{}", refused("another"));
    stage.good("pending-changes apply --ignore-prompt").await;
    assert_eq!(stage.good(LIST).await, "There is no custom certificate.\n");
    stage.good("security custom-cert add -c server.crt").await;
}

#[tokio::test]
async fn der_is_taken_and_what_is_no_certificate_is_not() {
    let stage = Stage::with(|api| {
        api.jobs = FAST;
        api.custom_certificate_at_once = true;
    })
    .await;
    let (certificate, _) = stage.certificate();
    for bad in ["server.key", "nowhere.crt"] {
        let ended = stage.run(&format!("security custom-cert add -c {bad}")).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{bad}");
    }
    let der = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    std::fs::write(stage.path("server.der"), &der).unwrap();
    stage.good("security custom-cert add --cert-file server.der").await;
    assert!(stage.good(LIST).await.starts_with("File name: server.der\n"), "at once");
    let id = stage.api().configuration()["cfs.custom_cert.file"].clone();
    assert_eq!(stage.api().sent_file(&id).unwrap(), der.as_ref());
    stage.good("security custom-cert delete").await;
    assert_eq!(stage.good(LIST).await, "There is no custom certificate.\n");
    assert_eq!(stage.pending(), []);
}
