//! Whom `--direct` trusts: an authority's word, or one certificate, and never nobody's.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXUPPER;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs as provider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ServerConfig, ServerConnection};
use tsmsim::ServerCertificate;

use crate::rig::{Certificates, Controller, Recipe, Run, tsmgate};

fn pin(controller: &Controller) -> String {
    let certificate = CertificateDer::from_pem_slice(controller.api().certificate().as_bytes());
    HEXUPPER.encode(digest(&SHA256, &certificate.unwrap()).as_ref())
}

fn pinned(controller: &Controller, pin: &str) -> Command {
    let mut command = tsmgate(["nodes", "--direct", &controller.url(), "--direct-pin", pin]);
    command.args(["--username", "anna"]);
    command.arg("--password-file").arg(controller.path("password"));
    command
}

fn signing_itself(names: &[&str], days: i64) -> Controller {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    Controller::with(|options| options.certificate = ServerCertificate::SelfSigned { names, days })
}

/// R63: one certificate, and no other, whatever it says of itself.
#[test]
fn a_pin_is_one_certificate_whatever_its_name_and_dates() {
    let controller = signing_itself(&["elsewhere.example.com"], -3);
    let right = pin(&controller);
    controller.run(&mut pinned(&controller, &right)).good();
    let colons: Vec<_> =
        right.as_bytes().chunks(2).map(|two| str::from_utf8(two).unwrap()).collect();
    controller.run(&mut pinned(&controller, &colons.join(":").to_lowercase())).good();

    let asked = controller.api().requests().len();
    let last = if right.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{last}", &right[..63]);
    let run = controller.run(&mut pinned(&controller, &wrong));
    run.says(76, "its certificate is not the pinned one", "on the controller's own host");
    assert_eq!(controller.api().requests().len(), asked, "nothing was asked");
}

#[test]
fn a_pin_that_is_none_is_a_matter_of_usage() {
    let controller = Controller::start();
    let right = pin(&controller);
    for wrong in [
        "",
        "00",
        "sha256",
        &right[..63],
        &format!("{right}0"),
        &format!("{right}:00"),
        &right.replace(['A', '0'], "G"),
    ] {
        let run = controller.run(&mut pinned(&controller, wrong));
        run.says(64, "not a SHA-256 of a certificate", "openssl x509");
    }
}

/// R63: what an authority did not issue, for this name and for today, is not asked anything.
#[test]
fn an_authority_vouches_for_name_and_dates() {
    let other = Certificates::of(&Recipe { authority: "other", ..Recipe::default() });
    for (controller, authority, what, hint) in [
        (
            signing_itself(&["localhost"], 9),
            Some(&other),
            "not of the given authority",
            "must hold",
        ),
        (signing_itself(&["elsewhere"], 9), None, "has another name", "it must name localhost"),
        (signing_itself(&["localhost"], -3), None, "has expired", "renew"),
    ] {
        let mut command = tsmgate(["nodes", "--direct", &controller.url(), "--username", "anna"]);
        command.arg("--password-file").arg(controller.path("password"));
        let own = controller.path("tsm.pem");
        command.arg("--direct-ca").arg(authority.map_or(own, |one| one.path("ca.pem")));
        controller.run(&mut command).says(76, what, hint);
        assert!(controller.api().requests().is_empty(), "nothing was asked");
    }
}

#[test]
fn a_certificate_of_an_authority_is_taken() {
    let made = Certificates::new();
    let read = |name: &str| fs::read_to_string(made.path(name)).unwrap();
    let certificate =
        ServerCertificate::Given { chain: read("server.pem"), key: read("server.key") };
    let controller = Controller::with(|options| options.certificate = certificate);
    let mut command = tsmgate(["nodes", "--direct", &controller.url(), "--username", "anna"]);
    command.arg("--password-file").arg(controller.path("password"));
    controller.run(command.arg("--direct-ca").arg(made.path("ca.pem"))).good();
}

/// As some tools make them: its own authority, or without any name but the old one.
#[test]
fn certificates_that_no_authority_can_vouch_for_can_be_pinned() {
    let made = |names: &[&str], is_ca: IsCa| {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let chain = params.self_signed(&key).unwrap().pem();
        ServerCertificate::Given { chain, key: key.serialize_pem() }
    };
    for (certificate, what) in [
        (made(&["localhost"], IsCa::Ca(BasicConstraints::Unconstrained)), "not a valid server"),
        (made(&[], IsCa::NoCa), "another name"),
    ] {
        let controller = Controller::with(|options| options.certificate = certificate);
        controller.ask(&["nodes"]).says(76, what, "--direct-pin");
        controller.run(&mut pinned(&controller, &pin(&controller))).good();
    }
}

/// There is no way to leave the check out.
#[test]
fn without_anything_to_check_by_nothing_is_asked() {
    let controller = Controller::start();
    let mut command = tsmgate(["nodes", "--direct", &controller.url(), "--username", "anna"]);
    command.arg("--password-file").arg(controller.path("password"));
    controller.run(&mut command).says(64, "cannot be checked", "--direct-pin with its SHA-256");
    let both =
        controller.run(controller.asked(&["nodes"]).args(["--direct-pin", &pin(&controller)]));
    both.says(64, "both --direct-ca and --direct-pin", "one of the two");
    assert!(controller.api().requests().is_empty());
    let missing = controller.run(command.args(["--direct-ca", "/no/such/file"]));
    missing.says(66, "/no/such/file: cannot be read", "path");
}

/// An old controller has nothing newer than TLS 1.2; a gate that has not is none.
#[test]
fn tls_1_2_is_for_controllers_alone() {
    let made = Certificates::new();
    let config = ServerConfig::builder_with_provider(Arc::new(provider::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(made.chain("server.pem"), made.key("server.key"))
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for tcp in listener.incoming() {
            let mut tls = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tcp = tcp.unwrap();
            while tls.is_handshaking() && tls.complete_io(&mut tcp).is_ok() {}
            let mut stream = rustls::StreamOwned::new(tls, tcp);
            let mut request = [0; 4096];
            let _ = std::io::Read::read(&mut stream, &mut request);
            let answer = b"HTTP/1.1 418 Old\r\nContent-Length: 0\r\n\r\n";
            let _ = std::io::Write::write_all(&mut stream, answer);
        }
    });
    let password = made.folder().join("client.key");
    fs::write(made.path("pw"), "x").unwrap();
    fs::set_permissions(made.path("pw"), fs::metadata(&password).unwrap().permissions()).unwrap();
    let mut direct = tsmgate(["nodes", "--direct", &format!("https://localhost:{port}")]);
    direct.arg("--direct-ca").arg(made.path("ca.pem")).args(["--username", "anna"]);
    direct.arg("--password-file").arg(made.path("pw"));
    Run::of(&mut direct).says(65, "answers 418", "");

    let mut gate = tsmgate(["nodes", "--gate", &format!("localhost:{port}")]);
    gate.arg("--ca").arg(made.path("ca.pem"));
    gate.arg("--cert").arg(made.path("client.pem")).arg("--key").arg(made.path("client.key"));
    let run = Run::of(&mut gate);
    run.says(76, "does not answer as agreed: ", "check host and port");
    assert!(!run.talk.contains("login conversation"), "{run:?}");
}
