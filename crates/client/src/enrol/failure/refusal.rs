//! What the service says where it gives no certificate. Its codes are known here, each with what can be done at
//! this end; of a code that is not, the service's own hint is passed on.

use serde::Deserialize;
use tsmgate_text::escape;

use super::anew;
use crate::exit::Exit;

/// The longest text of the service's that is shown, in characters.
const SHOWN_MOST: usize = 256;

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{peer} refuses: {} ({})", .message, .code)]
pub struct EnrolRefusal {
    peer: String,
    client: String,
    status: u16,
    /// The code, such as `invite_used`; visible.
    pub code: String,
    /// The service's words; visible.
    message: String,
    hint: String,
}

#[derive(Deserialize)]
struct Document {
    error: Said,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    code: String,
    message: String,
    hint: String,
}

impl EnrolRefusal {
    /// Reads the body of an answer that says no; where it cannot be read the status has to do.
    pub(in crate::enrol) fn read(peer: String, client: String, status: u16, body: &[u8]) -> Self {
        let document: Option<Document> = serde_json::from_slice(body).ok();
        let said = document.map(|document| document.error).unwrap_or_default();
        let or = |text: String, other: &str| {
            let text: String = text.chars().take(SHOWN_MOST).collect();
            if text.is_empty() { other.to_owned() } else { escape(text.as_bytes()) }
        };
        Self {
            peer,
            client,
            status,
            code: or(said.code, &format!("status {status}")),
            message: or(said.message, "it does not say why"),
            hint: or(said.hint, "the log of tsmgate-authority on the TSM host says why"),
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match (&*self.code, self.status) {
            ("network_refused" | "not_enrolled", _) => Exit::NotPermitted,
            (_, 408 | 429 | 503) => Exit::RetryLater,
            (_, 400 | 401 | 403 | 409) => Exit::NotAccepted,
            _ => Exit::Protocol,
        }
    }

    /// What can be done about it, in one line.
    pub fn hint(&self) -> String {
        let client = escape(self.client.as_bytes());
        match &*self.code {
            "invite_unknown" | "invite_expired" => {
                format!("ask for a new invite: `tsmgate pki invite {client} …` on the TSM host")
            }
            "invite_used" => format!(
                "ask for a new invite: `tsmgate pki invite {client} …` on the TSM host; if nobody here used it, \
                 somebody else did: the authority's audit says from where"
            ),
            "live_certificate" => format!(
                "another key holds a certificate of that name: `tsmgate pki invite {client} --replace …` on the TSM \
                 host has it revoked when this host joins"
            ),
            "request_refused" => {
                "move key.pem of the profile's folder away, and join again with a new key".into()
            }
            "certificate_unknown" | "certificate_revoked" | "certificate_expired"
            | "not_enrolled" => anew(&self.client),
            "network_refused" => {
                "ask from a network of this host's entry, or have it invited anew with --networks".into()
            }
            "too_many_certificates" => {
                "something renews in a loop: see the timers; it is taken again once the oldest one ends".into()
            }
            "rate_limited" => "wait a minute, and ask less often".into(),
            "not_recorded" | "authority_trouble" => {
                "try again later; the log of tsmgate-authority on the TSM host says why".into()
            }
            _ => self.hint.clone(),
        }
    }
}
