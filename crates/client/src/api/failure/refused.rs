//! Answers that say no: a gate's own, with its stable reason, and TSM's own, which are of any shape.
//!
//! Which exit code a reason has is decided here and nowhere else.

use std::fmt;

use serde_json::Value;
use tsmgate_text::escape;

use crate::exit::Exit;

/// The reason of a gate whose roles allow a command that its runner was not told to serve.
pub(super) const NOT_SERVED: &str = "not_served";

/// A gate's own refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateRefusal {
    /// The gate, `HOST:PORT`.
    pub peer: String,
    /// The status.
    pub status: u16,
    /// The stable reason, `tsmgate-reason`; the peer's text.
    pub reason: String,
    /// What the gate says of it, the peer's text; empty where it says nothing.
    pub detail: String,
    /// The permission that lacks, where one does; the peer's text.
    pub permission: Option<String>,
    /// The request's number in the gate's audit, the peer's text.
    pub request: Option<String>,
    /// In how many seconds it may be tried again.
    pub retry: Option<u32>,
}

/// TSM's own refusal, or failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TsmRefusal {
    /// The gate, `HOST:PORT`, or the controller, `https://HOST:PORT`.
    pub peer: String,
    /// The status.
    pub status: u16,
    /// What TSM says of it, the peer's text; empty where it says nothing.
    pub said: String,
    /// The request's number in the gate's audit, where a gate was asked; the peer's text.
    pub request: Option<String>,
    /// Whether a name and a password were sent.
    pub login: bool,
}

/// What a reason of a gate's means to who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    NotPermitted,
    Later,
    Backend,
    Request,
}

impl GateRefusal {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self.meaning() {
            Meaning::NotPermitted => Exit::NotPermitted,
            Meaning::Later => Exit::RetryLater,
            Meaning::Backend => Exit::Tsm,
            Meaning::Request => Exit::Check,
        }
    }

    /// What a reason means; one of a newer gate's, by its status.
    pub(super) fn meaning(&self) -> Meaning {
        match self.reason.as_str() {
            "not_permitted" | NOT_SERVED => Meaning::NotPermitted,
            "over_limit" | "request_too_slow" | "audit_unavailable" | "gate_stopping"
            | "runner_busy" => Meaning::Later,
            _ if self.status >= 500 => Meaning::Backend,
            _ => Meaning::Request,
        }
    }
}

impl TsmRefusal {
    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self.status {
            500.. => Exit::Tsm,
            // who is not in TSM's group: the same answer as the local socket's
            403 if self.login => Exit::NotPermitted,
            _ => Exit::Check,
        }
    }
}

impl std::error::Error for GateRefusal {}

impl fmt::Display for GateRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let peer = &self.peer;
        match (self.meaning(), &self.permission) {
            (Meaning::NotPermitted, _) if self.reason == NOT_SERVED => {
                let permission = escape(self.permission.as_deref().unwrap_or("it"));
                write!(formatter, "{peer} does not run it: its host does not serve {permission}")?;
            }
            (Meaning::NotPermitted, Some(permission)) => {
                let permission = escape(permission);
                write!(
                    formatter,
                    "{peer} does not permit it: the permission {permission} is missing"
                )?;
            }
            _ => {
                write!(formatter, "{peer} says: {}", escape(&self.reason))?;
                if let Some(seconds) = self.retry {
                    write!(formatter, "; retry in {seconds} s")?;
                } else if !self.detail.is_empty() {
                    write!(formatter, ": {}", escape(&self.detail))?;
                }
            }
        }
        numbered(formatter, self.request.as_deref())
    }
}

impl std::error::Error for TsmRefusal {}

impl fmt::Display for TsmRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TSM at {} answers {}", self.peer, self.status)?;
        if !self.said.is_empty() {
            write!(formatter, ": {}", escape(&self.said))?;
        }
        numbered(formatter, self.request.as_deref())
    }
}

fn numbered(formatter: &mut fmt::Formatter<'_>, request: Option<&str>) -> fmt::Result {
    match request {
        Some(number) => write!(formatter, " (request {})", escape(number)),
        None => Ok(()),
    }
}

/// What an error's body says: `error.detail`, else `summary`, else `code`, else the text as it is. Source:
/// clients in use read `detail`; the others are by analogy, and a proxy in between sends anything.
pub(crate) fn said(body: &[u8]) -> String {
    let json: Option<Value> = serde_json::from_slice(body).ok();
    let error = json.as_ref().and_then(|json| json.get("error"));
    let part = |name: &str| match error?.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    ["detail", "summary", "code"].into_iter().find_map(part).unwrap_or_else(|| {
        // on one line: a page has many
        String::from_utf8_lossy(body).split_whitespace().collect::<Vec<_>>().join(" ")
    })
}
