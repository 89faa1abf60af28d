//! How far back a report looks, as an administrator writes it.

use std::str::FromStr;

use time::{Duration, OffsetDateTime};

/// A length of time before now: hours, days or weeks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since(Duration);

impl Since {
    /// When that was; records of that very moment are within the period.
    pub fn before(self, now: OffsetDateTime) -> OffsetDateTime {
        // longer ago than there are records is as good as everything
        now.checked_sub(self.0).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || "not a length of time; write it like 12h, 7d or 4w".to_owned();
        let unit = match text.chars().next_back() {
            Some('h') => Duration::HOUR,
            Some('d') => Duration::DAY,
            Some('w') => Duration::WEEK,
            _ => return Err(fault()),
        };
        let digits = text.get(..text.len() - 1).unwrap_or_default();
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        match digits.parse::<i32>() {
            Ok(count @ 1..) if plain => Ok(Self(unit * count)),
            _ => Err(fault()),
        }
    }
}
