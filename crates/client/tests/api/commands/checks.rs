//! What is checked before anything is sent, on the command line: errors end it, the rest is told and goes on.

use super::{Lane, end};

fn enable(lane: &Lane, key: &str, more: &[&str]) -> Vec<String> {
    let path = |name: &str| lane.gate.certificates.path(name).display().to_string();
    let mut line: Vec<String> =
        ["security", "external-ssl", "enable"].iter().map(|word| (*word).to_owned()).collect();
    line.extend(["--cert-file".to_owned(), path("server.pem")]);
    line.extend(["--key-file".to_owned(), path(key)]);
    line.extend(more.iter().map(|word| (*word).to_owned()));
    line
}

fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

#[test]
fn an_error_ends_it_before_anything_is_sent_unless_nobody_is_to_look() {
    let lane = Lane::of(&[end(0)]);
    let run = lane.run(&words(&enable(&lane, "client.key", &[])));
    run.says(65, "is not the key of the certificate, CN=server", "give the key for which");
    // what else was found is told too
    assert!(run.talk.contains("tsmgate: warning: --cert-file"), "{run:?}");
    let dry = lane.run(&words(&enable(&lane, "client.key", &["--dry-run"])));
    dry.says(65, "is not the key of the certificate", "");
    assert!(lane.lines().is_empty());
    let run = lane.run(&words(&enable(&lane, "client.key", &["--no-check"])));
    assert!(!run.talk.contains("warning"), "{run:?}");
    run.good();
    assert_eq!(lane.orders().len(), 1);
}

#[test]
fn warnings_and_notes_are_told_and_it_goes_on() {
    let lane = Lane::of(&[end(0)]);
    let run = lane.run(&words(&enable(&lane, "server.key", &["--protocols", "all -SSLv3"])));
    for said in [
        "tsmgate: warning: --cert-file ",
        "server.pem is not named *.crt",
        "server.pem expires in 0 days",
        "tsmgate: note: --protocols allows TLSv1 and TLSv1.1",
    ] {
        assert!(run.talk.contains(said), "{said:?} in {run:?}");
    }
    assert_eq!(run.good(), "");
}
