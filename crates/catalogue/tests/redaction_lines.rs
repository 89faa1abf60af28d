//! What commands print: secrets are taken out of lines, all else stays byte for byte.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::borrow::Cow;

use proptest::prelude::*;
use tsmgate_catalogue::redaction::{Lines, MARKER, redact_line};

const SECRET: &str = "S3cr3tValue!";

#[test]
fn lines_without_secrets_stay() {
    let lines = [
        "",
        "ssl.enabled: true",
        "ssl.port: 443",
        "ssl.protocols: all -SSLv2 -SSLv3",
        "ssl.cert.file_name: server.crt",
        "ssl.key.file_name=server.key",
        "ssl.key.passphrase:",
        "vizqlserver.extsvc.password: ",
        "pgsql.ssl.required\ttrue",
        "wgserver.saml.key.passphrase: false",
        "Starting deployments asynchronous job.",
        "Job id is '1', timeout is 10 minutes.",
        "6% - Retrieving the topology to deploy.",
        "12% - Generating new passwords and tokens for internal use.",
        "40% - Updating all Postgres repository passwords. Then the secrets follow.",
        "Successfully deployed nodes with updated configuration and topology version.",
        "There are no pending configuration changes.",
        "These changes will require a server restart.",
        "The passphrase is wrong.",
        "regenerate-internal-tokens runs for up to 30 minutes",
        "Created at: 2019-05-29T23:46:54Z",
        "arn:aws:kms:us-west-2:867530990073:key/1abc23de-fg45-6hij-7k89-1l0mn1234567",
        "-----BEGIN CERTIFICATE-----",
        "{\"ssl.enabled\": true , \"ssl.port\": 443}",
        "See https://help.example.com/a?b=c#d",
    ];
    let mut together = Lines::default();
    for line in lines {
        assert!(matches!(redact_line(line), Cow::Borrowed(same) if same == line), "{line}");
        // the name without a value awaits one; no line here is that
        together.line("");
        assert_eq!(together.line(line), line);
    }
}

#[test]
fn secrets_of_lines_are_taken_out() {
    let cases = [
        ("pgsql.adminpassword: S3cr3tValue!", "pgsql.adminpassword: "),
        ("pgsql.adminpassword = S3cr3tValue! with blanks", "pgsql.adminpassword = "),
        ("pgsql.adminpassword=S3cr3tValue!", "pgsql.adminpassword="),
        ("pgsql.adminpassword S3cr3tValue!", "pgsql.adminpassword "),
        ("pgsql.adminpassword\tS3cr3tValue!", "pgsql.adminpassword\t"),
        ("adminpassword       S3cr3tValue!", "adminpassword       "),
        ("passphrase S3cr3tValue!", "passphrase "),
        ("readonly_password S3cr3tValue! more", "readonly_password "),
        ("  Root master key: S3cr3tValue!", "  Root master key: "),
        ("ssl.key.file_bytes: S3cr3tValue!", "ssl.key.file_bytes: "),
        ("  \"pgsql.adminpassword\" : \"S3cr3tValue!\",", "  \"pgsql.adminpassword\" : "),
        ("a=1 b=2 password=S3cr3tValue! c=3", "a=1 b=2 password="),
        (
            "tsm security --cert-file a --passphrase S3cr3tValue! b",
            "tsm security --cert-file a --passphrase ",
        ),
        ("unknown option near --passphrase=S3cr3tValue!", "unknown option near --passphrase="),
        (
            "arguments [--cert-file, a, --passphrase, S3cr3tValue!, b]",
            "arguments [--cert-file, a, --passphrase, ",
        ),
        ("<password>S3cr3tValue!</password>", "<password>"),
        ("ssl.key.passphrase: ssl.key.passphrase: S3cr3tValue!", "ssl.key.passphrase: "),
        ("at jdbc:postgresql://tsm:S3cr3tValue!@db:8060/x now", "at "),
        ("value ENC(S3cr3tValue!) it is", "value "),
        ("got eyJhbGciOiJSUzI1NiJ9.S3cr3tValue.abc", "got "),
        ("TSAB-12CD-34EF-56GH-78IJ", ""),
    ];
    for (line, stays) in cases {
        assert_eq!(redact_line(line), format!("{stays}{MARKER}"), "{line}");
        assert_eq!(Lines::default().line(line), format!("{stays}{MARKER}"), "{line}");
    }
    let json = r#"{"ssl.port": 443, "pgsql.adminpassword": "S3cr3tValue!"}"#;
    assert_eq!(
        redact_line(json),
        format!(r#"{{"ssl.port":443,"pgsql.adminpassword":"{MARKER}"}}"#)
    );
}

#[test]
fn keys_over_several_lines_are_taken_out() {
    let mut lines = Lines::default();
    let printed = [
        ("key:", true),
        ("-----BEGIN RSA PRIVATE KEY-----", false),
        ("Proc-Type: 4,ENCRYPTED", false),
        ("", false),
        ("MIIEpAIBAAKCAQEAx", false),
        ("-----END RSA PRIVATE KEY-----", false),
        ("ssl.enabled: true", true),
        ("-----BEGIN CERTIFICATE-----", true),
        ("MIIDdzCCAl+gAwIBAgIE", true),
        ("-----END CERTIFICATE-----", true),
        ("x -----BEGIN PRIVATE KEY-----MIIE-----END PRIVATE KEY----- y", false),
        ("ssl.port: 443", true),
    ];
    for (line, stays) in printed {
        assert_eq!(lines.line(line), if stays { line } else { MARKER }, "{line}");
    }
    // without an end, not for ever
    lines.line("-----BEGIN PRIVATE KEY-----");
    let taken = (0..10_000).take_while(|_| lines.line("ssl.port: 443") == MARKER).count();
    assert_eq!(taken, 512);
}

#[test]
fn a_value_on_the_next_line_is_taken_out() {
    let mut lines = Lines::default();
    assert_eq!(lines.line("vizqlserver.extsvc.password:"), "vizqlserver.extsvc.password:");
    assert_eq!(lines.line("  S3cr3tValue!"), MARKER);
    assert_eq!(lines.line("  next"), "  next");
    assert_eq!(lines.line("vizqlserver.extsvc.password:"), "vizqlserver.extsvc.password:");
    assert_eq!(lines.line("vizqlserver.extsvc.port: 9004"), "vizqlserver.extsvc.port: 9004");
}

#[test]
fn what_was_given_is_taken_out_wherever_it_stands() {
    let mut lines = Lines::hiding([SECRET, "abc", ""]);
    assert_eq!(
        lines.line("cannot read 'S3cr3tValue!' twice S3cr3tValue!"),
        format!("cannot read '{MARKER}' twice {MARKER}")
    );
    // too short to be told from other text
    assert_eq!(lines.line("abc is no secret"), "abc is no secret");
}

#[test]
fn what_is_longer_than_a_piece_is_taken_out_whole() {
    let mut lines = Lines::hiding([SECRET]);
    assert_eq!(
        lines.piece("ssl.key.file_bytes: MIIE", false),
        format!("ssl.key.file_bytes: {MARKER}")
    );
    assert_eq!(lines.piece("pAIBAAKCAQEA", false), MARKER);
    assert_eq!(lines.piece("xyz", true), MARKER);
    assert_eq!(lines.piece("ssl.protocols: all", false), "ssl.protocols: all");
    assert_eq!(lines.piece(" -SSLv2", true), " -SSLv2");
    // a name, or a secret, that is cut
    assert_eq!(lines.piece("a pgsql.admin", false), "a pgsql.admin");
    assert_eq!(lines.piece("password: xyz", true), MARKER);
    assert_eq!(lines.piece("so S3cr", false), "so S3cr");
    assert_eq!(lines.piece("3tValue! it is", true), MARKER);
    assert_eq!(lines.line("next"), "next");
}

proptest! {
    #[test]
    fn no_secret_stays_beside_its_name(
        before in "[a-z]{0,6}",
        name in prop_oneof!["pgsql\\.adminpassword", "ssl\\.key\\.passphrase", "x\\.[a-z]{0,4}\\.secret", "--passphrase"],
        sign in prop_oneof![": ?", " ?= ?", "  +", " ", "\t"],
        after in "\\PC{0,12}",
    ) {
        let line = format!("{before} {name}{sign}{SECRET}{after}");
        let redacted = redact_line(&line);
        prop_assert!(!redacted.contains(SECRET), "{}", redacted);
        // once is enough
        prop_assert_eq!(redact_line(&redacted), redacted.as_ref());
    }

    #[test]
    fn any_text_can_be_a_line(line in "\\PC{0,80}", pieces in prop::collection::vec("[ -~]{0,40}", 0..6)) {
        redact_line(&line);
        let mut lines = Lines::hiding([line.as_str()]);
        for piece in &pieces {
            lines.piece(piece, piece.len() % 2 == 0);
        }
    }
}

/// A setting whose name stands in a line of its own, columns of a table, and names of several words.
#[test]
fn a_name_in_another_line_or_column_is_seen() {
    let mut lines = Lines::default();
    for (line, wanted) in [
        ("Key: pgsql.adminpassword", "Key: pgsql.adminpassword"),
        ("  Old value: hunter2old", "  Old value: [redacted by tsmgate]"),
        ("  New value: hunter2new", "  New value: [redacted by tsmgate]"),
        ("Key: gateway.public.host", "Key: gateway.public.host"),
        ("  New value: tableau.example.com", "  New value: tableau.example.com"),
        ("\"key\": \"pgsql.adminpassword\",", "\"key\": \"pgsql.adminpassword\","),
        ("\"value\": \"hunterjson\",", "\"value\": [redacted by tsmgate]"),
        ("| password   | hunterpipe |", "| password   | [redacted by tsmgate]"),
        ("Private key passphrase    hunter4", "Private key passphrase    [redacted by tsmgate]"),
        (
            "100% - Waiting for the services to start.   ",
            "100% - Waiting for the services to start.   ",
        ),
    ] {
        assert_eq!(lines.line(line), wanted);
    }
}
