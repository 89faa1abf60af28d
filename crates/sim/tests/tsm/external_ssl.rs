//! TLS at the gateway: the six keys, the list, what is refused, and applying it.

use data_encoding::BASE64;
use tsmsim::ServerState;

use super::stage::Stage;

const ENABLE: &str = "security external-ssl enable --cert-file server.crt --key-file server.key";

#[tokio::test]
async fn a_certificate_is_staged_listed_applied_and_taken_back() {
    let stage = Stage::new().await;
    let (certificate, key) = stage.certificate();
    std::fs::write(stage.path("chain.crt"), &certificate).unwrap();
    let more =
        "--chain-file chain.crt --passphrase 'open sesame' --protocols 'all, -SSLv2, -TLSv1'";
    assert_eq!(stage.good(&format!("{ENABLE} {more}")).await, "", "it says nothing");
    let encoded = |text: &str| Some(BASE64.encode(text.as_bytes()));
    let staged = |key: &str| stage.staged(key);
    assert_eq!(staged("ssl.enabled").as_deref(), Some("true"));
    assert_eq!(staged("ssl.cert.file_name").as_deref(), Some("server.crt"));
    assert_eq!(staged("ssl.cert.file_bytes"), encoded(&certificate));
    assert_eq!(staged("ssl.key.file_name").as_deref(), Some("server.key"));
    assert_eq!(staged("ssl.key.file_bytes"), encoded(&key));
    assert_eq!(staged("ssl.chain.file_name").as_deref(), Some("chain.crt"));
    assert_eq!(staged("ssl.chain.file_bytes"), encoded(&certificate));
    assert_eq!(staged("ssl.key.passphrase").as_deref(), Some("open sesame"));
    assert_eq!(staged("ssl.protocols").as_deref(), Some("all -SSLv2 -TLSv1"));
    // what is staged is not listed here
    assert!(stage.good("security external-ssl list").await.starts_with("ssl.enabled: false\n"));
    let applied = stage.good("pending-changes apply --ignore-prompt").await;
    assert_eq!(trimmed(&applied), FIFTEEN);
    assert!(applied.contains("stop.\n46% - Updating nodes to new topology.  \n"), "seen: blanks");
    assert_eq!(stage.api().server_state(), ServerState::Running);
    assert_eq!(
        stage.good("security external-ssl list").await,
        "ssl.enabled: true\nssl.port: 443\nssl.redirect: true\nssl.protocols: all -SSLv2 -TLSv1\n\
         ssl.ciphersuite: HIGH:MEDIUM:!aNULL:!MD5:!RC4\nssl.cert.file_name: server.crt\n\
         ssl.key.file_name: server.key\nssl.chain.file_name: chain.crt\n"
    );
    let at_rest = stage.api().configuration_at_rest();
    assert!(at_rest["ssl.key.passphrase"].starts_with("ENC("));
    assert!(at_rest["ssl.key.file_bytes"].starts_with("ENC("));
    assert_eq!(stage.good("security external-ssl disable").await, "");
    stage.good("pending-changes apply -iw --ignore-prompt").await;
    let configuration = stage.api().configuration();
    assert_eq!(configuration["ssl.enabled"], "false");
    assert_eq!(configuration["ssl.key.passphrase"], "");
    assert_eq!(configuration["ssl.protocols"], "all -SSLv2 -SSLv3");
}

#[tokio::test]
async fn files_that_are_not_what_they_should_be_are_refused() {
    let stage = Stage::new().await;
    let (certificate, key) = stage.certificate();
    let write = |name: &str, text: &str| std::fs::write(stage.path(name), text).unwrap();
    write("empty.crt", "");
    write("cut.crt", &certificate[..certificate.len() / 2]);
    write("other.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    write("both.crt", &format!("{certificate}{key}"));
    let rsa = key.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    write("rsa.key", &rsa);
    for bad in ["missing.crt", "empty.crt", "cut.crt", "other.crt", "both.crt", "server.key", "."] {
        let line = format!("security external-ssl enable --cert-file {bad} --key-file server.key");
        let ended = stage.run(&line).await;
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{bad}");
        assert!(ended.err.contains(&format!("'{bad}'")), "{}", ended.err);
        let chain = stage.run(&format!("{ENABLE} --chain-file {bad}")).await;
        assert_eq!(chain.code, Some(1), "{bad}");
    }
    for bad in ["missing.key", "server.crt", "empty.crt"] {
        let line = format!("security external-ssl enable --cert-file server.crt --key-file {bad}");
        assert_eq!(stage.run(&line).await.code, Some(1), "{bad}");
    }
    assert_eq!(stage.pending(), [], "nothing of it was staged");
    stage.good("security external-ssl enable --cert-file server.crt --key-file rsa.key").await;
    // over what is there: scripts renew so
    stage.good(ENABLE).await;
    assert_eq!(stage.staged("ssl.key.file_name").as_deref(), Some("server.key"));
}

#[tokio::test]
async fn a_value_that_begins_with_a_dash_has_to_be_joined() {
    let stage = Stage::new().await;
    stage.certificate();
    assert_eq!(stage.run(&format!("{ENABLE} --protocols -SSLv3")).await.code, Some(2));
    stage.good(&format!("{ENABLE} '--protocols=-SSLv3 +TLSv1.2'")).await;
    assert_eq!(stage.staged("ssl.protocols").as_deref(), Some("-SSLv3 +TLSv1.2"));
}

/// Seen: lines are alike but for blanks at their ends.
fn trimmed(text: &str) -> String {
    text.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

/// Seen, line for line.
const FIFTEEN: &str = "\
Starting deployments asynchronous job.
Job id is '1', timeout is 10 minutes.
6% - Retrieving the topology to deploy.
13% - Retrieving the configuration to deploy.
20% - Validating the new topology.
26% - Determining if server needs to be started.
33% - Disabling all services.
40% - Waiting for the services to stop.
46% - Updating nodes to new topology.
53% - Waiting for topology to be applied.
60% - Updating nodes to new configuration.
66% - Disabling all services.
73% - Waiting for the services to stop.
80% - Reconfiguring services.
86% - Waiting for services to reconfigure.
93% - Enabling all services.
100% - Waiting for the services to start.
Successfully deployed nodes with updated configuration and topology version.
";
