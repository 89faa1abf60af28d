//! `POST /reload`: both ways it ends, and who goes away in the middle.

use std::sync::atomic::Ordering::SeqCst;

use tests::wait;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;
use tsmgate_server::observe::Door;

use crate::fake::{Fake, Open, Reply};

const RELOAD: &[u8] = b"POST /reload HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// R53: who asks for a reload is told how it went
#[tokio::test]
async fn a_reload_says_how_it_went() {
    let fake = Fake::new();
    let door = Open::unix(Door::Status, &fake);
    let got = door.ask("POST", "/reload").await;
    assert_eq!((got.code, &*got.body), (200, "reloaded\n"));
    *fake.outcome.lock().unwrap() = Err("tsmgated.toml:3: no such key".into());
    let got = door.ask("POST", "/reload").await;
    assert_eq!((got.code, &*got.body), (422, "tsmgated.toml:3: no such key\n"));
    assert_eq!(fake.done.load(SeqCst), 2);
}

/// R53: a reload that was begun is finished, also where nobody waits for it any more
#[tokio::test]
async fn who_goes_away_leaves_no_half_reload() {
    let fake = Fake::new();
    fake.leave.forget_permits(Semaphore::MAX_PERMITS);
    let door = Open::unix(Door::Status, &fake);
    let mut stream = door.connect().await;
    stream.write_all(RELOAD).await.unwrap();
    let begun = || async { (fake.begun.load(SeqCst) == 1).then_some(()) };
    wait::until("the reload", begun).await;
    drop(stream);
    drop(door);
    fake.leave.add_permits(1);
    let done = || async { (fake.done.load(SeqCst) == 1).then_some(()) };
    wait::until("the end of the reload", done).await;
}

/// R54: reloads run one after another, and those that many asked for meanwhile are one
#[tokio::test]
async fn a_storm_of_reloads_is_two() {
    let fake = Fake::new();
    fake.leave.forget_permits(Semaphore::MAX_PERMITS);
    let door = Open::unix(Door::Status, &fake);
    let mut streams = Vec::new();
    for number in 1..=10 {
        let mut stream = door.connect().await;
        stream.write_all(RELOAD).await.unwrap();
        streams.push(stream);
        // others are answered meanwhile, and no second one has begun
        assert_eq!(door.ask("GET", "/healthz").await.code, 200);
        let begun = || async { (fake.begun.load(SeqCst) == 1).then_some(()) };
        wait::until(&format!("the reload, and no more after {number}"), begun).await;
    }
    *fake.outcome.lock().unwrap() = Err("no such key".into());
    fake.leave.add_permits(2);
    for stream in streams {
        let got = Reply::of(stream).await;
        assert_eq!((got.code, &*got.body), (422, "no such key\n"));
    }
    assert_eq!(fake.begun.load(SeqCst), 2);
    // who asks later has one of his own
    fake.leave.add_permits(1);
    assert_eq!(door.ask("POST", "/reload").await.code, 422);
    assert_eq!(fake.begun.load(SeqCst), 3);
}
