//! The client's own three files: missing, damaged, too open, or not of one pair.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::rig::{Certificates, FakeGate, Play, Run, granted, login_at, login_to};

/// A run against an address where nobody is: the files are judged before anything is sent.
fn run_with(spoil: impl FnOnce(&Certificates)) -> Run {
    let certificates = Certificates::new();
    spoil(&certificates);
    Run::of(&mut login_to("127.0.0.1:1", &certificates))
}

fn set_mode(certificates: &Certificates, name: &str, mode: u32) {
    fs::set_permissions(certificates.path(name), PermissionsExt::from_mode(mode)).unwrap();
}

/// R46: a private key that others may read is refused, however little they may.
#[test]
fn a_private_key_open_to_others_is_refused_with_the_remedy() {
    for mode in [0o644, 0o640, 0o604, 0o620] {
        let run = run_with(|certificates| set_mode(certificates, "client.key", mode));
        run.says(66, "accessible to group or others", "chmod 600 /");
        let (_, hint) = run.failed(66);
        assert!(hint.ends_with("/client.key"), "{hint}");
    }
}

#[test]
fn a_private_key_is_judged_by_what_a_link_leads_to() {
    let run = run_with(|certificates| {
        set_mode(certificates, "client.key", 0o644);
        fs::rename(certificates.path("client.key"), certificates.path("real.key")).unwrap();
        std::os::unix::fs::symlink("real.key", certificates.path("client.key")).unwrap();
    });
    run.says(66, "accessible to group or others", "chmod 600");
}

#[test]
fn a_credential_of_systemd_is_taken_as_it_is() {
    let certificates = Certificates::new();
    set_mode(&certificates, "client.key", 0o440);
    let gate = FakeGate::start(&certificates, Play::Reply(granted()));
    let mut command = login_at(&gate, &certificates);
    Run::of(command.env("CREDENTIALS_DIRECTORY", certificates.folder())).good();
    // the control: the same file in another folder
    Run::of(command.env("CREDENTIALS_DIRECTORY", "/run/credentials")).failed(66);
}

#[test]
fn each_missing_file_is_named() {
    for name in ["ca.pem", "client.pem", "client.key"] {
        let run = run_with(|made| fs::remove_file(made.path(name)).unwrap());
        run.says(
            66,
            &format!("/{name}: cannot be read: no such file or folder"),
            "--ca, --cert and --key",
        );
    }
}

#[test]
fn each_damaged_file_is_named() {
    let cases = [
        ("ca.pem", "holds no PEM certificate", "BEGIN CERTIFICATE"),
        ("client.pem", "holds no PEM certificate", "BEGIN CERTIFICATE"),
        ("client.key", "holds no unencrypted PEM private key", "BEGIN PRIVATE KEY"),
    ];
    for (name, what, hint) in cases {
        let run = run_with(|made| fs::write(made.path(name), "no PEM\n").unwrap());
        run.says(66, &format!("/{name}: {what}"), hint);
    }
}

#[test]
fn a_file_without_an_end_is_bounded() {
    let run = run_with(|made| fs::write(made.path("ca.pem"), vec![b'x'; 1024 * 1024 + 1]).unwrap());
    run.says(66, "/ca.pem: larger than 1048576 bytes", "PEM file");
    let run = run_with(|made| {
        fs::remove_file(made.path("ca.pem")).unwrap();
        std::os::unix::fs::symlink("/dev/zero", made.path("ca.pem")).unwrap();
    });
    run.says(66, "/ca.pem: larger than", "PEM file");
}

#[test]
fn a_key_of_another_certificate_is_told() {
    let run = run_with(|made| {
        fs::copy(made.path("server.key"), made.path("client.key")).unwrap();
    });
    run.says(66, "/client.key: private key is not the certificate's", "of one pair");
}

#[test]
fn an_authority_that_cannot_be_one_is_told() {
    let run = run_with(|made| {
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        fs::write(made.path("ca.pem"), pem).unwrap();
    });
    run.says(66, "/ca.pem: holds a certificate that cannot be an authority", "pki inspect");
}
