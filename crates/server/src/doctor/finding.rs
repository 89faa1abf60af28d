//! What one step found: its verdict, what was looked at, and what to do.
//!
//! Texts here are for a terminal: what comes from elsewhere is escaped before it gets in.

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tsmgate_text::escape;

/// How a step came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it must be.
    Ok,
    /// It was not looked at, and why is among what was found.
    LeftOut,
    /// It works, and somebody should look.
    Warning,
    /// It does not work, or is not safe.
    Failed,
}

/// Where something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The gate: its configuration, files and unit.
    Gate,
    /// TSM.
    Tsm,
    /// The runner.
    Runner,
    /// Everything else on this host.
    Host,
}

impl Side {
    /// As a person is told.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gate => "at the gate",
            Self::Tsm => "at TSM",
            Self::Runner => "at the runner",
            Self::Host => "on this host",
        }
    }
}

/// Of what kind a failure is; the exit code goes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A file's contents are wrong.
    Contents,
    /// A file is missing, cannot be written, or others could change it.
    File,
    /// Nobody answers.
    Unavailable,
    /// The system, or somebody on it, is in the way.
    System,
    /// Somebody is not who it has to be.
    Refused,
}

/// What to do, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// On which side.
    pub side: Side,
    /// What.
    #[serde(rename = "do")]
    pub what: String,
}

/// What one step found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which step.
    pub step: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// How long it took, in milliseconds.
    pub milliseconds: u128,
    /// What was looked at.
    pub looked_at: String,
    /// What was seen, each a sentence without its full stop.
    pub found: Vec<String>,
    /// What to do about it.
    pub advice: Vec<Advice>,
    /// Of what kind the failure is, where it is one.
    pub cause: Option<Cause>,
}

/// What a step has seen so far.
#[derive(Debug)]
pub(super) struct Seen {
    verdict: Verdict,
    looked_at: String,
    found: Vec<String>,
    advice: Vec<Advice>,
    cause: Option<Cause>,
}

impl Seen {
    /// Nothing wrong yet.
    pub(super) fn of(looked_at: impl Into<String>) -> Self {
        let looked_at = looked_at.into();
        Self { verdict: Verdict::Ok, looked_at, found: vec![], advice: vec![], cause: None }
    }

    /// Nothing could be looked at.
    pub(super) fn left_out(because: &str) -> Self {
        let mut seen = Self::of("");
        seen.verdict = Verdict::LeftOut;
        seen.note(format!("left out: {because}"));
        seen
    }

    /// One thing more that was seen, and is as it may be.
    pub(super) fn note(&mut self, sentence: impl Into<String>) {
        self.found.push(sentence.into());
    }

    /// Something that should be mended.
    pub(super) fn warn(
        &mut self,
        sentence: impl Into<String>,
        side: Side,
        what: impl Into<String>,
    ) {
        self.worse(Verdict::Warning, sentence.into(), side, what.into());
    }

    /// Something that must be.
    pub(super) fn fail(
        &mut self,
        cause: Cause,
        sentence: impl Into<String>,
        side: Side,
        what: impl Into<String>,
    ) {
        self.cause.get_or_insert(cause);
        self.worse(Verdict::Failed, sentence.into(), side, what.into());
    }

    /// Whether it has failed.
    pub(super) fn has_failed(&self) -> bool {
        self.verdict == Verdict::Failed
    }

    fn worse(&mut self, verdict: Verdict, sentence: String, side: Side, what: String) {
        self.verdict = self.verdict.max(verdict);
        self.found.push(sentence);
        self.advice.push(Advice { side, what });
    }

    /// The finding of a step that took so long.
    pub(super) fn after(self, step: &'static str, took: Duration) -> Finding {
        let Self { verdict, looked_at, found, advice, cause } = self;
        let milliseconds = took.as_millis();
        Finding { step, verdict, milliseconds, looked_at, found, advice, cause }
    }
}

/// A path for a terminal.
pub(super) fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}
