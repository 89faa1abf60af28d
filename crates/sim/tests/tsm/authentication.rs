//! Mutual TLS for users, and what later versions have.

use super::stage::Stage;

#[tokio::test]
async fn files_of_mutual_tls_go_to_the_file_service() {
    let stage = Stage::new().await;
    let (certificate, _) = stage.certificate();
    std::fs::write(stage.path("revoked.crl"), b"\x30\x00").unwrap();
    let configure = "authentication mutual-ssl configure -cf server.crt -fb true -m cn \
                     --revocation-file revoked.crl";
    assert_eq!(stage.good(configure).await, "");
    stage.good("authentication mutual-ssl enable").await;
    stage.good("pending-changes apply --ignore-prompt").await;
    let now = stage.api().configuration();
    let sent = |key: &str| stage.api().sent_file(&now[key]).unwrap();
    assert_eq!(sent("cfs.ssl.cacert.file"), certificate.as_bytes());
    assert_eq!(sent("cfs.ssl.revocation.file"), b"\x30\x00");
    let on = "ssl.client_certificate_login.required: true\n";
    assert_eq!(stage.good("authentication list").await, on);
    let listed = stage.good("authentication list --verbose").await;
    let more = "ssl.client_certificate_login.fallback_to_password: true\n\
                ssl.client_certificate_login.mapping_strategy: cn\n";
    assert!(listed.starts_with(&format!("{on}{more}")), "{listed}");
    stage.good("authentication mutual-ssl disable").await;
    stage.good("pending-changes apply --ignore-prompt").await;
    assert!(stage.good("authentication list").await.ends_with(": false\n"));
    let missing = stage.run("authentication mutual-ssl configure -cf nowhere.crt").await;
    assert_eq!(missing.code, Some(1));
}

#[tokio::test]
async fn of_later_commands_the_settings_are_kept() {
    let stage = Stage::new().await;
    let enable = "security maestro-tabpy-ssl enable --connection-type maestro-tabpy-secure \
                  --tabpy-host tabpy.example.com --tabpy-port 9004 --tabpy-password secret";
    assert_eq!(stage.good(enable).await, "");
    let pending = stage.good("pending-changes list --config-only").await;
    assert!(pending.contains("security.maestro-tabpy-ssl.tabpy-password: secret\n"), "{pending}");
    // what is merely staged is taken back, too
    stage.good("security maestro-tabpy-ssl disable").await;
    assert_eq!(stage.pending(), []);
    stage.good("security kms set-mode aws --key-arn arn:aws:kms:1 --aws-region us-west-2").await;
    assert_eq!(stage.good("security kms status").await, "Nothing is configured.\n");
    stage.good("pending-changes apply --ignore-prompt").await;
    let status = stage.good("security kms status").await;
    assert!(status.contains("security.kms.set-mode.aws-region: us-west-2\n"), "{status}");
}
