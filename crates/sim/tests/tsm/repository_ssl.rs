//! TLS at the repository: its two modes, and its certificate while it is on.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::stage::{Stage, read};

const FETCH: &str = "security repository-ssl get-certificate-file --file fetched.cert";

async fn apply(stage: &Stage) {
    stage.good("pending-changes apply --ignore-prompt").await;
}

#[tokio::test]
async fn the_certificate_is_there_only_while_tls_is_on() {
    let stage = Stage::new().await;
    let off = stage.run(FETCH).await;
    assert_eq!((off.code, off.out.as_str()), (Some(1), ""));
    assert_eq!(off.err, "SSL is not enabled for communication with the repository.\n");
    assert!(!stage.path("fetched.cert").exists());
    assert_eq!(stage.good("security repository-ssl enable").await, "");
    assert_eq!(stage.run(FETCH).await.code, Some(1), "staged is not on");
    apply(&stage).await;
    assert_eq!(
        stage.good("security repository-ssl list").await,
        "pgsql.ssl.enabled: true\npgsql.ssl.required: true\n\
         pgsql.ssl.ciphersuite: HIGH:MEDIUM:!aNULL:!MD5:!RC4\npgsql.ssl.cert.days: 3650\n"
    );
    std::fs::write(stage.path("fetched.cert"), "something else").unwrap();
    assert_eq!(stage.good(FETCH).await, "", "and over what was there");
    let fetched = read(&stage.path("fetched.cert"));
    assert_eq!(Some(&fetched), stage.api().repository_certificate().as_ref());
    let der = CertificateDer::from_pem_slice(fetched.as_bytes()).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let validity = certificate.validity();
    let days = (validity.not_after.timestamp() - validity.not_before.timestamp()) / 86_400;
    assert_eq!(days, 3650);
    let key = certificate.public_key().parsed().unwrap();
    assert_eq!(key.key_size(), 2048);
    assert_eq!(certificate.public_key().algorithm.algorithm.to_string(), "1.2.840.113549.1.1.1");
    // the same one until it is switched off
    stage.good("configuration set -k gateway.trusted -v 10.0.0.1").await;
    apply(&stage).await;
    stage.good("security repository-ssl get-certificate-file -f again.cert").await;
    assert_eq!(read(&stage.path("again.cert")), fetched);
    let nowhere = stage.run("security repository-ssl get-certificate-file -f no/such/file").await;
    assert_eq!(nowhere.code, Some(1));
    assert!(nowhere.err.starts_with("Cannot write 'no/such/file': "), "{}", nowhere.err);
    stage.good("security repository-ssl disable").await;
    apply(&stage).await;
    assert_eq!(stage.run(FETCH).await.code, Some(1));
    assert_eq!(stage.api().repository_certificate(), None);
}

#[tokio::test]
async fn internal_only_does_not_require_it_of_others() {
    let stage = Stage::new().await;
    for line in ["--internal-only", "-i"] {
        stage.good(&format!("security repository-ssl enable {line}")).await;
        assert_eq!(stage.staged("pgsql.ssl.enabled").as_deref(), Some("true"));
        assert_eq!(stage.staged("pgsql.ssl.required"), None, "false is what it is already");
    }
    stage.good("security repository-ssl enable").await;
    assert_eq!(stage.staged("pgsql.ssl.required").as_deref(), Some("true"));
}
