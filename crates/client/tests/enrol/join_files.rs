//! What is on this host already when it joins, and tokens that cannot work: nothing is sent.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::rig::{Home, Service, life, run};

fn sent_nothing(service: &Service) {
    assert!(service.asked().is_empty(), "{:?}", service.asked());
}

#[test]
fn a_damaged_token_says_so_before_anything_is_sent() {
    let (home, service) = (Home::new(), Service::start());
    let token = service.token(60).to_string();
    let mut flipped = token.clone().into_bytes();
    flipped[40] ^= 1;
    let flipped = String::from_utf8(flipped).unwrap();
    for (text, what) in [
        (&token[..token.len() - 3], "damaged or incomplete"),
        (&flipped, "damaged or incomplete"),
        ("something else", "this is no token"),
        ("", "this is no token"),
    ] {
        let run = run(&mut home.command(["join"]), text);
        run.says(65, what, "the whole line that `tsmgate pki invite NAME` printed");
        assert!(text.is_empty() || !run.talk.contains(text), "{run:?}");
    }
    let run = home.run(&["join", &token[..90], &token[90..]]);
    run.says(64, "an argument that the command does not take", "");
    assert!(!run.talk.contains(&token[90..]), "{run:?}");
    sent_nothing(&service);
    assert!(!home.folder().exists(), "and nothing was made");
}

#[test]
fn an_expired_token_says_until_when_it_was_good() {
    let (home, service) = (Home::new(), Service::start());
    let token = service.token(-3600);
    let until = tsmgate_pki::time_text(token.not_after);
    let run = home.join(&token, &[]);
    run.says(65, &format!("was good until {until}"), "`tsmgate pki invite jump01 …`");
    assert!(run.talk.contains("this host's clock says 20"), "{run:?}");
    sent_nothing(&service);
}

/// R48: a key that is there is never written over
#[test]
fn a_key_that_cannot_be_ours_stays_as_it_is() {
    let service = Service::start();
    let token = service.token(60);
    let good = rcgen::KeyPair::generate().unwrap().serialize_pem();
    for (text, mode, what) in [
        ("no key", 0o600, "is not a private key"),
        (&*good, 0o644, "open to other users"),
        ("", 0o600, "is not a private key"),
    ] {
        let home = Home::new();
        home.put("key.pem", text, mode);
        home.join(&token, &[]).says(66, what, "");
        assert_eq!(home.read("key.pem"), text);
    }
    let home = Home::new();
    home.put("other", "", 0o600);
    std::os::unix::fs::symlink("/nowhere/key", home.file("key.pem")).unwrap();
    home.join(&token, &[]).says(66, "key.pem", "");
    assert!(home.file("key.pem").is_symlink());
    sent_nothing(&service);
}

#[test]
fn a_key_that_is_there_is_used_and_its_folder_must_be_ours_alone() {
    let service = Service::start();
    let home = Home::new();
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    home.put("key.pem", &key, 0o600);
    let folder = home.file("key.pem").parent().unwrap().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o750)).unwrap();
    let token = service.token(60);
    home.join(&token, &[]).says(66, "accessible to group or others", "chmod 700");
    sent_nothing(&service);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    home.join(&token, &[]).good();
    assert_eq!(home.read("key.pem"), key);
}

#[test]
fn another_client_and_another_profile_are_left_alone() {
    let service = Service::start();
    let (home, token) = (Home::new(), service.token(60));
    home.joined(&service, -1..24);
    let key = rcgen::KeyPair::generate().unwrap();
    home.put("cert.pem", &service.authority.client("other", &key, life(-1..24)), 0o644);
    home.join(&token, &[]).says(66, "is the certificate of another client, other", "--name");

    let home = Home::new();
    home.run(&["profile", "add", "jump01", "--gate", "old.example.com"]).good();
    let before = home.configuration();
    home.join(&token, &[]).says(64, "there is a profile jump01", "nothing was sent");
    assert_eq!(home.configuration(), before);
    sent_nothing(&service);
    let elsewhere = home.folder().join("elsewhere");
    let folder = elsewhere.to_str().unwrap();
    home.join(&token, &["--name", "prod", "--folder", folder]).good();
    assert!(home.configuration().contains(&format!("{folder}/key.pem")));
}

#[test]
fn a_host_whose_certificate_ended_gets_in_again_with_its_key() {
    let (home, service) = (Home::new(), Service::start());
    home.joined(&service, -48..-24);
    let key = home.read("key.pem");
    home.run(&["renew"]).says(71, "ended", "`tsmgate pki invite jump01 …` on the TSM host");
    sent_nothing(&service);
    // the profile names its files as the configuration file does, and is the same one
    home.join(&service.token(60), &[]).good();
    assert_eq!(home.read("key.pem"), key);
    home.run(&["renew", "--if-needed"]).code.filter(|code| *code == 1).unwrap();
}

#[test]
fn a_profile_of_the_command_line_is_none_of_a_new_one() {
    let service = Service::start();
    let run = Home::new().join(&service.token(60), &["--profile", "prod"]);
    run.says(64, "join makes a profile, and takes none", "--name");
    sent_nothing(&service);
}
