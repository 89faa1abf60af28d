//! Every way a request can fail, as values that can be compared; what to do about each is in `hint`.
//!
//! A failure names what failed and on which object. It never holds a cookie or a password, and text of
//! a peer's is escaped and cut before it is shown, so that a failure is always one visible line.

use tsmgate_catalogue::api::refusal::Refusal as Unlisted;
use tsmgate_text::escape;

use crate::exit::Exit;
use crate::failure::{Distrust, LoginFailure, Unreached};
use crate::tsm::Unreadable;

mod hint;
pub mod refused;

pub use refused::{GateRefusal, TsmRefusal};

/// Why there is no answer, or none that was hoped for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiFailure {
    /// Not `https://HOST[:PORT]`.
    #[error("not an address of a controller: {}", escape(.0.as_bytes()))]
    BadUrl(String),
    /// Not a SHA-256 in hexadecimal.
    #[error("not a SHA-256 of a certificate: {}", escape(.0.as_bytes()))]
    BadPin(String),
    /// The way to a gate, our own files, or the login lane.
    #[error(transparent)]
    Login(#[from] LoginFailure),
    /// What was to be asked is nothing that TSM can be asked. Nothing was sent.
    #[error("{}: {cause}", escape(.asked.as_bytes()))]
    Unlisted {
        /// What was to be asked, as it was given.
        asked: String,
        /// Why not.
        cause: Unlisted,
    },
    /// No connection to a controller.
    #[error("cannot reach {peer}: {cause}")]
    Unreachable {
        /// The controller, `https://HOST:PORT`.
        peer: String,
        /// How far it went.
        cause: Unreached,
    },
    /// The controller's certificate does not convince us. Nothing was sent.
    #[error("cannot trust {peer}: {}", by.refused(*cause))]
    Untrusted {
        /// The controller, `https://HOST:PORT`.
        peer: String,
        /// The name that it had to prove.
        name: String,
        /// What it had to prove it by.
        by: Proof,
        /// What is wrong with its certificate.
        cause: Distrust,
    },
    /// No whole answer in time.
    #[error("no answer in time from {peer}")]
    TimedOut {
        /// The gate, `HOST:PORT`, or the controller, `https://HOST:PORT`.
        peer: String,
        /// Whether it was asked to change something, and may have done it.
        changing: bool,
    },
    /// The peer does not speak as agreed.
    #[error("{peer} does not answer as agreed: {breach}")]
    Protocol {
        /// The gate or the controller.
        peer: String,
        /// What came instead.
        breach: Breach,
    },
    /// The gate refuses, or could not get an answer from TSM.
    #[error(transparent)]
    Gate(#[from] Box<GateRefusal>),
    /// TSM refuses, or fails.
    #[error(transparent)]
    Tsm(#[from] Box<TsmRefusal>),
}

/// What a controller's certificate is checked by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// An authority: the path of its file.
    Authority(String),
    /// The digest of the certificate.
    Pin,
}

/// What came in place of an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// A TLS alert in the handshake that does not speak of certificates, by its number.
    #[error("TLS alert {0} in the handshake")]
    Alert(u8),
    /// Not TLS as we speak it; the library's words.
    #[error("{}", escape(.0.as_bytes()))]
    Tls(String),
    /// Not HTTP/1.1.
    #[error("it is not HTTP/1.1")]
    NotHttp,
    /// A head of more than this many bytes, or of too many lines.
    #[error("the head is larger than {0} bytes, or has too many lines")]
    LongHead(usize),
    /// A body of more than this many bytes.
    #[error("the answer is larger than {0} bytes")]
    LongBody(usize),
    /// The connection ended without an answer.
    #[error("connection closed without an answer")]
    Closed,
    /// The connection ended in the middle.
    #[error("the answer ends in the middle")]
    CutOff,
    /// A status that nothing was asked for: below 200, or a redirection.
    #[error("status {0} in place of an answer")]
    Status(u16),
    /// An encoding that was not asked for.
    #[error("encoded as {}", escape(.0.as_bytes()))]
    Encoded(String),
    /// Not JSON by its own account.
    #[error("of the type {}, not JSON", escape(.0.as_bytes()))]
    Type(String),
    /// Not JSON, whatever it says of itself.
    #[error("it is not JSON")]
    NotJson,
    /// JSON without what was asked for.
    #[error("the JSON lacks {0}")]
    Lacks(&'static str),
    /// JSON of another shape than TSM's.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A login that gives no cookie, or more than one, or none that can be used.
    #[error("the login gives no usable cookie")]
    NoCookie,
}

impl ApiFailure {
    /// The exit code of this failure.
    pub fn exit(&self) -> Exit {
        match self {
            Self::BadUrl(_) | Self::BadPin(_) => Exit::Usage,
            Self::Login(failure) => failure.exit(),
            Self::Unlisted { .. } => Exit::Check,
            Self::Unreachable { .. } | Self::TimedOut { .. } => Exit::Unreachable,
            Self::Untrusted { .. } | Self::Protocol { .. } => Exit::Protocol,
            Self::Gate(refusal) => refusal.exit(),
            Self::Tsm(refusal) => refusal.exit(),
        }
    }
}

impl Breach {
    /// Whether the connection was cut, rather than misused.
    pub(crate) fn is_cut(&self) -> bool {
        matches!(self, Self::Closed | Self::CutOff)
    }
}

impl Proof {
    fn refused(&self, cause: Distrust) -> String {
        match self {
            Self::Authority(_) => cause.to_string(),
            // what it says of itself does not matter
            Self::Pin => "its certificate is not the pinned one".to_owned(),
        }
    }
}
