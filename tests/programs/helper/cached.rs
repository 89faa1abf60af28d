//! Whose session it is, how long it is good, who asks for it, and how it ends.

use std::process::Stdio;
use std::time::Duration;

use tests::program::have;
use tests::{SceneOptions, wait};
use tsmsim::Behaviour;

use super::{Helper, mode};
use crate::stage::told;

/// R64: many processes at once: one asks the gate, the others take its session
#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_one_login() {
    let helper = Helper::start().await;
    // so slow that all of them wait for the first
    helper.scene.tsm.behave(Behaviour::Delay(Duration::from_millis(300)));
    let children: Vec<_> = (0..6)
        .map(|_| {
            let mut command = helper.command(&["login", "--cache"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut seen: Vec<_> = children
        .into_iter()
        .map(|child| told(&child.wait_with_output().unwrap()))
        .map(|(code, out, err)| {
            assert_eq!(code, 0, "{err}");
            out
        })
        .collect();
    seen.dedup();
    assert_eq!(seen.len(), 1, "one session for all");
    assert_eq!(helper.logins(), 1);
    let records = helper.scene.records("login");
    assert_eq!(records.len(), 2, "one intent and one outcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_kept_for_the_next_and_a_fresh_one_takes_its_place() {
    let helper = Helper::start().await;
    let (first, _) = helper.login(&[]);
    assert_eq!(helper.login(&["--format", "value"]).0, first);
    assert_eq!(helper.logins(), 1);
    let (second, _) = helper.login(&["--fresh"]);
    assert_ne!(second, first);
    assert_eq!(helper.login(&[]).0, second);
    // without the cache it is as it ever was
    let (code, third, _) = told(&helper.run(&["login"]));
    assert!(code == 0 && third.trim() != second);
    assert_eq!(helper.login(&[]).0, second);
    assert_eq!(helper.logins(), 3);
    let (json, _) = helper.login(&["--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(json["value"] == second && json["expiry"].as_str().unwrap().ends_with('Z'), "{json}");
}

/// R39: folder and files are their owner's alone under any umask, and no name tells anything
#[tokio::test(flavor = "multi_thread")]
async fn the_files_are_the_owners_alone() {
    let helper = Helper::start().await;
    for umask in ["0", "022", "777"] {
        let _ = std::fs::remove_dir_all(helper.room());
        let shell = format!("umask {umask}; exec \"$@\"");
        let output = helper.in_front(&["sh", "-c", &shell, "sh"], &["login", "--cache"]).output();
        let (code, cookie, err) = told(&output.unwrap());
        assert_eq!(code, 0, "umask {umask}: {err}");
        assert_eq!(helper.login(&[]).0, cookie.trim(), "umask {umask}");
        assert_eq!(mode(&helper.room()), 0o700);
        let files = super::files(&helper.room());
        assert_eq!(files.len(), 2, "a session and its lock: {files:?}");
        for file in files {
            assert_eq!(mode(&file), 0o600, "{file:?}");
            assert!(!file.to_string_lossy().contains(cookie.trim()));
        }
    }
}

/// R64: the wall clock may jump as it likes: a session neither lives longer nor ends by that
#[tokio::test(flavor = "multi_thread")]
async fn the_wall_clock_decides_nothing() {
    if !have("faketime", "faketime") {
        return;
    }
    let helper = Helper::start().await;
    let (cookie, _) = helper.login(&[]);
    let at = |jump: &str| {
        let output = helper.in_front(&["faketime", "-f", jump], &["login", "--cache"]).output();
        let (code, out, err) = told(&output.unwrap());
        assert_eq!(code, 0, "{jump}: {err}");
        (out.trim().to_owned(), err)
    };
    for jump in ["+3h", "+300d", "-3h", "-300d"] {
        assert_eq!(at(jump).0, cookie, "{jump}");
    }
    assert_eq!(helper.logins(), 1);
    // what a person is told is by the clock that the person sees
    let year = |text: &str| text.split_once("until ").unwrap().1.get(..4).unwrap().to_owned();
    assert_ne!(year(&at("+800d").1), year(&at("+0d").1));
    helper.age(95);
    assert_ne!(at("-3h").0, cookie, "a session that is over stays over");
}

/// R64: a cookie is kept for nine tenths of its time at most, by the time that TSM gives it
#[tokio::test(flavor = "multi_thread")]
async fn a_short_session_is_replaced_in_time() {
    let session_life = Duration::from_secs(2);
    let helper =
        Helper::with(SceneOptions { session_life, ..SceneOptions::api("[\"login\"]") }).await;
    let (first, _) = helper.login(&[]);
    wait::until_blocking("another session", || {
        let (cookie, _) = helper.login(&[]);
        assert!(helper.scene.api().is_open(&cookie), "a dead session was served");
        (cookie != first).then_some(())
    });
}

/// R64: from three quarters on a new one is asked for; where the gate is away the old one goes on to nine tenths
#[tokio::test(flavor = "multi_thread")]
async fn an_ageing_session_is_renewed_or_goes_on() {
    let mut helper = Helper::start().await;
    let (first, _) = helper.login(&[]);
    helper.age(70);
    assert_eq!(helper.login(&[]).0, first);
    helper.age(10);
    let (second, said) = helper.login(&[]);
    assert!(second != first && !said.contains("cached"), "{said}");
    let port = helper.gated.address();
    helper.stop_gate();
    assert_eq!(helper.login(&[]).0, second);
    helper.age(80);
    let (still, said) = helper.login(&[]);
    assert_eq!(still, second);
    assert!(
        said.contains("the cached session goes on for now; no newer one: cannot reach"),
        "{said}"
    );
    helper.age(15);
    let (code, out, err) = told(&helper.run(&["login", "--cache"]));
    assert_eq!((code, out.as_str()), (70, ""), "{err}");
    assert!(err.contains(&format!("cannot reach {port}")), "{err}");
    // and no --fresh is answered with an old one
    helper.age(0);
    assert_eq!(told(&helper.run(&["login", "--cache", "--fresh"])).0, 70);
}

/// A refusal is no absence: nobody is served an old session after one.
#[tokio::test(flavor = "multi_thread")]
async fn an_ageing_session_is_not_served_after_a_refusal() {
    let helper = Helper::start().await;
    helper.login(&[]);
    helper.scene.edit("roles = [\"login\", \"monitor\"]", "roles = [\"monitor\"]");
    helper.gated.signal(nix::sys::signal::Signal::SIGHUP);
    wait::until_blocking("the refusal", || {
        // until the gate has read it anew, each of them is renewed
        helper.age(80);
        let (code, out, _) = told(&helper.run(&["login", "--cache"]));
        (code == 77 && out.is_empty()).then_some(())
    });
}

/// Another certificate, another authority's name, another gate: another session.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_the_session_of_another_certificate() {
    let helper = Helper::start().await;
    let (first, _) = helper.login(&[]);
    helper.become_client("jump01");
    let (second, _) = helper.login(&[]);
    assert_ne!(first, second);
    helper.become_client("stranger");
    let (code, out, err) = told(&helper.run(&["login", "--cache"]));
    assert_eq!((code, out.as_str()), (71, ""), "{err}");
    assert_eq!(helper.kept().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_ends_the_cached_session_and_empties_the_cache() {
    let mut helper = Helper::start().await;
    let (cookie, _) = helper.login(&[]);
    assert!(helper.scene.api().is_open(&cookie));
    let (code, out, err) = told(&helper.run(&["logout", "--cached"]));
    assert_eq!((code, out.as_str(), err.as_str()), (0, "", "tsmgate: the session is ended\n"));
    assert!(!helper.scene.api().is_open(&cookie));
    assert!(helper.kept().is_empty());
    let (code, _, err) = told(&helper.run(&["logout", "--cached"]));
    assert_eq!((code, err.as_str()), (0, "tsmgate: no session is cached for this gate\n"));
    let (_, out, _) = told(&helper.run(&["logout", "--cached", "--json"]));
    assert_eq!(out, "{\"ended\":false}\n");
    // what the gate cannot end is out of the cache all the same
    let (cookie, _) = helper.login(&[]);
    helper.stop_gate();
    let (code, _, err) = told(&helper.run(&["logout", "--cached"]));
    assert_eq!(code, 70, "{err}");
    assert!(err.contains("the cache is emptied; the session itself is not ended"), "{err}");
    assert!(err.contains("hint: ") && !err.contains(&cookie), "{err}");
    assert!(helper.kept().is_empty());
}

/// What one command ends is not served by another.
#[tokio::test(flavor = "multi_thread")]
async fn a_given_session_that_is_ended_is_cached_no_more() {
    let helper = Helper::start().await;
    let file = helper.scene.path("out");
    let (cookie, _) = helper.login(&[]);
    assert_eq!(told(&helper.run(&["login", "--cache", "--output", file.to_str().unwrap()])).0, 0);
    // another than the cached one leaves the cache alone
    helper.scene.write("other", &told(&helper.run(&["login"])).1, 0o600);
    let other = helper.scene.path("other");
    let (code, _, err) = told(&helper.run(&["logout", "--cookie-file", other.to_str().unwrap()]));
    assert_eq!((code, helper.kept().len()), (0, 1), "{err}");
    assert!(helper.scene.api().is_open(&cookie));
    let (code, _, err) = told(&helper.run(&["logout", "--cookie-file", file.to_str().unwrap()]));
    assert_eq!((code, err.as_str()), (0, "tsmgate: the session is ended\n"));
    assert!(!helper.scene.api().is_open(&cookie) && helper.kept().is_empty());
    assert_ne!(helper.login(&[]).0, cookie);
}

/// A session that is granted is given, also where the disk is full.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_cached_is_given_with_a_word() {
    let helper = Helper::start().await;
    let full = "trap '' XFSZ; ulimit -f 0; exec \"$@\"";
    let output = helper.in_front(&["sh", "-c", full, "sh"], &["login", "--cache"]).output();
    let (code, cookie, err) = told(&output.unwrap());
    assert_eq!(code, 0, "{err}");
    assert!(helper.scene.api().is_open(cookie.trim()));
    assert!(err.contains("the session is not cached: cannot write "), "{err}");
    let left = super::files(&helper.room());
    assert_eq!(left.len(), 1, "more than the lock: {left:?}");
}

/// What is not served any more is still a session, and `logout --cached` ends it as long as TSM honours it.
#[tokio::test(flavor = "multi_thread")]
async fn logout_reaches_a_session_in_its_last_tenth() {
    let helper = Helper::start().await;
    let (cookie, _) = helper.login(&[]);
    helper.age(95);
    let [file] = &helper.kept()[..] else { panic!() };
    std::fs::write(file.with_extension("new"), "half").unwrap();
    let (code, _, err) = told(&helper.run(&["logout", "--cached"]));
    assert_eq!((code, err.as_str()), (0, "tsmgate: the session is ended\n"));
    assert!(!helper.scene.api().is_open(&cookie));
    assert!(!file.with_extension("new").exists(), "half a session is left");
}

/// A certificate's renewal leaves no session behind that is over; a fresh session ends the one it replaces.
#[tokio::test(flavor = "multi_thread")]
async fn no_session_is_left_that_nobody_reaches() {
    let helper = Helper::start().await;
    helper.login(&[]);
    helper.age(101);
    helper.become_client("jump01");
    let (first, _) = helper.login(&[]);
    assert_eq!(helper.kept().len(), 1, "a session that is over is still there");
    let (second, _) = helper.login(&["--fresh"]);
    assert!(!helper.scene.api().is_open(&first), "it was replaced and lives on");
    assert!(helper.scene.api().is_open(&second));
}
