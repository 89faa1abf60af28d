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

/// R53: reloads run one after another, however many ask at once
#[tokio::test]
async fn reloads_take_turns() {
    let fake = Fake::new();
    fake.leave.forget_permits(Semaphore::MAX_PERMITS);
    let door = Open::unix(Door::Status, &fake);
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = door.connect().await;
        stream.write_all(RELOAD).await.unwrap();
        streams.push(stream);
    }
    for turn in 1..=3 {
        let begun = || async { (fake.begun.load(SeqCst) >= turn).then_some(()) };
        wait::until("a reload", begun).await;
        // others are answered meanwhile, and no second one has begun
        assert_eq!(door.ask("GET", "/healthz").await.code, 200);
        assert_eq!(fake.begun.load(SeqCst), turn);
        fake.leave.add_permits(1);
    }
    for stream in streams {
        assert_eq!(Reply::of(stream).await.code, 200);
    }
}
