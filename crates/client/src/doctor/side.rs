//! On which side a failure can be put right.

use crate::api::ApiFailure;
use crate::exit::Exit;
use crate::failure::{Delay, Distrust, Lack, LoginFailure, Refusal, Stage, TsmFault, Unreached};

/// Who can do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Whoever runs this.
    Here,
    /// Whoever runs what is in between.
    Network,
    /// The operator of the gate.
    Gate,
    /// The operator of TSM.
    Tsm,
}

impl Side {
    /// The word for it in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Network => "network",
            Self::Gate => "gate",
            Self::Tsm => "tsm",
        }
    }

    /// Where that is, for a person.
    pub fn place(self) -> &'static str {
        match self {
            Self::Here => "here, on this host",
            Self::Network => "in the network",
            Self::Gate => "on the gate's host",
            Self::Tsm => "at TSM, on its host",
        }
    }

    pub(super) fn of(failure: &LoginFailure) -> Self {
        match failure {
            LoginFailure::BadAddress(_)
            | LoginFailure::BadServerName(_)
            | LoginFailure::BadSocketPath(_)
            | LoginFailure::BadProxy
            | LoginFailure::ProxyPassword
            | LoginFailure::Cache(_)
            | LoginFailure::File { .. } => Self::Here,
            LoginFailure::Unreachable { cause, .. } => Self::of_unreached(*cause),
            LoginFailure::Untrusted { cause, .. } => match cause {
                Distrust::UnknownAuthority | Distrust::WrongName | Distrust::NotYetValid => {
                    Self::Here
                }
                Distrust::Expired | Distrust::Invalid => Self::Gate,
            },
            LoginFailure::NotAccepted { refusal, .. } => match refusal {
                Refusal::CertificateRequired
                | Refusal::CertificateRevoked
                | Refusal::CertificateExpired
                | Refusal::BadCertificate => Self::Here,
                _ => Self::Gate,
            },
            LoginFailure::NotPermitted { lack, .. } => match lack {
                Lack::Role | Lack::GateSocketMode => Self::Gate,
                Lack::TsmGroup | Lack::SocketMode => Self::Tsm,
            },
            LoginFailure::Tsm { cause, .. } => match cause {
                TsmFault::Untrusted | TsmFault::DeniedGate => Self::Gate,
                _ => Self::Tsm,
            },
            LoginFailure::RetryLater { delay: Delay::OverLimit(_), .. } => Self::Here,
            LoginFailure::Protocol { .. } | LoginFailure::RetryLater { .. } => Self::Gate,
        }
    }

    fn of_unreached(cause: Unreached) -> Self {
        match cause {
            Unreached::NameUnknown
            | Unreached::NoAddressFor(_)
            | Unreached::Source(..)
            | Unreached::TimedOut(Stage::Resolve) => Self::Here,
            Unreached::Network(_)
            | Unreached::Proxy(_)
            | Unreached::TimedOut(Stage::Connect | Stage::Proxy) => Self::Network,
            _ => Self::Gate,
        }
    }

    pub(super) fn of_request(failure: &ApiFailure) -> Self {
        match failure {
            ApiFailure::Login(failure) => Self::of(failure),
            ApiFailure::Tsm(_) => Self::Tsm,
            ApiFailure::Gate(refusal) => match refusal.exit() {
                Exit::Tsm
                    if !matches!(&*refusal.reason, "backend_denied_gate" | "backend_untrusted") =>
                {
                    Self::Tsm
                }
                Exit::RetryLater if refusal.reason == "over_limit" => Self::Here,
                _ => Self::Gate,
            },
            _ => Self::Gate,
        }
    }
}
