//! What is kept, cut, and found again.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::io::Write;

use tsmgate_catalogue::runner::{End, Event, How, State, What};

use super::{Reader, Transcript};

fn end() -> What {
    What::End(End { how: How::Exited, code: Some(0), signal: None, detail: None })
}

fn read(transcript: &Transcript, from: u64) -> Vec<Event> {
    let mut reader = Reader::open(transcript.path()).unwrap();
    let mut all = Vec::new();
    while reader.next() < transcript.on_disk() {
        let lines = reader.lines(from, transcript.on_disk()).unwrap();
        all.extend(lines.iter().map(|line| serde_json::from_slice::<Event>(line).unwrap()));
    }
    all.extend(transcript.beside(from));
    all
}

#[test]
fn events_have_no_gaps_and_are_read_from_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let mut transcript = Transcript::create(folder.path().join("o"), 1 << 20).unwrap();
    for number in 0..1000 {
        transcript.add(vec![What::Stdout(format!("line {number}\n\r"))]);
    }
    transcript.add(vec![end()]);
    for from in [0, 1, 999, 1000, 1001] {
        let numbers: Vec<_> = read(&transcript, from).iter().map(|event| event.n).collect();
        assert_eq!(numbers, (from..1001).collect::<Vec<_>>());
    }
}

#[test]
fn beyond_the_limit_output_is_cut_once_and_the_end_still_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut transcript = Transcript::create(folder.path().join("o"), 1000).unwrap();
    transcript.add(vec![What::Stdout("x".repeat(100)); 50]);
    assert!(transcript.is_cut());
    transcript.add(vec![What::Stderr("y".to_owned()), end()]);
    let events = read(&transcript, 0);
    let cuts = events.iter().filter(|event| event.what == What::Cut).count();
    assert_eq!((cuts, &events.last().unwrap().what), (1, &end()));
    assert!(events.len() < 10, "{}", events.len());
    assert_eq!(events.len() as u64, transcript.events());
}

#[test]
fn half_a_line_is_dropped_and_the_end_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("o");
    let mut transcript = Transcript::create(path.clone(), 1000).unwrap();
    transcript.add(vec![What::Stdout("one".to_owned())]);
    drop(transcript);
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"n\":1,").unwrap();
    let (mut transcript, found) = Transcript::reopen(path.clone()).unwrap();
    assert_eq!((transcript.events(), found), (1, None));
    transcript.add(vec![end()]);
    assert_eq!(read(&transcript, 0).len(), 2);
    drop(transcript);
    let (transcript, found) = Transcript::reopen(path).unwrap();
    assert_eq!((transcript.events(), found.map(|end| end.how)), (2, Some(How::Exited)));
}

#[test]
fn the_last_event_is_found_however_long_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for size in [0, 10, 70_000, 1 << 20] {
        let path = folder.path().join(size.to_string());
        let mut transcript = Transcript::create(path.clone(), 1 << 22).unwrap();
        transcript.add(vec![What::Stdout("x".to_owned()); 3]);
        transcript.add(vec![What::File { option: "file".to_owned(), content: "y".repeat(size) }]);
        let (again, end) = Transcript::reopen(path).unwrap();
        assert_eq!((again.events(), end), (4, None), "{size}");
        assert_eq!(read(&again, 0).len(), 4);
    }
    std::fs::write(folder.path().join("empty"), "").unwrap();
    assert_eq!(Transcript::reopen(folder.path().join("empty")).unwrap().0.events(), 0);
    std::fs::write(folder.path().join("junk"), "junk\njunk\n").unwrap();
    assert_eq!(Transcript::reopen(folder.path().join("junk")).unwrap().0.events(), 0);
}

#[test]
fn a_disk_that_takes_nothing_keeps_nobody_from_the_end() {
    let mut transcript = Transcript::create("/dev/full".into(), 1000)
        .or_else(|_| {
            let file = std::fs::OpenOptions::new().append(true).open("/dev/full")?;
            let missing = Transcript::missing("/dev/full".into());
            std::io::Result::Ok(Transcript { file: Some(file), limit: 1000, cut: false, ..missing })
        })
        .unwrap();
    let state = What::State { state: State::Running, ahead: None, detail: None };
    transcript.add(vec![state.clone(), What::Stdout("lost".to_owned())]);
    transcript.add(vec![What::Stdout("lost".to_owned())]);
    transcript.add(vec![end()]);
    let all: Vec<_> = transcript.beside(0).into_iter().map(|event| event.what).collect();
    assert_eq!(all, [What::Cut, state, end()]);
    let numbers: Vec<_> = transcript.beside(1).iter().map(|event| event.n).collect();
    assert_eq!(numbers, [1, 2]);
}
