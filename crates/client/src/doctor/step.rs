//! One step: its verdict, its time, what was found, and what is wrong. Texts come escaped.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Side;
use crate::api::ApiFailure;
use crate::exit::Exit;
use crate::failure::LoginFailure;

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should.
    Good,
    /// It works, and something is worth a look.
    Warning,
    /// The way ends here.
    Failed,
    /// What it needs is not there.
    NotTried,
}

impl Verdict {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::NotTried => "not tried",
        }
    }
}

/// What is wrong, on which side, and what can be done there. One line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What is wrong.
    pub what: String,
    /// Where it can be put right.
    pub side: Side,
    /// What can be done about it.
    pub hint: String,
}

impl Trouble {
    pub(super) fn new(what: impl Into<String>, side: Side, hint: impl Into<String>) -> Self {
        Self { what: what.into(), side, hint: hint.into() }
    }
}

impl From<&LoginFailure> for Trouble {
    fn from(failure: &LoginFailure) -> Self {
        Self::new(failure.to_string(), Side::of(failure), failure.hint())
    }
}

impl From<&ApiFailure> for Trouble {
    fn from(failure: &ApiFailure) -> Self {
        Self::new(failure.to_string(), Side::of_request(failure), failure.hint())
    }
}

/// What counted of what was said of a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name, as a profile has it.
    pub name: &'static str,
    /// What it says, escaped.
    pub value: String,
    /// Where it came from: an option, a variable, a profile, or the default.
    pub origin: String,
}

/// One step of the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    name: &'static str,
    verdict: Verdict,
    took: Duration,
    /// What was found, in one line.
    says: String,
    /// More of it, a line each.
    more: Vec<String>,
    found: Map<String, Value>,
    trouble: Option<Trouble>,
    exit: Option<Exit>,
}

impl Step {
    /// A step that went well.
    pub(super) fn new(name: &'static str, says: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Good,
            took: Duration::ZERO,
            says: says.into(),
            more: Vec::new(),
            found: Map::new(),
            trouble: None,
            exit: None,
        }
    }

    pub(super) fn not_tried(name: &'static str, because: &str) -> Self {
        Self { verdict: Verdict::NotTried, ..Self::new(name, because) }
    }

    /// The same, having found this too.
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.found.insert(key.to_owned(), value.into());
        self
    }

    /// The same, with this for what was found.
    pub(super) fn saying(self, says: impl Into<String>) -> Self {
        Self { says: says.into(), ..self }
    }

    /// The same, with a line more for people.
    pub(super) fn line(mut self, line: impl Into<String>) -> Self {
        self.more.push(line.into());
        self
    }

    /// The same, with something that is worth a look; the first is kept, and none excuses a failure.
    pub(super) fn warned(mut self, trouble: Trouble) -> Self {
        if self.trouble.is_none() {
            self.verdict = Verdict::Warning;
            self.trouble = Some(trouble);
        }
        self
    }

    /// The same, failed; the first failure is kept.
    pub(super) fn failed(mut self, trouble: Trouble, exit: Exit) -> Self {
        if self.verdict != Verdict::Failed {
            self.verdict = Verdict::Failed;
            self.exit = Some(exit);
            self.trouble = Some(trouble);
        }
        self
    }

    /// The same, failed as a login does.
    pub(super) fn failed_by(self, failure: &LoginFailure) -> Self {
        self.failed(failure.into(), failure.exit())
    }

    /// The same, failed as a request does.
    pub(super) fn failed_by_request(self, failure: &ApiFailure) -> Self {
        self.failed(failure.into(), failure.exit())
    }

    pub(super) fn after(self, took: Duration) -> Self {
        Self { took, ..self }
    }

    /// Its name: one of [`super::TO_A_GATE`] or [`super::TO_THE_LOCAL_GATE`].
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How it went.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// How long it took.
    pub fn took(&self) -> Duration {
        self.took
    }

    /// What was found, in one line; for a step that was not tried, why.
    pub fn says(&self) -> &str {
        &self.says
    }

    /// More of what was found, a line each.
    pub fn more(&self) -> &[String] {
        &self.more
    }

    /// What was found, for programs.
    pub fn found(&self) -> &Map<String, Value> {
        &self.found
    }

    /// What is wrong.
    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// The exit code of a run that ends here.
    pub fn exit(&self) -> Option<Exit> {
        self.exit
    }
}
