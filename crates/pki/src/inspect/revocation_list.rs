//! Views of revocation lists.

use serde::Serialize;
use time::OffsetDateTime;
use x509_parser::revocation_list::{CertificateRevocationList, RevokedCertificate};

use super::words::{days_left, reason, subject};
use crate::serial::Serial;
use crate::time_text;

/// What a revocation list says. Every text is escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevocationListView {
    /// Who claims to have signed it.
    pub issuer: String,
    /// Its number, decimal; some authorities give none.
    pub number: Option<String>,
    /// From when it counts, RFC 3339.
    pub this_update: String,
    /// Until when it counts, RFC 3339; some authorities give none.
    pub next_update: Option<String>,
    /// Whole days left; negative once it has run out.
    pub days_left: Option<i64>,
    /// What it revokes.
    pub entries: Vec<RevokedView>,
}

/// One revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevokedView {
    /// Its serial number, lowercase hex.
    pub serial: String,
    /// When, RFC 3339.
    pub revoked_at: String,
    /// Why, where the list says so.
    pub reason: Option<String>,
}

impl RevocationListView {
    pub(super) fn of(list: &CertificateRevocationList<'_>, now: OffsetDateTime) -> Self {
        let next_update = list.next_update().map(|time| time.to_datetime());
        RevocationListView {
            issuer: subject(list.issuer()),
            number: list.crl_number().map(ToString::to_string),
            this_update: time_text(list.last_update().to_datetime()),
            next_update: next_update.map(time_text),
            days_left: next_update.map(|end| days_left(end, now)),
            entries: list.iter_revoked_certificates().map(entry).collect(),
        }
    }
}

fn entry(revoked: &RevokedCertificate<'_>) -> RevokedView {
    RevokedView {
        serial: Serial::from_bytes(revoked.raw_serial()).to_string(),
        revoked_at: time_text(revoked.revocation_date.to_datetime()),
        reason: revoked.reason_code().map(|(_, code)| reason(code)),
    }
}
