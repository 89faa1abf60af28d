//! How a failure is told: what failed on which object, one hint, an exit code. Nothing else.

use std::io::{self, Write};
use std::path::Path;

use tsmgate_pki::kind_text;

use crate::api::ApiFailure;
use crate::enrol::EnrolFailure;
use crate::exit::Exit;
use crate::failure::{LoginFailure, shown};

/// A failure, ready to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    exit: Exit,
    what: String,
    hint: String,
}

impl Complaint {
    /// What failed with a code of its own.
    pub(super) fn new(exit: Exit, what: String, hint: String) -> Self {
        Self { exit, what, hint }
    }

    /// The command line is at fault.
    pub(super) fn usage(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, what: what.into(), hint: hint.into() }
    }

    /// What was given does not stand up to a check; nothing was sent.
    pub(super) fn check(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit: Exit::Check, what: what.into(), hint: hint.into() }
    }

    /// A signal came.
    pub(super) fn interrupted() -> Self {
        let hint = "what was begun at TSM goes on there; `tsmgate jobs list` shows it".to_owned();
        Self { exit: Exit::Interrupted, what: "interrupted".to_owned(), hint }
    }

    /// Somebody left, and what was begun goes on.
    pub(super) fn left(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit: Exit::Interrupted, what: what.into(), hint: hint.into() }
    }

    /// Not now.
    pub(super) fn later(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit: Exit::RetryLater, what: what.into(), hint: hint.into() }
    }

    /// The peer does not keep to what was agreed.
    pub(super) fn protocol(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { exit: Exit::Protocol, what: what.into(), hint: hint.into() }
    }

    /// The same with another hint.
    pub(super) fn hinting(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }

    /// A file to be read is at fault.
    pub(super) fn input(path: &Path, what: impl std::fmt::Display, hint: &str) -> Self {
        let what = format!("cannot read {}: {what}", shown(path));
        Self { exit: Exit::File, what, hint: hint.to_owned() }
    }

    /// A file to be written is at fault.
    pub(super) fn output(path: &Path, what: impl std::fmt::Display, hint: &str) -> Self {
        let what = format!("cannot write {}: {what}", shown(path));
        Self { exit: Exit::File, what, hint: hint.to_owned() }
    }

    /// Stdout does not take the answer.
    pub(super) fn stdout(error: &io::Error) -> Self {
        Self {
            exit: Exit::File,
            what: format!("cannot write to stdout: {}", kind_text(error.kind())),
            hint: "see where stdout goes, and whether there is room".to_owned(),
        }
    }

    /// A program cannot be started.
    pub(super) fn program(name: &str, what: impl std::fmt::Display, hint: &str) -> Self {
        let what = format!("cannot run {name}: {what}");
        Self { exit: Exit::File, what, hint: hint.to_owned() }
    }

    /// The system does not give us what a login needs.
    pub(super) fn system(error: &io::Error) -> Self {
        Self {
            exit: Exit::File,
            what: format!("cannot start: {}", kind_text(error.kind())),
            hint: "check this process's limits, `ulimit -a`".to_owned(),
        }
    }

    /// The same, of one of several.
    pub(super) fn of(self, whose: &str) -> Self {
        Self { what: format!("{whose}: {}", self.what), ..self }
    }

    /// The same, and what holds all the same.
    pub(super) fn but(self, rest: &str) -> Self {
        Self { what: format!("{}; {rest}", self.what), ..self }
    }

    /// Its parts: the exit code, what failed, the hint.
    pub(super) fn into_parts(self) -> (Exit, String, String) {
        (self.exit, self.what, self.hint)
    }

    /// As an object: `exit`, `what`, `hint`.
    pub(super) fn as_json(&self) -> serde_json::Value {
        serde_json::json!({ "exit": self.exit.code(), "what": self.what, "hint": self.hint })
    }

    /// What failed, and the hint.
    pub(super) fn words(&self) -> (&str, &str) {
        (&self.what, &self.hint)
    }

    /// Tells it in two lines, and gives back the exit code.
    pub(super) fn tell(&self, talk: &mut dyn Write) -> Exit {
        // in one write, so that lines of other programs do not come between; when even the talk
        // cannot be written there is nobody left to tell
        let _ = talk.write_all(format!("tsmgate: {}\nhint: {}\n", self.what, self.hint).as_bytes());
        self.exit
    }
}

impl From<EnrolFailure> for Complaint {
    fn from(failure: EnrolFailure) -> Self {
        Self { exit: failure.exit(), what: failure.to_string(), hint: failure.hint() }
    }
}

impl From<ApiFailure> for Complaint {
    fn from(failure: ApiFailure) -> Self {
        Self { exit: failure.exit(), what: failure.to_string(), hint: failure.hint() }
    }
}

impl From<LoginFailure> for Complaint {
    fn from(failure: LoginFailure) -> Self {
        Self { exit: failure.exit(), what: failure.to_string(), hint: failure.hint() }
    }
}
