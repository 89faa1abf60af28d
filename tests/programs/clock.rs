//! The wall clock jumps by hours while the program runs: nobody is banned, freed or cut by it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tests::peer::{call, cookie_of};
use tests::program::{Gated, have};
use tests::scene::entry;
use tests::{Authority, Peer, Scene, SceneOptions, wait};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tsmgate_wire::Answer;

use crate::stage::{PLAIN, config, peer, stage};

/// Whom the tests ban.
const BANNED: &str = "127.0.7.1";

/// The library that moves clocks, where there is one.
pub fn library() -> Option<PathBuf> {
    if !have("faketime", "faketime") {
        return None;
    }
    let folders = std::fs::read_dir("/usr/lib").unwrap().map(|found| found.unwrap().path());
    let library = folders
        .chain(["/usr/lib".into(), "/usr/local/lib".into()])
        .map(|folder| folder.join("faketime/libfaketime.so.1"))
        .find(|path| path.exists());
    Some(library.expect("faketime is there without its library"))
}

/// The program with a clock that the file `clock` moves.
fn with_clock(scene: &Scene, library: &Path) -> Gated {
    scene.write("clock", "+0\n", 0o644);
    let file = scene.path("clock");
    let environment = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    Gated::start(&config(scene), PLAIN, &environment)
}

/// How far the program's clock is from ours, by its newest record.
fn shift(scene: &Scene) -> time::Duration {
    let records = scene.audit();
    let stamp = records.last().unwrap()["@timestamp"].as_str().unwrap();
    OffsetDateTime::parse(stamp, &Rfc3339).unwrap() - OffsetDateTime::now_utc()
}

/// Whether the gate answers at all.
async fn answers(peer: &Peer) -> bool {
    peer.login().await.is_ok()
}

async fn nothing_changes_when_the_clock_jumps(by: &str, hours: i64) {
    let Some(library) = library() else { return };
    let slow =
        entry("slow", "[\"login\"]") + "limits = { logins = { per_minute = 1, burst = 1 } }\n";
    let rest = SceneOptions::default().rest + &slow;
    let scene = stage(SceneOptions { rest, ..SceneOptions::default() }).await;
    let gated = with_clock(&scene, &library);
    let client = peer(&scene, &gated, "jump01");
    let mut open = client.connect().await.unwrap();
    cookie_of(call(&mut open, 1).await.unwrap());
    let over_rate = peer(&scene, &gated, "slow");
    over_rate.cookie().await;

    let honest = client.clone().from(BANNED);
    let nobody = Peer::new(gated.address(), &scene.authority.pem(), None).from(BANNED);
    let begun = Instant::now();
    for _ in 0..4 {
        nobody.refusal().await;
    }
    wait::until("the ban", || async { scene.records("ban").pop() }).await;
    assert!(!answers(&honest).await, "not banned");

    scene.write("clock", by, 0o644);
    cookie_of(call(&mut open, 2).await.unwrap());
    let moved = shift(&scene) - time::Duration::hours(hours);
    assert!(moved.abs() < time::Duration::MINUTE, "the clock is off by {moved}");
    client.cookie().await;
    let Answer::Exception(exception) = over_rate.login().await.unwrap() else {
        panic!("the rate was reset by the clock");
    };
    assert!(exception.message.starts_with("over_limit; retry in "), "{}", exception.message);
    let seconds: Vec<_> = exception.message.split(' ').collect();
    assert!(seconds[3].parse::<u64>().unwrap() <= 60, "{}", exception.message);
    assert!(!answers(&honest).await, "the clock ended the ban");

    // four bad handshakes are 20 s, less what has run off in between
    let most = Duration::from_secs(25);
    while !answers(&honest).await {
        assert!(begun.elapsed() < most, "the clock made the ban longer");
        tokio::task::yield_now().await;
    }
    assert!(begun.elapsed() > Duration::from_secs(14), "the ban took {:?}", begun.elapsed());
    cookie_of(call(&mut open, 3).await.expect("the open connection was cut"));
    assert!(!scene.audit().iter().any(|line| line["event.reason"] == "certificate_expired"));
    scene.verify();
}

/// R56b: six hours forward: open connections, bans and rates go on as if nothing had happened
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_forward_changes_nothing() {
    nothing_changes_when_the_clock_jumps("+6h\n", 6).await;
}

/// R56b: and six hours back
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_back_changes_nothing() {
    nothing_changes_when_the_clock_jumps("-6h\n", -6).await;
}

/// Who is there when the clock jumps two hours ahead: one whose certificate ends in one, one whose does
/// not.
async fn cut_by_the_jump(
    tls: &str,
    list: Option<String>,
    authority: Authority,
) -> Option<Vec<String>> {
    let library = library()?;
    let rest = SceneOptions::default().rest + &entry("other", "[\"login\"]");
    let files = list.map(|list| ("clients.crl".to_owned(), list)).into_iter().collect();
    let options = SceneOptions { rest, files, tls: tls.into(), ..SceneOptions::default() };
    let scene = Scene::prepare(tempfile::tempdir().unwrap(), authority, &options).await;
    let gated = with_clock(&scene, &library);
    let in_an_hour = OffsetDateTime::now_utc() + time::Duration::HOUR;
    let short = scene.authority.client_with("jump01", |params| params.not_after = in_an_hour);
    let short = Peer::new(gated.address(), &scene.authority.pem(), Some(&short));
    let mut open = short.connect().await.unwrap();
    let mut stays = peer(&scene, &gated, "other").connect().await.unwrap();
    cookie_of(call(&mut open, 1).await.unwrap());
    cookie_of(call(&mut stays, 1).await.unwrap());
    scene.write("clock", "+2h\n", 0o644);
    let begun = Instant::now();
    let (bytes, _) = tests::peer::rest(&mut open).await;
    assert!(bytes.is_empty());
    assert!(begun.elapsed() < Duration::from_secs(3), "cut after {:?}", begun.elapsed());
    gated.line_with("the clock was set");
    let stayed = call(&mut stays, 2).await.is_ok();
    assert_eq!(stayed, tls.is_empty());
    let expected = if stayed { 1 } else { 2 };
    let cuts = wait::until("the records", || async {
        let cuts = scene.records("cut");
        (cuts.len() == expected).then_some(cuts)
    });
    let mut codes: Vec<_> =
        cuts.await.iter().map(|cut| cut["event.reason"].as_str().unwrap().to_owned()).collect();
    codes.sort();
    scene.verify();
    Some(codes)
}

/// R11, R56b: a jump past the end of a certificate cuts its connection, and no other
#[tokio::test(flavor = "multi_thread")]
async fn a_jump_past_the_end_of_a_certificate_cuts() {
    let cut = cut_by_the_jump("", None, Authority::new("tests")).await;
    if let Some(cut) = cut {
        assert_eq!(cut, ["certificate_expired"]);
    }
}

/// R11, R56b: a jump past the end of a revocation list cuts all connections of its issuer
#[tokio::test(flavor = "multi_thread")]
async fn a_jump_past_the_end_of_a_list_cuts() {
    let authority = Authority::new("tests");
    let now = OffsetDateTime::now_utc();
    let (this, next) = (now - time::Duration::HOUR, now + time::Duration::HOUR);
    let list = authority.revocation_list_of(&[], this, next);
    let tls = "revocation_list = \"clients.crl\"";
    if let Some(cut) = cut_by_the_jump(tls, Some(list), authority).await {
        assert_eq!(cut, ["certificate_expired", "revocation_list_expired"]);
    }
}
