//! Lines on stdin: one batch each, one for several that come at once, one for a last line without an end.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::io::Cursor;

use tokio::sync::mpsc::error::TryRecvError;

use super::*;

/// How many batches are asked for by this, where nobody takes them meanwhile.
async fn asked_by(text: &'static str) -> usize {
    let mut lines = lines(Cursor::new(text)).unwrap();
    let mut count = 0;
    while lines.recv().await.is_some() {
        count += 1;
    }
    count
}

#[tokio::test]
async fn a_line_asks_once_and_the_end_not_at_all() {
    assert_eq!(asked_by("").await, 0);
    assert_eq!(asked_by("\n").await, 1);
    assert_eq!(asked_by("now\r\n").await, 1);
    assert_eq!(asked_by("without an end").await, 1);
}

#[tokio::test]
async fn what_finds_a_line_waiting_is_answered_with_it() {
    let (asked, mut lines) = channel(1);
    read(Cursor::new("\n\n\n\n"), &asked);
    read(Cursor::new("\n"), &asked);
    read(Cursor::new("more"), &asked);
    assert_eq!(lines.try_recv(), Ok(()));
    assert_eq!(lines.try_recv(), Err(TryRecvError::Empty));
}

#[tokio::test]
async fn a_clock_asks_at_once_and_leaves_out_what_it_missed() {
    tokio::time::pause();
    let mut trigger = Trigger::new(Signal::Stdin, Some(Duration::from_secs(30))).unwrap();
    assert!(trigger.come().await);
    tokio::time::advance(Duration::from_secs(95)).await;
    assert!(trigger.come().await);
    let soon = tokio::time::timeout(Duration::from_secs(26), trigger.come()).await;
    assert!(soon.is_ok(), "the next is at 120 s");
    assert!(tokio::time::timeout(Duration::from_secs(29), trigger.come()).await.is_err());
}

#[tokio::test]
async fn the_last_line_is_known_as_the_last() {
    let (asked, lines) = channel(1);
    let mut trigger = Trigger::Lines(lines);
    asked.send(()).await.unwrap();
    assert!(!trigger.has_ended(), "a line waits, and stdin is open");
    assert!(trigger.come().await);
    assert!(!trigger.has_ended(), "stdin is open");
    asked.send(()).await.unwrap();
    drop(asked);
    assert!(!trigger.has_ended(), "a line waits");
    assert!(trigger.come().await);
    assert!(trigger.has_ended());
}
