//! What is kept, and for how long it is good.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::{Duration, SystemTime};

use super::{Kept, MOST, Stage, text};
use crate::cache::Wanted;
use crate::system::clock::since_boot;
use crate::{Cookie, Login, Secret};

fn login(username: &str, value: &str) -> Login {
    let cookie = Cookie::new("AUTH_COOKIE".into(), Secret::new(value.into()), 7200).unwrap();
    Login { username: username.into(), cookie, asked: SystemTime::now() }
}

/// R64: a session is served until nine tenths of its time, and renewed from three quarters on
#[test]
fn the_stages_of_a_session() {
    let (asked, hour) = (Duration::from_secs(500), Duration::from_secs(3600));
    let at = |part: u32| Stage::of(asked, 3600, asked + hour * part / 1000);
    for (part, stage) in [
        (0, Stage::Young),
        (749, Stage::Young),
        (750, Stage::Ageing),
        (899, Stage::Ageing),
        (900, Stage::Over),
        (1000, Stage::Over),
        (9000, Stage::Over),
    ] {
        assert_eq!(at(part), stage, "{part}");
    }
    // asked for in the future: of another clock
    assert_eq!(Stage::of(asked, 3600, Duration::from_secs(499)), Stage::Over);
}

#[test]
fn what_is_kept_is_read_back_whatever_the_peer_calls_its_user() {
    for username in ["tsmsvc", "", "with \"quotes\"\n\u{1b}[1m and ü", &"\u{1}".repeat(16_000)] {
        let asked = since_boot();
        let value = "/w+e=".repeat(3000);
        let written = text(&login(username, &value), asked);
        assert!(written.len() < MOST);
        let kept = Kept::read(written.as_bytes()).unwrap().unwrap();
        assert_eq!((kept.asked, kept.username.as_str()), (asked, username));
        assert_eq!(kept.cookie.value().expose(), value);
    }
}

#[test]
fn what_was_asked_for_counts() {
    let began = since_boot();
    let kept = Kept::read(text(&login("u", "SECRET"), began).as_bytes()).unwrap().unwrap();
    let later = began + Duration::from_secs(1);
    assert!(kept.satisfies(Wanted::Good, later));
    assert!(kept.satisfies(Wanted::Fresh, began) && !kept.satisfies(Wanted::Fresh, later));
    assert!(!kept.satisfies(Wanted::InsteadOf(&Secret::new("SECRET".into())), began));
    assert!(kept.satisfies(Wanted::InsteadOf(&Secret::new("other".into())), later));
}

#[test]
fn what_is_damaged_or_of_another_version_is_not_read() {
    let good = text(&login("u", "SECRET"), since_boot());
    assert!(Kept::read(good.as_bytes()).is_ok_and(|kept| kept.is_some()));
    for (from, to) in [
        ("\"version\":1", "\"version\":2"),
        ("SECRET", "SEC RET"),
        ("SECRET", ""),
        ("7200", "-1"),
        ("7200", "0"),
        ("7200", "99999999999"),
        ("}", ",\"more\":1}"),
        ("}", ""),
        ("\"boot\"", "\"foot\""),
    ] {
        let bad = good.replace(from, to);
        assert!(Kept::read(bad.as_bytes()).is_err(), "{bad}");
    }
    // another run of the system: nothing is wrong with it, and it means nothing
    let other = good.replace("\"boot\":\"", "\"boot\":\"0");
    assert!(Kept::read(other.as_bytes()).is_ok_and(|kept| kept.is_none()));
}
