//! Joining as it should go: what is sent, what is kept, what is said; and going on after an answer that got lost.

use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertificateSigningRequestParams, PublicKeyData};
use serde_json::Value;

use crate::rig::{Asked, Home, Reply, Service, WHO, mode};

/// The public key of a request.
pub(crate) fn key_of(asked: &Asked) -> Vec<u8> {
    let request = asked.body["request"].as_str().unwrap();
    CertificateSigningRequestParams::from_pem(request).unwrap().public_key.der_bytes().to_vec()
}

/// R48: the key is made on the client, for its owner alone, and only its public half is sent
#[test]
fn a_token_becomes_a_key_a_certificate_and_a_profile() {
    let (home, service) = (Home::new(), Service::start());
    let token = service.token(3600);
    let run = home.join(&token, &[]);
    let said = run.talk.clone();
    let out = run.good();

    let asked = service.asked();
    let lines: Vec<_> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(lines, ["POST /v1/join", "GET /v1/whoami"]);
    let first = &asked[0].body;
    assert_eq!(first["name"], "jump01");
    assert_eq!(first["secret"], **token.secret.to_text());
    assert_eq!(first.as_object().unwrap().len(), 3);
    assert!(asked[0].client.is_none(), "there is none yet");
    assert!(asked[1].client.is_some());
    let request = first["request"].as_str().unwrap();
    let request = CertificateSigningRequestParams::from_pem(request).unwrap();
    assert!(request.params.subject_alt_names.is_empty());
    assert_eq!(request.params.distinguished_name.iter().count(), 0);

    assert_eq!(mode(&home.folder()), 0o700);
    assert_eq!(mode(home.file("key.pem").parent().unwrap()), 0o700);
    assert_eq!(mode(&home.file("key.pem")), 0o600);
    for file in ["cert.pem", "ca.pem", "authority.pem"] {
        assert_eq!(mode(&home.file(file)), 0o644, "{file}");
    }
    let key = rcgen::KeyPair::from_pem(&home.read("key.pem")).unwrap();
    assert_eq!(key.der_bytes(), request.public_key.der_bytes());
    assert_eq!((home.read("ca.pem"), home.read("authority.pem")), {
        let pem = service.authority.pem.clone();
        (pem.clone(), pem)
    });

    let address = service.address();
    let path = |file: &str| home.file(file).display().to_string();
    let wanted = format!(
        "current = \"jump01\"\n\n[profile.jump01]\ngate = \"{address}\"\nca = \"{}\"\ncert = \"{}\"\n\
         key = \"{}\"\nauthority = \"{address}\"\nauthority_ca = \"{}\"\n",
        path("ca.pem"),
        path("cert.pem"),
        path("key.pem"),
        path("authority.pem")
    );
    assert_eq!(home.configuration(), wanted);

    for part in ["made a key", "gave a certificate", "profile jump01 in", ", the current one"] {
        assert!(said.contains(part), "{part} in {said:?}");
    }
    for part in [
        "client       jump01\n",
        "roles        operator, login\n",
        "permissions  status.read, login\n",
        "networks     127.0.0.0/8\n",
        "certificate  until 20",
        "enable --now tsmgate-renew-client.timer\n",
    ] {
        assert!(out.contains(part), "{part} in {out:?}");
    }
}

#[test]
fn the_answer_as_json_has_all_of_it() {
    let (home, service) = (Home::new(), Service::start());
    let out = home.join(&service.token(60), &["--json", "--name", "prod", "-"]).good();
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["client"], "jump01");
    assert_eq!(answer["profile"], "prod");
    assert_eq!(answer["current"], true);
    assert_eq!(answer["folder"], home.folder().join("prod").display().to_string());
    assert_eq!(answer["authority"], service.address());
    assert_eq!(answer["permissions"][1], "login");
    let days = |name: &str| answer[name].as_str().unwrap()[..10].to_owned();
    assert!(days("not_before") < days("renewed_from") && days("renewed_from") < days("not_after"));
}

#[test]
fn the_token_may_be_an_argument_and_another_profile_stays_the_current_one() {
    let (home, service) = (Home::new(), Service::start());
    home.run(&["profile", "add", "old", "--gate", "old.example.com"]).good();
    let token = service.token(60).to_string();
    let run = home.run(&["join", &token]);
    assert!(!format!("{run:?}").contains(&token[20..]), "{run:?}");
    assert!(run.talk.starts_with("tsmgate: warning: a token in the command line"), "{run:?}");
    run.good();
    let configuration = home.configuration();
    assert!(configuration.starts_with("current = \"old\"\n"), "{configuration}");
    assert!(configuration.contains("[profile.jump01]"), "{configuration}");
    home.run(&["profile", "show", "jump01"]).good();
}

/// R48: an answer that got lost costs no second key, and none is written over
#[test]
fn a_repeated_join_asks_with_the_same_key() {
    let service = Service::scripted({
        let joins = AtomicUsize::new(0);
        move |_, asked| {
            let is_first =
                asked.line.ends_with("join") && joins.fetch_add(1, Ordering::SeqCst) == 0;
            is_first.then_some(Reply::Close)
        }
    });
    let (home, token) = (Home::new(), service.token(60));
    let lost = home.join(&token, &[]);
    lost.says(70, "ended before its answer was here", "give the same command again");
    let key = home.read("key.pem");
    assert!(!home.file("cert.pem").exists());
    assert!(!home.folder().join("config.toml").exists());
    let run = home.join(&token, &[]);
    assert!(run.talk.contains("is there already, and is used"), "{run:?}");
    run.good();
    assert_eq!(home.read("key.pem"), key);
    let asked = service.asked();
    assert_eq!(key_of(&asked[0]), key_of(&asked[1]));
    // and once more, as whoever is not sure does
    home.join(&token, &[]).good();
    assert_eq!(home.read("key.pem"), key);
}

#[test]
fn a_gate_that_does_not_know_the_client_yet_is_asked_again() {
    let service = Service::scripted({
        let looks = AtomicUsize::new(0);
        move |_, asked| {
            let is_look = asked.line == "GET /v1/whoami";
            (is_look && looks.fetch_add(1, Ordering::SeqCst) < 2).then_some(Reply::Close)
        }
    });
    let out = Home::new().join(&service.token(60), &[]).good();
    assert!(out.contains("permissions  status.read, login"), "{out}");
    assert_eq!(service.asked().len(), 4);
}

#[test]
fn a_gate_that_refuses_leaves_everything_in_place_and_says_what_to_do() {
    let service = Service::scripted(|_, asked| {
        (asked.line == "GET /v1/whoami").then(|| Reply::Json(502, WHO.to_owned()))
    });
    let home = Home::new();
    let run = home.join(&service.token(60), &[]);
    run.says(69, "502", "the certificate is in place: `tsmgate whoami --profile jump01`");
    assert!(run.out.contains("client       jump01\n"), "{run:?}");
    assert!(home.read("cert.pem").contains("BEGIN CERTIFICATE"));
    assert!(home.configuration().contains("[profile.jump01]"));
}
