//! What runs for long takes a renewed certificate for its next connection, without a restart; and what is said of a
//! certificate that should have been renewed.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tsmgate_client::api::{Api, Own};

use crate::rig::{Home, Service};

fn certificate(home: &Home) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(home.read("cert.pem").as_bytes()).unwrap()
}

/// Waits until the service was shown this certificate last.
fn until_shown(service: &Service, wanted: &CertificateDer<'static>) {
    let until = Instant::now() + Duration::from_secs(20);
    while service.asked().last().is_none_or(|asked| asked.client.as_ref() != Some(wanted)) {
        assert!(Instant::now() < until, "it is not used");
        std::thread::yield_now();
    }
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_monitor_that_runs_shows_the_renewed_certificate() {
    let (home, service) = (Home::new(), Service::start());
    home.joined(&service, -20 * 24..24);
    let mut command = home.command(["monitor", "--interval", "100ms", "--checks", "gate"]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let _monitor = Ended(command.spawn().unwrap());
    until_shown(&service, &certificate(&home));
    home.run(&["renew"]).good();
    until_shown(&service, &certificate(&home));
}

#[test]
fn the_files_of_a_gate_are_read_for_each_connection() {
    let (home, service) = (Home::new(), Service::start());
    home.joined(&service, -20 * 24..24);
    let gate = tsmgate_client::Gate {
        address: service.address().parse().unwrap(),
        server_name: "localhost".into(),
        authority: home.file("ca.pem"),
        certificate: home.file("cert.pem"),
        private_key: home.file("key.pem"),
        bind: None,
        proxy: None,
        timeout: tsmgate_client::Gate::TIMEOUT,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut api = Api::new(gate.into());
    let mut asks = || {
        runtime.block_on(api.ask_gate(Own::WhoAmI)).unwrap();
        service.asked().last().unwrap().client.clone().unwrap()
    };
    assert_eq!(asks(), certificate(&home));
    home.run(&["renew"]).good();
    assert_eq!(asks(), certificate(&home));
}

#[test]
fn a_certificate_that_should_have_been_renewed_is_told_of_with_the_command() {
    let (home, service) = (Home::new(), Service::start());
    for (hours, word) in [(-20 * 24..24, true), (-20 * 24..10 * 24, false)] {
        home.joined(&service, hours);
        let step = home.run(&["doctor"]);
        assert_eq!(step.out.contains("`tsmgate renew` gets the next one"), word, "{step:?}");
        assert!(step.out.contains("own certificate"), "{step:?}");
    }
    for (ends, word) in [(24, true), (10 * 24, false)] {
        home.joined(&service, -20 * 24..ends);
        let run = home.run(&["whoami"]);
        assert_eq!(run.talk.contains("`tsmgate renew` gets the next one"), word, "{run:?}");
    }
    home.joined(&service, -20 * 24..-24);
    let run = home.run(&["doctor"]);
    assert!(run.out.contains("`tsmgate pki invite jump01 …` on the TSM host"), "{run:?}");
}
