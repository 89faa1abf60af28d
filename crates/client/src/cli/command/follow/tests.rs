//! Following, with a clock of its own: what is sat out, for how long, and what is not.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::collections::VecDeque;

use super::*;
use crate::api::failure::{Breach, GateRefusal};

/// What comes next of a source.
enum Step {
    Event(What),
    /// The stream is over.
    Over,
    Fail(ApiFailure),
    /// Nothing comes for so long since the stream began, and then it is over.
    Silent(Duration),
}

/// Streams as they are written down; nothing at all after them.
struct Script {
    streams: VecDeque<Result<Vec<Step>, ApiFailure>>,
    open: VecDeque<Step>,
    next: u64,
    attached: Vec<u64>,
    began: Instant,
}

impl Script {
    fn new(streams: Vec<Result<Vec<Step>, ApiFailure>>) -> Self {
        let (open, attached) = (VecDeque::new(), Vec::new());
        Self { streams: streams.into(), open, next: 0, attached, began: Instant::now() }
    }
}

impl Source for Script {
    async fn attach(&mut self, from: u64) -> Result<(), ApiFailure> {
        self.attached.push(from);
        self.next = from;
        self.began = Instant::now();
        self.open = self.streams.pop_front().unwrap_or_else(|| Err(cut()))?.into();
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Event>, ApiFailure> {
        match self.open.front() {
            None | Some(Step::Over) => Ok(None),
            Some(Step::Silent(time)) => {
                // it is dropped and asked again while it waits
                sleep_until(self.began + *time).await;
                self.open.pop_front();
                Ok(None)
            }
            Some(Step::Fail(failure)) => Err(failure.clone()),
            Some(Step::Event(what)) => {
                let event = Event { n: self.next, at: String::new(), what: what.clone() };
                self.open.pop_front();
                self.next += 1;
                Ok(Some(event))
            }
        }
    }
}

#[derive(Default)]
struct Told {
    events: Vec<u64>,
    missed: usize,
    ticks: usize,
    refuses: bool,
}

impl Watch for Told {
    fn event(&mut self, event: Event) -> Result<(), Complaint> {
        self.events.push(event.n);
        if self.refuses { Err(Complaint::usage("full", "")) } else { Ok(()) }
    }

    fn missed(&mut self) {
        self.missed += 1;
    }

    fn tick(&mut self) {
        self.ticks += 1;
    }
}

fn cut() -> ApiFailure {
    ApiFailure::Protocol { peer: "gate".to_owned(), breach: Breach::CutOff }
}

fn refused(status: u16, reason: &str) -> ApiFailure {
    Box::new(GateRefusal {
        peer: "gate".to_owned(),
        status,
        reason: reason.to_owned(),
        detail: String::new(),
        permission: None,
        request: None,
        retry: None,
    })
    .into()
}

fn line() -> Step {
    Step::Event(What::Stdout("x".to_owned()))
}

fn ended() -> Step {
    let how = tsmgate_catalogue::runner::How::Exited;
    Step::Event(What::End(End { how, code: Some(0), signal: None, detail: None }))
}

async fn followed(
    streams: Vec<Result<Vec<Step>, ApiFailure>>,
) -> (Result<End, Lost>, Script, Told, Duration) {
    let mut script = Script::new(streams);
    let mut told = Told::default();
    let began = Instant::now();
    let outcome = follow(&mut script, 0, &mut told).await;
    (outcome, script, told, began.elapsed())
}

#[tokio::test(start_paused = true)]
async fn every_event_is_told_once_whatever_becomes_of_the_streams() {
    let (outcome, script, told, _) = followed(vec![
        Ok(vec![line(), line(), Step::Over]),
        Ok(vec![line(), Step::Fail(cut())]),
        Err(refused(503, "gate_stopping")),
        Err(refused(502, "runner_unreachable")),
        Ok(vec![ended()]),
    ])
    .await;
    assert_eq!(outcome.unwrap().code, Some(0));
    assert_eq!(script.attached, [0, 2, 3, 3, 3]);
    assert_eq!(told.events, [0, 1, 2, 3]);
    // the first failure of a row is not worth a word
    assert_eq!(told.missed, 2);
}

/// A gate that stays away is asked with growing pauses, and not for ever.
#[tokio::test(start_paused = true)]
async fn patience_has_an_end() {
    let (outcome, script, _, took) = followed(vec![Ok(vec![line()])]).await;
    assert!(matches!(outcome, Err(Lost::Patience(Some(_)))), "{outcome:?}");
    assert!(took >= PATIENCE && took < PATIENCE + PAUSE_MOST * 2, "{took:?}");
    assert!((10..30).contains(&script.attached.len()), "{:?}", script.attached);
    // streams without a word are no better
    let silent = (0..100).map(|_| Ok(Vec::new())).collect();
    let (outcome, script, ..) = followed(silent).await;
    assert!(matches!(outcome, Err(Lost::Patience(None))), "{outcome:?}");
    assert!((10..30).contains(&script.attached.len()), "{:?}", script.attached);
}

/// A long job has long silences: streams that stood are good ones.
#[tokio::test(start_paused = true)]
async fn silence_is_no_failure() {
    let mut streams: Vec<_> =
        (0..20).map(|_| Ok(vec![Step::Silent(Duration::from_secs(600))])).collect();
    streams.push(Ok(vec![ended()]));
    let (outcome, _, told, _) = followed(streams).await;
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(told.missed, 0);
    assert!(told.ticks >= 20 * 599, "a clock goes on: {}", told.ticks);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_not_waited_for() {
    for failure in [
        refused(404, "unknown_id"),
        refused(403, "not_permitted"),
        ApiFailure::Protocol { peer: "gate".to_owned(), breach: Breach::Lacks("an event") },
    ] {
        let (outcome, script, _, took) = followed(vec![Err(failure)]).await;
        assert!(matches!(outcome, Err(Lost::Failure(_))), "{outcome:?}");
        assert_eq!((script.attached.len(), took), (1, Duration::ZERO));
    }
    let mut script = Script::new(vec![Ok(vec![line()])]);
    let mut told = Told { refuses: true, ..Told::default() };
    let outcome = follow(&mut script, 0, &mut told).await;
    assert!(matches!(outcome, Err(Lost::Here(_))), "{outcome:?}");
}
