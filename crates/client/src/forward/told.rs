//! What a caller is told when there is no session: the one table, from a failure to the socket's words.
//!
//! Only a refusal is `PLL_NOT_AUTHORIZED`. All else is an exception, for there are programs that do not look
//! at the return code and would take an empty answer for a session. The codes are the gate's where it has
//! one; the cause, with names and paths, is for the log alone.

use tsmgate_wire::{Answer, ExceptionKind, RemoteException};

use super::Denial;
use crate::failure::{LoginFailure, TsmFault};

impl Denial {
    /// The stable code, in the caller's answer and in the log; a limit's may say when to come again.
    pub fn code(&self) -> String {
        let code = match self {
            Self::NotListed => "caller_not_listed",
            Self::NotJudged => "user_database_unavailable",
            Self::NoTurn => "over_limit",
            Self::Failed(failure) => return code_of(failure),
        };
        code.to_owned()
    }

    /// The answer that carries it.
    pub(super) fn answer(&self) -> Answer {
        match self {
            Self::NotListed | Self::Failed(LoginFailure::NotPermitted { .. }) => {
                Answer::NotAuthorized
            }
            Self::NotJudged | Self::NoTurn | Self::Failed(_) => {
                Answer::Exception(RemoteException {
                    kind: ExceptionKind::InternalError,
                    message: self.code(),
                })
            }
        }
    }
}

fn code_of(failure: &LoginFailure) -> String {
    let code = match failure {
        LoginFailure::NotPermitted { .. } => "not_permitted",
        LoginFailure::Unreachable { .. } => "gate_unreachable",
        LoginFailure::Untrusted { .. } => "gate_untrusted",
        LoginFailure::NotAccepted { .. } => "client_not_accepted",
        LoginFailure::Protocol { .. } => "gate_garbage",
        // the gate's code, as it said it
        LoginFailure::RetryLater { delay, .. } => return delay.to_string(),
        LoginFailure::Tsm { cause, .. } => code_of_tsm(cause),
        LoginFailure::File { .. }
        | LoginFailure::BadAddress(_)
        | LoginFailure::BadServerName(_)
        | LoginFailure::BadProxy
        | LoginFailure::ProxyPassword
        | LoginFailure::Cache(_)
        | LoginFailure::BadSocketPath(_) => "client_misconfigured",
    };
    code.to_owned()
}

fn code_of_tsm(cause: &TsmFault) -> &'static str {
    match cause {
        TsmFault::Unreachable
        | TsmFault::SocketMissing
        | TsmFault::SocketDead
        | TsmFault::Socket(_) => "backend_unreachable",
        TsmFault::Busy => "backend_busy",
        TsmFault::Timeout | TsmFault::TimedOut => "backend_timeout",
        TsmFault::Garbage | TsmFault::Closed => "backend_garbage",
        TsmFault::Untrusted => "backend_untrusted",
        TsmFault::Error | TsmFault::Failed | TsmFault::Exception(_) => "backend_error",
        TsmFault::DeniedGate => "backend_denied_gate",
    }
}
