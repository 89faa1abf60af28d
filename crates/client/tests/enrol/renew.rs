//! Renewing as it should go: when, with which key, in one step, one run at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rcgen::{KeyPair, PublicKeyData};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::join::key_of;
use crate::rig::{Home, Service, mode};

fn quiet(home: &Home, arguments: &[&str], code: i32) {
    let run = home.run(arguments);
    assert_eq!((run.code, &*run.out, &*run.talk), (Some(code), "", ""), "{run:?}");
}

#[test]
fn the_next_certificate_is_of_the_same_key_and_in_the_place_of_the_old_one() {
    let (home, service) = (Home::new(), Service::start());
    home.joined(&service, -20 * 24..24);
    let (key, old) = (home.read("key.pem"), home.read("cert.pem"));
    let out = home.run(&["renew"]).good();
    assert!(out.starts_with("jump01: renewed, good until 20"), "{out}");
    assert_eq!(out.lines().count(), 1);
    assert_ne!(home.read("cert.pem"), old);
    assert_eq!(home.read("key.pem"), key);
    assert_eq!(mode(&home.file("cert.pem")), 0o644);
    let asked = service.asked();
    assert_eq!(asked[0].line, "POST /v1/renew");
    assert_eq!(asked[0].body.as_object().unwrap().len(), 1);
    assert_eq!(key_of(&asked[0]), KeyPair::from_pem(&key).unwrap().der_bytes());
    assert_eq!(asked[0].client, Some(CertificateDer::from_pem_slice(old.as_bytes()).unwrap()));
    home.run(&["whoami"]).good();
}

#[test]
fn what_is_not_due_is_left_alone_quietly() {
    let (home, service) = (Home::new(), Service::start());
    // of thirty days eleven are left: due with ten left at the earliest
    home.joined(&service, -19 * 24..11 * 24);
    quiet(&home, &["renew", "--if-needed"], 1);
    quiet(&home, &["renew", "--if-needed", "--all"], 1);
    assert!(service.asked().is_empty());
    // with eight and a half left at the latest
    home.joined(&service, -22 * 24..8 * 24);
    assert!(home.run(&["renew", "--if-needed"]).good().starts_with("jump01: renewed"));
    quiet(&home, &["renew", "--if-needed"], 1);
}

#[test]
fn all_that_joined_are_renewed_and_named_ones_alone() {
    let (home, service) = (Home::new(), Service::start());
    quiet(&home, &["renew", "--all"], 1);
    home.joined(&service, -20 * 24..24);
    home.run(&["profile", "add", "old", "--gate", "old.example.com"]).good();
    let out = home.run(&["renew", "--all"]).good();
    assert_eq!(out.lines().count(), 1, "{out}");
    home.run(&["renew", "--profile", "old"]).says(
        64,
        "profile old has no authority",
        "tsmgate join",
    );
    home.run(&["renew", "--all", "--profile", "old"]).says(64, "--all does not go with", "");
    home.joined(&service, -20 * 24..24);
    home.run(&["renew", "--profile", "jump01"]).good();
    let nobody = Home::new();
    nobody.run(&["renew"]).says(64, "no profile is the current one", "tsmgate join");
}

#[test]
fn a_profile_can_be_told_where_it_is_renewed() {
    let (home, service) = (Home::new(), Service::start());
    home.joined(&service, -20 * 24..24);
    let path = |name: &str| home.file(name).display().to_string();
    let address = service.address();
    let arguments = [
        "profile",
        "add",
        "by-hand",
        "--gate",
        &address,
        "--authority",
        &address,
        "--authority-ca",
        &path("authority.pem"),
        "--ca",
        &path("ca.pem"),
        "--cert",
        &path("cert.pem"),
        "--key",
        &path("key.pem"),
    ];
    home.run(&arguments).good();
    let shown = home.run(&["profile", "show", "by-hand"]).good();
    assert!(shown.contains(&format!("authority            {address}\n")), "{shown}");
    assert!(home.run(&["renew", "--profile", "by-hand"]).good().starts_with("by-hand: renewed"));
    home.run(&["profile", "add", "half", "--gate", "x", "--authority", "y"]).says(
        64,
        "--authority-ca",
        "",
    );
}

#[test]
fn a_reader_never_finds_half_of_it() {
    let (home, service) = (Home::new(), Service::start());
    home.joined(&service, -20 * 24..24);
    let done = Arc::new(AtomicBool::new(false));
    let reader = thread::spawn({
        let (file, done) = (home.file("cert.pem"), Arc::clone(&done));
        move || {
            let mut seen = Vec::new();
            while !done.load(Ordering::SeqCst) {
                let pem = std::fs::read(&file).unwrap();
                let all = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
                assert_eq!(all.unwrap().len(), 2);
                if seen.last() != Some(&pem) {
                    seen.push(pem);
                }
            }
            seen.len()
        }
    });
    // each one has to end a second later than the one before
    let mut renewed = 0;
    while renewed < 3 {
        renewed += i32::from(home.run(&["renew"]).code == Some(0));
    }
    done.store(true, Ordering::SeqCst);
    assert!(reader.join().unwrap() >= 2);
    let folder = home.file("cert.pem").parent().unwrap().to_owned();
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 4, "nothing is left behind");
}

#[test]
fn of_several_at_once_one_renews_and_the_others_see_that() {
    let (home, service) = (Home::new(), Service::start());
    home.joined(&service, -20 * 24..24);
    let children: Vec<_> = (0..5)
        .map(|_| {
            let mut command = home.command(["renew", "--if-needed"]);
            command.stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    let codes = children.into_iter().map(|mut child| child.wait().unwrap().code().unwrap());
    let mut codes: Vec<_> = codes.collect();
    codes.sort_unstable();
    assert_eq!(codes, [0, 1, 1, 1, 1]);
    assert_eq!(service.asked().len(), 1);
}
