//! Views of revocation lists.

use serde::{Serialize, Serializer};
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
    /// Its number, decimal; some authorities give none. In JSON it is a number where every reader
    /// has it exact, and text where not: it may have 20 bytes.
    #[serde(serialize_with = "number")]
    pub number: Option<String>,
    /// From when it counts, RFC 3339.
    pub begins: String,
    /// Until when it counts, RFC 3339; some authorities give none.
    pub ends: Option<String>,
    /// Whole days left; negative once it has run out.
    pub days_left: Option<i64>,
    /// What it revokes.
    pub entries: Vec<RevokedView>,
}

/// One revoked certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RevokedView {
    /// Its serial number, lowercase hex.
    pub serial_number: String,
    /// When, RFC 3339.
    pub revoked_at: String,
    /// Why, where the list says so.
    pub reason: Option<String>,
}

impl RevocationListView {
    pub(super) fn of(list: &CertificateRevocationList<'_>, now: OffsetDateTime) -> Self {
        let ends = list.next_update().map(|time| time.to_datetime());
        RevocationListView {
            issuer: subject(list.issuer()),
            number: list.crl_number().map(ToString::to_string),
            begins: time_text(list.last_update().to_datetime()),
            ends: ends.map(time_text),
            days_left: ends.map(|end| days_left(end, now)),
            entries: list.iter_revoked_certificates().map(entry).collect(),
        }
    }
}

/// The largest number that JSON readers with floating point have exact (RFC 8259 § 6).
const NUMBER_MOST: u64 = (1 << 53) - 1;

#[allow(clippy::ref_option, reason = "serde gives it so")]
fn number<S: Serializer>(decimal: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
    let small = decimal.as_ref().and_then(|digits| digits.parse().ok());
    match small.filter(|number| *number <= NUMBER_MOST) {
        Some(number) => to.serialize_u64(number),
        None => decimal.serialize(to),
    }
}

fn entry(revoked: &RevokedCertificate<'_>) -> RevokedView {
    RevokedView {
        serial_number: Serial::from_bytes(revoked.raw_serial()).to_string(),
        revoked_at: time_text(revoked.revocation_date.to_datetime()),
        reason: revoked.reason_code().map(|(_, code)| reason(code)),
    }
}
