//! Every way to be refused, each with a stable code, the stage it belongs to and the party at fault.
//!
//! The code is what the audit, the log, tests and (where a peer may know it) replies use. Codes are
//! never renamed; a new refusal gets a new one.

use std::fmt;
use std::time::Duration;

/// The stages of a connection, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Before a TLS byte: address, bans, rates, budgets.
    Admit,
    /// TLS and the certificate.
    Handshake,
    /// Which client the certificate is.
    Identify,
    /// Whether the client may do this, now.
    Authorize,
    /// The conversation, with the client and with TSM.
    Relay,
    /// The record.
    Audit,
}

impl Stage {
    /// The stage's name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Admit => "admit",
            Self::Handshake => "handshake",
            Self::Identify => "identify",
            Self::Authorize => "authorize",
            Self::Relay => "relay",
            Self::Audit => "audit",
        }
    }
}

/// Who has to do something about a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// The remote side.
    Peer,
    /// TSM or its host.
    Tsm,
    /// Whoever writes the configuration and the certificates.
    Operator,
    /// The gate itself: it is stopping, or cannot record.
    Gate,
}

impl Party {
    /// The party's name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Tsm => "tsm",
            Self::Operator => "operator",
            Self::Gate => "gate",
        }
    }
}

/// What a code of a record means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explained {
    /// The code.
    pub code: &'static str,
    /// The stage that refuses for this reason.
    pub stage: Stage,
    /// Who has to do something about it.
    pub party: Party,
    /// One sentence.
    pub meaning: &'static str,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident $(($field:ty))? = $code:literal, $stage:ident, $party:ident;)+) => {
        /// Why something was refused or failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name $(($field))?,)+
        }

        impl Reason {
            /// The stable code.
            pub fn code(self) -> &'static str {
                match self { $(reasons!(@pattern $name $(($field))?) => $code,)+ }
            }

            /// The stage that refuses for this reason.
            pub fn stage(self) -> Stage {
                match self { $(reasons!(@pattern $name $(($field))?) => Stage::$stage,)+ }
            }

            /// Who has to do something about it.
            pub fn party(self) -> Party {
                match self { $(reasons!(@pattern $name $(($field))?) => Party::$party,)+ }
            }

            /// Every code there is, for documentation and tests.
            pub const CODES: &'static [&'static str] = &[$($code),+];

            /// Every reason there is, in plain words: for who reads codes in a record.
            pub const EXPLAINED: &'static [Explained] = &[$(Explained {
                code: $code,
                stage: Stage::$stage,
                party: Party::$party,
                meaning: concat!($($doc),+).trim_ascii_start(),
            }),+];
        }
    };
    (@pattern $name:ident) => { Reason::$name };
    (@pattern $name:ident ($field:ty)) => { Reason::$name(_) };
}

reasons! {
    /// No networks, no clients or no authority are configured: nobody gets in.
    GateClosed = "gate_closed", Admit, Operator;
    /// The daemon is stopping; the caller is told to come again.
    GateStopping = "gate_stopping", Admit, Gate;
    /// A balancer did not say, with the PROXY protocol, whom it speaks for.
    ProxyHeaderMissing = "proxy_header_missing", Admit, Operator;
    /// No listed network holds the address.
    AddressNotListed = "address_not_listed", Admit, Peer;
    /// The source failed too often and is banned for a while.
    SourceBanned = "source_banned", Admit, Peer;
    /// The source opens connections faster than its rate.
    SourceOverRate = "source_over_rate", Admit, Peer;
    /// The source has as many proven connections as one source may.
    SourceOverConnections = "source_over_connections", Admit, Peer;
    /// The gate has as many proven connections as it may.
    GateFull = "gate_full", Admit, Operator;
    /// There are as many local connections as there may be, in all or of this user.
    LocalFull = "local_full", Admit, Operator;
    /// An unproven connection that had to make room for a newer one.
    UnprovenEvicted = "unproven_evicted", Admit, Peer;

    /// The handshake was not done within its time from accept.
    HandshakeTimeout = "handshake_timeout", Handshake, Peer;
    /// The peer went away before the handshake was done.
    HandshakeAborted = "handshake_aborted", Handshake, Peer;
    /// What the peer sent is not TLS, or broken TLS.
    HandshakeGarbage = "handshake_garbage", Handshake, Peer;
    /// The peer does not speak TLS 1.3, or shares no parameter with us.
    TlsIncompatible = "tls_incompatible", Handshake, Peer;
    /// The peer offers only protocol names (ALPN) that are not ours.
    AlpnUnknown = "alpn_unknown", Handshake, Peer;
    /// The peer refused our certificate.
    PeerRefusedUs = "peer_refused_us", Handshake, Operator;
    /// No client certificate.
    CertificateMissing = "certificate_missing", Handshake, Peer;
    /// Not issued by the client authority, or otherwise not valid as a client's certificate.
    CertificateInvalid = "certificate_invalid", Handshake, Peer;
    /// Outside of its time.
    CertificateExpired = "certificate_expired", Handshake, Peer;
    /// On a revocation list, or on the deny list of the configuration.
    CertificateRevoked = "certificate_revoked", Handshake, Peer;
    /// No revocation list speaks for one of the issuers.
    RevocationUnknown = "revocation_unknown", Handshake, Operator;
    /// The revocation list is past its next update.
    RevocationListExpired = "revocation_list_expired", Handshake, Operator;
    /// Key usage or extended key usage do not say that it is for client authentication.
    CertificateUsage = "certificate_usage", Handshake, Peer;
    /// The peer does not hold the certificate's key.
    KeyNotProved = "key_not_proved", Handshake, Peer;

    /// A good certificate that no entry names.
    ClientUnknown = "client_unknown", Identify, Peer;
    /// A good certificate with several names of the kind that would count, or with control bytes.
    CertificateNames = "certificate_names", Identify, Peer;
    /// A good certificate that two entries name.
    ClientAmbiguous = "client_ambiguous", Identify, Operator;
    /// A known client, but not from this address.
    ClientElsewhere = "client_elsewhere", Identify, Peer;
    /// A user of this host whom no entry names, nor a group he is in.
    LocalUserNotListed = "local_user_not_listed", Identify, Peer;
    /// A user of this host, by his number, whom the user database does not know.
    LocalUserUnknown = "local_user_unknown", Identify, Operator;
    /// The kernel does not say who connected to the local socket.
    LocalPeerUnknown = "local_peer_unknown", Identify, Operator;
    /// The host's user database did not say, or not in time, who a local caller is.
    LocalLookupFailed = "local_lookup_failed", Identify, Operator;
    /// The certificate of an open connection is another client's since a reload, or its user has left a group.
    ClientChanged = "client_changed", Identify, Operator;

    /// None of the client's roles has the permission.
    PermissionMissing = "permission_missing", Authorize, Peer;
    /// The client is over its rate; a token will be there after this time.
    ClientOverRate(Duration) = "client_over_rate", Authorize, Peer;
    /// The client has as many calls under way as it may.
    ClientInFlight = "client_in_flight", Authorize, Peer;

    /// Bytes that are not a call of `login`.
    NotTheConversation = "not_the_conversation", Relay, Peer;
    /// A call of a method that does not exist.
    UnknownMethod = "unknown_method", Relay, Peer;
    /// A call that was begun and not finished in time, or none at all.
    CallTooSlow = "call_too_slow", Relay, Peer;
    /// The peer went away, or did not take its answer, before the call was done.
    PeerGone = "peer_gone", Relay, Peer;
    /// A request that is not HTTP as the gate takes it: framing, characters or fields that could be read in
    /// two ways.
    BadRequest = "bad_request", Relay, Peer;
    /// A request whose header is longer than any that is needed.
    HeaderTooLarge = "header_too_large", Relay, Peer;
    /// A request whose header or body was begun and not finished in time.
    RequestTooSlow = "request_too_slow", Relay, Peer;
    /// A request that waits for the gate's consent before it sends its body.
    ExpectationRefused = "expectation_refused", Relay, Peer;
    /// A request for something that is not an operation of the catalogue, byte for byte.
    NotAnOperation = "not_an_operation", Relay, Peer;
    /// A request with a body where there is none to be, or one too large, or not JSON.
    BodyRefused = "body_refused", Relay, Peer;
    /// A request to change something that a web page sent from a browser.
    CrossSite = "cross_site", Relay, Peer;
    /// All connections to TSM were busy for as long as a call may wait.
    BackendBusy = "backend_busy", Relay, Tsm;
    /// TSM's socket or controller is missing, refuses, or does not accept in time.
    BackendUnreachable = "backend_unreachable", Relay, Tsm;
    /// Whoever answers at TSM's socket is not one of TSM's users, or the path is not safe; or the certificate
    /// of its controller is not the one it has to be.
    BackendUntrusted = "backend_untrusted", Relay, Operator;
    /// TSM did not answer within the time of a call.
    BackendTimeout = "backend_timeout", Relay, Tsm;
    /// TSM went away in the middle, or answered something else than a reply to the call.
    BackendGarbage = "backend_garbage", Relay, Tsm;
    /// TSM answered that it could not.
    BackendError = "backend_error", Relay, Tsm;
    /// TSM does not accept the gate's own user.
    BackendDeniedGate = "backend_denied_gate", Relay, Operator;
    /// TSM does not accept the session that it has just given to the gate.
    BackendSessionRefused = "backend_session_refused", Relay, Tsm;
    /// TSM answered a request with an error of its own, which was passed on.
    AnsweredError = "answered_error", Relay, Tsm;
    /// An answer that can hold secrets and from which they cannot be taken: not JSON, encoded, or larger than
    /// is read whole.
    AnswerNotRedactable = "answer_not_redactable", Relay, Tsm;
    /// The client lost the permission while TSM was at work: what it asked for is done, and the answer kept
    /// back.
    AnswerWithheld = "answer_withheld", Relay, Operator;
    /// TSM's answer broke off, or did not go on or end in time, while it was passed on.
    AnswerCut = "answer_cut", Relay, Tsm;
    /// An order that is not a command of the catalogue, with options and values as it has them.
    BadOrder = "bad_order", Relay, Peer;
    /// A question about a command that there is not, or that is another client's.
    CommandUnknown = "command_unknown", Relay, Peer;
    /// A command that was to be cancelled and has ended.
    CommandEnded = "command_ended", Relay, Peer;
    /// A command whose permission the runner does not serve, whoever asks.
    NotServed = "not_served", Relay, Operator;
    /// As many commands wait at the runner as may, or it is about to be replaced.
    RunnerBusy = "runner_busy", Relay, Tsm;
    /// The runner's socket is missing, refuses, or does not answer in time.
    RunnerUnreachable = "runner_unreachable", Relay, Operator;
    /// Whoever answers at the runner's socket is not one of its users, or the path is not safe.
    RunnerUntrusted = "runner_untrusted", Relay, Operator;
    /// The runner went away in the middle, or said something that is no answer.
    RunnerGarbage = "runner_garbage", Relay, Operator;
    /// The runner has read an order, and what it made of it is not known: it may run.
    RunnerUncertain = "runner_uncertain", Relay, Operator;
    /// The runner has no `tsm` program that nobody else could have written.
    RunnerProgram = "runner_program", Relay, Operator;
    /// The runner cannot keep what has to be kept: its disk is full, or not its own.
    RunnerStorage = "runner_storage", Relay, Operator;
    /// The daemon stopped before the call was done.
    CallAborted = "call_aborted", Relay, Gate;

    /// The audit cannot record, so that the call must not happen.
    AuditUnavailable = "audit_unavailable", Audit, Operator;
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

impl std::error::Error for Reason {}
