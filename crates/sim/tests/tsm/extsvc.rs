//! The external service for SCRIPT functions.

use data_encoding::BASE64;

use super::stage::Stage;

#[tokio::test]
async fn it_is_set_listed_and_cleared() {
    let stage = Stage::new().await;
    let (certificate, _) = stage.certificate();
    let enable = "security vizql-extsvc-ssl enable --connection-type tabpy-secure \
                  --extsvc-host tabpy.example.com --extsvc-port 9004 -cf server.crt \
                  --extsvc-username ann --extsvc-password 'pass word' --script-disabled false";
    assert_eq!(stage.good(enable).await, "");
    let pending = stage.good("pending-changes list --config-only").await;
    assert!(pending.contains("vizqlserver.extsvc.password: pass word\n"), "in clear: {pending}");
    stage.good("pending-changes apply --ignore-prompt").await;
    let listed = stage.good("security vizql-extsvc-ssl list").await;
    assert_eq!(
        listed,
        "vizqlserver.extsvc.connection_type: tabpy-secure\n\
         vizqlserver.extsvc.host: tabpy.example.com\nvizqlserver.extsvc.port: 9004\n\
         vizqlserver.extsvc.cert_file_name: server.crt\nvizqlserver.extsvc.username: ann\n\
         vizqlserver.extsvc.connect_timeout_ms: 1000\nvizqlserver.script.disabled: false\n"
    );
    let now = stage.api().configuration();
    assert_eq!(now["vizqlserver.extsvc.cert_bytes"], BASE64.encode(certificate.as_bytes()));
    assert_eq!(now["vizqlserver.extsvc.password"], "pass word");
    let at_rest = stage.api().configuration_at_rest();
    assert!(at_rest["vizqlserver.extsvc.password"].starts_with("ENC("));
    stage.good("security vizql-extsvc-ssl disable").await;
    stage.good("pending-changes apply --ignore-prompt").await;
    let now = stage.api().configuration();
    let mut left = now.iter().filter(|(key, _)| key.starts_with("vizqlserver.extsvc."));
    assert!(left.all(|(_, value)| value.is_empty()), "all of it");
    assert_eq!(now["vizqlserver.script.disabled"], "true");
}
