//! The values of a configuration as they are written: `"5s"`, `"16MiB"`.
//!
//! Each checks itself while the file is read, so that a fault is reported where it stands.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// Longer than anything here has to take; what is written with more is a typing error.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);

/// A text that a type reads by its `FromStr`.
#[derive(Debug, Clone)]
pub struct Parsed<T>(pub T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Parser(PhantomData))
    }
}

/// Parses while the text is being read: a fault after that would be placed at the list around it.
struct Parser<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Parser<T> {
    type Value = Parsed<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map(Parsed).map_err(E::custom)
    }
}

/// A length of time: `250ms`, `5s`, `15m`, `1h`.
pub type WrittenDuration = Parsed<Time>;
/// A number of bytes: `512`, `16KiB`, `1MiB`.
pub type WrittenSize = Parsed<Size>;

/// A length of time of this program's own, as it is written.
///
/// # Panics
/// It is not one: a default of the program's own that no test has read.
pub fn time(text: &str) -> WrittenDuration {
    Parsed(text.parse().expect("a default of ours, read by every test"))
}

/// A size of this program's own, as it is written.
///
/// # Panics
/// As [`time`].
pub fn size(text: &str) -> WrittenSize {
    Parsed(text.parse().expect("a default of ours, read by every test"))
}

/// See [`WrittenDuration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault =
            || format!("`{text}` is not a length of time; write it like 250ms, 5s, 15m or 1h");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| fault())?;
        let millis = match unit {
            "ms" => Some(number),
            "s" => number.checked_mul(1000),
            "m" => number.checked_mul(60_000),
            "h" => number.checked_mul(3_600_000),
            _ => return Err(fault()),
        };
        let time = Duration::from_millis(millis.ok_or_else(fault)?);
        if time.is_zero() || time > LONGEST {
            return Err(format!("`{text}` must be more than nothing and at most a week"));
        }
        Ok(Self(time))
    }
}

/// See [`WrittenSize`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fault = || format!("`{text}` is not a size; write it like 512, 16KiB or 1MiB");
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| fault())?;
        let factor = match unit {
            "" => 1,
            "KiB" => 1024,
            "MiB" => 1024 * 1024,
            "GiB" => 1024 * 1024 * 1024,
            _ => return Err(fault()),
        };
        number.checked_mul(factor).map(Self).ok_or_else(fault)
    }
}
