//! What a caller is told when a call fails: the one table of codes, for all lanes.
//!
//! The code is what programs read, the rest is for people. Nothing of a caller's bytes, of TSM's or of
//! the configuration's is in it.

use std::time::Duration;

use tsmgate_gate::reason::{Reason, Stage};

/// After a refusal that is soon over: when to come again, in seconds.
const SOON: u64 = 1;

/// A failure as a caller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Told {
    /// The stable code.
    pub(super) code: &'static str,
    /// The status in the lanes that speak HTTP.
    pub(super) status: u16,
    /// When to come again, in seconds.
    pub(super) retry: Option<u64>,
    /// What is wrong.
    pub(super) summary: &'static str,
    /// What to do about it.
    pub(super) detail: &'static str,
}

/// What is told of a reason.
pub(super) fn told(reason: Reason) -> Told {
    let code = match reason {
        Reason::PermissionMissing => "not_permitted",
        Reason::ClientOverRate(_) | Reason::ClientInFlight => "over_limit",
        Reason::CommandUnknown => "unknown_id",
        other => other.code(),
    };
    let (status, summary, detail) = words(reason);
    Told { code, status, retry: retry(reason), summary, detail }
}

/// Whether a refused caller keeps its connection: not where the policy no longer knows it.
pub(super) fn stays(reason: Reason) -> bool {
    reason.stage() != Stage::Identify && reason != Reason::CertificateRevoked
}

fn retry(reason: Reason) -> Option<u64> {
    match reason {
        Reason::ClientOverRate(wait) => Some(whole_seconds(wait)),
        Reason::ClientInFlight | Reason::BackendBusy => Some(SOON),
        Reason::RunnerBusy => Some(30),
        Reason::AuditUnavailable | Reason::GateStopping | Reason::CallAborted => Some(5),
        _ => None,
    }
}

/// Rounded up: who comes again then finds a token.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0 || wait.is_zero())
}

fn words(reason: Reason) -> (u16, &'static str, &'static str) {
    match reason {
        Reason::PermissionMissing => {
            (403, "not permitted", "none of this client's roles gives the permission")
        }
        Reason::CrossSite => (
            403,
            "refused for a browser",
            "a web page may not change anything here: send no Origin",
        ),
        Reason::ClientOverRate(_) => {
            (429, "over the limit", "this client has used up its rate: come again later")
        }
        Reason::ClientInFlight => {
            (429, "over the limit", "this client has as many calls under way as it may")
        }
        Reason::BadRequest => (400, "not a request as it is taken here", ""),
        Reason::NotAnOperation => (400, "not an operation", ""),
        Reason::BodyRefused => (400, "not the body that belongs there", ""),
        Reason::HeaderTooLarge => {
            (431, "the header is too large", "16 KiB and 64 fields are taken")
        }
        Reason::RequestTooSlow => (408, "the request was not whole in time", "send it at once"),
        Reason::ExpectationRefused => {
            (417, "no consent is given", "send no Expect; with curl: -H 'Expect:'")
        }
        Reason::BackendUnreachable => {
            (502, "TSM cannot be reached", "the gate cannot connect to it: is TSM running?")
        }
        Reason::BackendUntrusted => (
            502,
            "TSM is not trusted",
            "what answers there is not TSM as the gate knows it: on the TSM host, `tsmgated check` and `tsmgated trust-tsm` say more",
        ),
        Reason::BackendGarbage => {
            (502, "TSM broke off", "its answer ended in the middle or was none: look at TSM's log")
        }
        Reason::BackendError => (502, "TSM says that it failed", "look at TSM's log"),
        Reason::BackendDeniedGate => (
            502,
            "TSM refuses the gate",
            "the gate's user is not in TSM's group: tell the TSM host's administrator",
        ),
        Reason::BackendSessionRefused => (
            502,
            "TSM refuses the gate's session",
            "it does not accept the session it has just given: look at TSM's log",
        ),
        Reason::AnswerNotRedactable => (
            502,
            "the answer is withheld",
            "secrets cannot be taken out of it: it is not JSON, encoded, or too large",
        ),
        Reason::AnswerWithheld => (
            403,
            "the answer is withheld",
            "it was done, but this client lost the permission meanwhile",
        ),
        Reason::BackendBusy => {
            (503, "TSM is busy", "all the gate's connections to TSM are taken: come again")
        }
        Reason::BackendTimeout => (
            504,
            "TSM did not answer in time",
            "what was asked for may have begun there: look before you repeat it",
        ),
        Reason::BadOrder => (
            400,
            "not an order as the catalogue has it",
            "the runner on the TSM host does not have it so: are both of one version, with the same [[command]]?",
        ),
        Reason::CommandUnknown => {
            (404, "no such command", "there is none of that number, or it is another client's")
        }
        Reason::CommandEnded => (409, "it has ended", "what is over cannot be cancelled"),
        Reason::NotServed => (
            403,
            "not served",
            "the runner on the TSM host does not serve this permission to anybody: see [serve] of its configuration",
        ),
        Reason::RunnerBusy => (
            503,
            "the runner is busy",
            "as many commands wait as may, or it is being replaced: come again",
        ),
        Reason::RunnerUnreachable => (
            502,
            "the runner cannot be reached",
            "on the TSM host: systemctl status tsmgate-runner.socket tsmgate-runner.service",
        ),
        Reason::RunnerUntrusted => (
            502,
            "the runner is not trusted",
            "on the TSM host: `tsmgated check` says whose its socket is; see tsm.command_socket_owners",
        ),
        Reason::RunnerGarbage => {
            (502, "the runner broke off", "on the TSM host: journalctl -u tsmgate-runner")
        }
        Reason::RunnerUncertain => (
            502,
            "the runner did not answer",
            "the command may have been taken: `tsmgate commands list` shows it, look before you repeat it",
        ),
        Reason::RunnerProgram => (
            502,
            "no program to run",
            "on the TSM host: `tsmgate-runner check` says what is wrong with its tsm.program",
        ),
        Reason::RunnerStorage => (
            502,
            "the runner cannot keep what it must",
            "on the TSM host: is the disk of its state folder full?",
        ),
        Reason::AuditUnavailable => (
            503,
            "the gate cannot record",
            "what cannot be recorded does not happen: tell the gate's administrator",
        ),
        Reason::GateStopping | Reason::CallAborted => (503, "the gate is stopping", "come again"),
        // who is no client any more: its connection ends
        _ => (403, "refused", "the gate's audit says why"),
    }
}
