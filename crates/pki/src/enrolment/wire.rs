//! What goes over the wire between `tsmgate join` and `renew` and the service: JSON, whole and bounded. The
//! names in it are the contract; unknown members are ignored by both, so that either may be newer.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The longest request and the longest answer, in bytes: a few certificates and some words.
pub const BODY_MOST: usize = 64 * 1024;

/// `POST /v1/join`
#[derive(Clone, Serialize, Deserialize)]
pub struct JoinRequest {
    /// Who is invited.
    pub name: String,
    /// The token's secret, base64url.
    pub secret: Zeroizing<String>,
    /// A certificate signing request, PEM; its names are ignored.
    pub request: String,
}

impl fmt::Debug for JoinRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("JoinRequest").field("name", &self.name).finish_non_exhaustive()
    }
}

/// `POST /v1/renew`, over a connection with the certificate that is to be renewed
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RenewRequest {
    /// A certificate signing request, PEM, of the same key or a new one.
    pub request: String,
}

/// The answer to both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The certificate, PEM.
    pub certificate: String,
    /// The authority that issued it, PEM: by it the service is known from now on.
    pub authority: String,
    /// The gate.
    pub gate: GateAnswer,
    /// Who the host is there.
    pub client: ClientAnswer,
    /// The start of its life, RFC 3339.
    pub not_before: String,
    /// The end of its life, RFC 3339.
    pub not_after: String,
    /// What time it is at the service, RFC 3339.
    pub now: String,
}

/// The gate that it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateAnswer {
    /// Where it listens, `host:port`.
    pub address: String,
    /// The authority that issued its certificate, PEM.
    pub authority: String,
}

/// Who a client is, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAnswer {
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: Vec<String>,
    /// Where it may come from; empty: wherever anybody may.
    pub networks: Vec<String>,
}
