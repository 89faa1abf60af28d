//! Why nobody was enrolled: a code and words for the peer, which say nothing of the host, and the whole for
//! the log.

use time::OffsetDateTime;

use crate::error::PkiError;
use crate::time_text;

/// Why a host did not get a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnrolFault {
    /// No such invite, or another secret: whoever does not know the secret learns no more.
    #[error("there is no such invite")]
    InviteUnknown,
    /// Its time is over.
    #[error("the invite was good until {}", time_text(*.0))]
    InviteExpired(OffsetDateTime),
    /// Somebody with another key joined by it.
    #[error("the invite was used {}, by another key", time_text(*.0))]
    InviteUsed(OffsetDateTime),
    /// The key or the request is not acceptable.
    #[error("{0}")]
    RequestRefused(PkiError),
    /// The name has a certificate of another key.
    #[error("{0} has a live certificate")]
    LiveCertificate(String),
    /// The certificate shown is none that was issued here to a client.
    #[error("this certificate was not issued here")]
    CertificateUnknown,
    /// It was revoked.
    #[error("this certificate was revoked")]
    CertificateRevoked,
    /// It is over.
    #[error("this certificate ended {}", time_text(*.0))]
    CertificateExpired(OffsetDateTime),
    /// Its entry is for other networks.
    #[error("{0} may not renew from this network")]
    NetworkRefused(String),
    /// It has no entry: it was made by hand, or taken out.
    #[error("{0} is not enrolled")]
    NotEnrolled(String),
    /// It was renewed too often.
    #[error("{0} has too many live certificates")]
    TooManyCertificates(String),
    /// Something is wrong on the authority's side.
    #[error("the authority cannot issue certificates now")]
    AuthorityTrouble(PkiError),
}

impl From<PkiError> for EnrolFault {
    fn from(error: PkiError) -> EnrolFault {
        match error {
            PkiError::RequestMalformed
            | PkiError::RequestSignature
            | PkiError::RequestRefused(_) => EnrolFault::RequestRefused(error),
            error => EnrolFault::AuthorityTrouble(error),
        }
    }
}

impl EnrolFault {
    /// Its name in answers and records.
    pub fn code(&self) -> &'static str {
        match self {
            EnrolFault::InviteUnknown => "invite_unknown",
            EnrolFault::InviteExpired(_) => "invite_expired",
            EnrolFault::InviteUsed(_) => "invite_used",
            EnrolFault::RequestRefused(_) => "request_refused",
            EnrolFault::LiveCertificate(_) => "live_certificate",
            EnrolFault::CertificateUnknown => "certificate_unknown",
            EnrolFault::CertificateRevoked => "certificate_revoked",
            EnrolFault::CertificateExpired(_) => "certificate_expired",
            EnrolFault::NetworkRefused(_) => "network_refused",
            EnrolFault::NotEnrolled(_) => "not_enrolled",
            EnrolFault::TooManyCertificates(_) => "too_many_certificates",
            EnrolFault::AuthorityTrouble(_) => "authority_trouble",
        }
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> u16 {
        match self {
            EnrolFault::RequestRefused(_) => 400,
            EnrolFault::LiveCertificate(_) => 409,
            EnrolFault::TooManyCertificates(_) => 429,
            EnrolFault::AuthorityTrouble(_) => 503,
            _ => 403,
        }
    }

    /// What can be done about it, in one line.
    pub fn hint(&self) -> &'static str {
        match self {
            EnrolFault::InviteUnknown | EnrolFault::InviteExpired(_) => {
                "ask for a new invite: `tsmgate pki invite NAME …` on the TSM host"
            }
            EnrolFault::InviteUsed(_) => {
                "if nobody here used it, somebody else did: the authority's audit says from where; \
                 `tsmgate pki revoke NAME` on the TSM host, then a new invite"
            }
            EnrolFault::RequestRefused(_) => {
                "a new key of ECDSA P-256 is what `tsmgate join` makes"
            }
            EnrolFault::LiveCertificate(_) => {
                "`tsmgate pki invite NAME --replace …` on the TSM host revokes it when the host joins"
            }
            EnrolFault::CertificateUnknown
            | EnrolFault::CertificateRevoked
            | EnrolFault::CertificateExpired(_)
            | EnrolFault::NotEnrolled(_) => {
                "join again: `tsmgate pki invite NAME …` on the TSM host, `tsmgate join` here"
            }
            EnrolFault::NetworkRefused(_) => {
                "renew from a network of its entry, or have it invited anew with --networks"
            }
            EnrolFault::TooManyCertificates(_) => {
                "something renews in a loop; wait until the oldest of them ends"
            }
            EnrolFault::AuthorityTrouble(_) => "its log on the TSM host says why; try again later",
        }
    }
}
