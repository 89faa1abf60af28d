//! The time as it is written in answers and on disk: RFC 3339 in UTC with milliseconds.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

const WRITTEN: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
const COMPACT: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]-[hour][minute][second]");

/// Now.
pub(crate) fn now() -> String {
    // a year of five digits is the only time that cannot be written
    OffsetDateTime::now_utc().format(WRITTEN).unwrap_or_default()
}

/// Now, as the beginning of a number: `20261122-184001`.
pub(crate) fn compact() -> String {
    OffsetDateTime::now_utc().format(COMPACT).unwrap_or_default()
}

/// Now, in microseconds since 1970.
pub(crate) fn micros() -> u64 {
    u64::try_from(OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000).unwrap_or_default()
}

/// How long ago a written time is; nothing for one that lies ahead or is none.
pub(crate) fn age(written: &str) -> Option<std::time::Duration> {
    let then = OffsetDateTime::parse(written, &Rfc3339).ok()?;
    (OffsetDateTime::now_utc() - then).try_into().ok()
}
