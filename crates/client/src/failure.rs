//! Every way a login can fail, as values that can be compared; what to do about each is in `hint`.
//!
//! A failure names what failed and on which object. It never holds a secret, and text of a peer's is
//! escaped and cut before it is shown, so that a failure is always one visible line.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use tsmgate_pki::kind_text;
use tsmgate_text::escape;
use tsmgate_wire::ReplyFault;

use crate::cache::CacheFault;
pub use crate::proxy::ProxyFault;

mod hint;

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginFailure {
    /// Not `HOST` or `HOST:PORT`.
    #[error("not an address of a gate: {}", escape(.0.as_bytes()))]
    BadAddress(String),
    /// Not a name that a server's certificate can have.
    #[error("not a server name: {}", escape(.0.as_bytes()))]
    BadServerName(String),
    /// Not an address of a proxy. It is not said again: it may hold a password.
    #[error("not an address of a proxy")]
    BadProxy,
    /// An address of a proxy with a password in it.
    #[error("a proxy's password does not go into its address")]
    ProxyPassword,
    /// Not a path that a Unix socket can have: empty, a NUL byte, or longer than 107 bytes.
    #[error("not a path of a socket: {}", shown(.0))]
    BadSocketPath(PathBuf),
    /// A file of ours is missing, damaged or not safe.
    #[error("{}: {fault}", shown(.path))]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        fault: FileFault,
    },
    /// No connection, or it ended before both sides had proved who they are.
    #[error("cannot reach {peer}: {cause}")]
    Unreachable {
        /// The gate, `HOST:PORT`.
        peer: String,
        /// How far it went.
        cause: Unreached,
    },
    /// The gate's certificate does not convince us. Nothing was sent.
    #[error("cannot trust {peer}: {cause}")]
    Untrusted {
        /// The gate, `HOST:PORT`.
        peer: String,
        /// The name it had to prove.
        name: String,
        /// The file with the authority it had to be of.
        authority: PathBuf,
        /// What is wrong with its certificate.
        cause: Distrust,
    },
    /// Our certificate does not convince the gate.
    #[error("{peer} does not accept this client: {refusal}")]
    NotAccepted {
        /// The gate, `HOST:PORT`.
        peer: String,
        /// What it said.
        refusal: Refusal,
    },
    /// The peer does not speak as agreed.
    #[error("{} does not speak the login conversation: {breach}", escape(.peer.as_bytes()))]
    Protocol {
        /// The gate, or the socket's path.
        peer: String,
        /// What came instead.
        breach: Breach,
    },
    /// The caller is known and lacks the permission.
    #[error("{} does not permit a login: {lack}", escape(.peer.as_bytes()))]
    NotPermitted {
        /// The gate, or the socket's path.
        peer: String,
        /// What is missing.
        lack: Lack,
    },
    /// TSM could not, or could not be asked.
    #[error("no session from TSM at {}: {cause}", escape(.peer.as_bytes()))]
    Tsm {
        /// The gate, or the socket's path.
        peer: String,
        /// Why.
        cause: TsmFault,
    },
    /// Not now.
    #[error("{} says: {delay}", escape(.peer.as_bytes()))]
    RetryLater {
        /// The gate, `HOST:PORT`.
        peer: String,
        /// Why, and for how long.
        delay: Delay,
    },
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheFault),
}

/// What is wrong with a local file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// It cannot be read.
    #[error("cannot be read: {}", kind_text(*.0))]
    Unreadable(io::ErrorKind),
    /// Larger than any certificate or key, in bytes.
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// Given as a socket, and none.
    #[error("not a socket")]
    NotASocket,
    /// A private key that group or others may read or write.
    #[error("private key is accessible to group or others")]
    KeyTooOpen,
    /// A secret that group or others may read or write.
    #[error("holds a secret, and is accessible to group or others")]
    SecretTooOpen,
    /// Not one line of text.
    #[error("holds not one line of text")]
    NotOneLine,
    /// No certificate in it, as PEM.
    #[error("holds no PEM certificate")]
    NoCertificate,
    /// A certificate that cannot be an authority.
    #[error("holds a certificate that cannot be an authority")]
    BadAuthority,
    /// No private key in it, as PEM; an encrypted one does not count.
    #[error("holds no unencrypted PEM private key")]
    NoPrivateKey,
    /// A private key that does not fit the certificate, or of a kind we do not know.
    #[error("private key is not the certificate's, or of an unknown kind")]
    KeyMismatch,
}

/// How a connection failed to come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreached {
    /// The name has no address.
    #[error("the name cannot be resolved")]
    NameUnknown,
    /// None of the gate's addresses is of the family of the source address.
    #[error("no address of the family of {0}")]
    NoAddressFor(IpAddr),
    /// The source address cannot be used.
    #[error("cannot connect from {}: {}", .0, kind_text(*.1))]
    Source(IpAddr, io::ErrorKind),
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// A gate of this host has no socket there.
    #[error("there is no socket")]
    NoSocket,
    /// Nobody listens at the local socket of a gate.
    #[error("nobody listens at the socket")]
    DeadSocket,
    /// The proxy on the way.
    #[error("{0}")]
    Proxy(ProxyFault),
    /// Another answer of the network.
    #[error("{}", kind_text(*.0))]
    Network(io::ErrorKind),
    /// The gate closed the connection before the handshake was done.
    #[error("connection closed before the TLS handshake was done")]
    Closed,
    /// The time was over.
    #[error("no answer in time while {0}")]
    TimedOut(Stage),
}

/// Where the time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Looking the name up.
    Resolve,
    /// TCP.
    Connect,
    /// What a proxy wants to hear, and its own connection.
    Proxy,
    /// TLS.
    Handshake,
    /// Waiting for the whole reply.
    Answer,
}

impl fmt::Display for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Resolve => "resolving the name",
            Self::Connect => "connecting",
            Self::Proxy => "connecting through the proxy",
            Self::Handshake => "in the TLS handshake",
            Self::Answer => "waiting for the reply",
        })
    }
}

/// What is wrong with the gate's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// Not issued by the authority given.
    #[error("its certificate is not of the given authority")]
    UnknownAuthority,
    /// Of another name.
    #[error("its certificate has another name")]
    WrongName,
    /// Past its end, by this host's clock.
    #[error("its certificate has expired")]
    Expired,
    /// Before its start, by this host's clock.
    #[error("its certificate is not valid yet")]
    NotYetValid,
    /// Not a server's, badly signed, or broken in another way.
    #[error("its certificate is not a valid server certificate")]
    Invalid,
}

/// What a gate says of our certificate: TLS alerts (RFC 8446 § 6), or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Alert 116.
    #[error("it got no certificate from us")]
    CertificateRequired,
    /// Alert 44.
    #[error("our certificate is revoked")]
    CertificateRevoked,
    /// Alert 45.
    #[error("our certificate has expired")]
    CertificateExpired,
    /// Alerts 42, 43 and 46.
    #[error("our certificate is not a valid client certificate")]
    BadCertificate,
    /// Alerts 48 and 51.
    #[error("our certificate's authority is not known there")]
    UnknownAuthority,
    /// Alert 49.
    #[error("access denied")]
    AccessDenied,
    /// A gate of this host does not hear this user, and does not say why.
    #[error("connection closed without a word")]
    LocalUser,
    /// Another alert in place of a reply, by its number.
    #[error("TLS alert {0}")]
    Alert(u8),
    /// The connection ended right after the handshake, without an alert: a refusal that is not told,
    /// or a gate that was stopping.
    #[error("connection closed right after the handshake")]
    Closed,
}

/// What came in place of a reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// A TLS alert in the handshake that does not speak of certificates, by its number.
    #[error("TLS alert {0} in the handshake")]
    Alert(u8),
    /// Not TLS 1.3 as we speak it; the library's words.
    #[error("{}", escape(.0.as_bytes()))]
    Tls(String),
    /// Bytes that are no reply to our call.
    #[error("{0}")]
    Reply(#[from] ReplyFault),
    /// A reply without its end.
    #[error("the reply ends in the middle")]
    CutOff,
    /// A Thrift exception about our call, or one nobody knows: its number and text.
    #[error("exception {kind}: {}", escape(.message.as_bytes()))]
    Exception {
        /// Thrift's number of the kind.
        kind: i32,
        /// The peer's text.
        message: String,
    },
}

/// Which permission is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lack {
    /// The gate knows the client, and none of its roles holds `login`.
    #[error("no role of this client has the permission")]
    Role,
    /// TSM's socket answered that it does not accept this user.
    #[error("TSM does not accept your user")]
    TsmGroup,
    /// The system does not let this user at TSM's socket.
    #[error("your user may not open the socket")]
    SocketMode,
    /// The system does not let this user at the gate's local socket.
    #[error("your user may not open the gate's socket")]
    GateSocketMode,
}

/// Why TSM gave no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TsmFault {
    /// There is no socket: TSM does not run here, or elsewhere on this host.
    #[error("there is no socket")]
    SocketMissing,
    /// Nobody listens at the socket.
    #[error("nobody listens at the socket")]
    SocketDead,
    /// Another answer of the system to the connection.
    #[error("cannot connect: {}", kind_text(*.0))]
    Socket(io::ErrorKind),
    /// The time was over.
    #[error("no whole reply in time")]
    TimedOut,
    /// The connection ended without an answer.
    #[error("connection closed without a reply")]
    Closed,
    /// `PLL_ERROR`.
    #[error("TSM says that it failed")]
    Failed,
    /// The gate cannot connect to TSM.
    #[error("backend_unreachable")]
    Unreachable,
    /// All the gate's connections to TSM are taken.
    #[error("backend_busy")]
    Busy,
    /// TSM does not answer the gate in time.
    #[error("backend_timeout")]
    Timeout,
    /// TSM answers the gate with something else.
    #[error("backend_garbage")]
    Garbage,
    /// Somebody else answers at TSM's socket.
    #[error("backend_untrusted")]
    Untrusted,
    /// TSM told the gate that it failed.
    #[error("backend_error")]
    Error,
    /// TSM does not accept the gate's own user.
    #[error("backend_denied_gate")]
    DeniedGate,
    /// An internal error in words that we do not know.
    #[error("{}", escape(.0.as_bytes()))]
    Exception(String),
}

/// Why not now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// Over a limit; the gate may say for how many seconds.
    OverLimit(Option<u32>),
    /// The gate cannot record, so it does not let in.
    AuditUnavailable,
    /// The gate is stopping.
    GateStopping,
}

impl fmt::Display for Delay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OverLimit(Some(seconds)) => {
                write!(formatter, "over_limit; retry in {seconds} s")
            }
            Self::OverLimit(None) => formatter.write_str("over_limit"),
            Self::AuditUnavailable => formatter.write_str("audit_unavailable"),
            Self::GateStopping => formatter.write_str("gate_stopping"),
        }
    }
}

/// A path as one visible line.
pub(crate) fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}
