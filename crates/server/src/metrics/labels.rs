//! The labels under which things are counted: codes of ours and names of the configuration's, nothing else.

use prometheus_client::encoding::EncodeLabelSet;
use tsmgate_gate::reason::Reason;

/// Which side of TSM was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Its login socket: for a caller, or for the gate's own session.
    Login,
    /// Its HTTPS controller.
    Api,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Login, Self::Api];

    /// Its name in labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Api => "api",
        }
    }
}
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Why {
    pub(super) stage: &'static str,
    pub(super) reason: &'static str,
}

impl Why {
    pub(super) fn of(reason: Reason) -> Self {
        Self { stage: reason.stage().name(), reason: reason.code() }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Login {
    pub(super) client: String,
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Request {
    pub(super) client: String,
    pub(super) operation: &'static str,
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct RefusedRequest {
    pub(super) client: String,
    pub(super) reason: &'static str,
}

/// An answer of a side of TSM.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Answer {
    pub(super) side: &'static str,
    pub(super) outcome: &'static str,
}

/// No answer of a side of TSM.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Failure {
    pub(super) side: &'static str,
    pub(super) stage: &'static str,
    pub(super) reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct Outcome {
    pub(super) outcome: &'static str,
}

pub(super) const ANSWERED: &str = "answered";
pub(super) const FAILED: &str = "failed";
pub(super) const GOOD: Outcome = Outcome { outcome: "good" };
pub(super) const BAD: Outcome = Outcome { outcome: "bad" };

/// A command that is over.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct EndedCommand {
    /// Its path, as the catalogue has it.
    pub(super) command: String,
    /// How it ended.
    pub(super) end: &'static str,
}
