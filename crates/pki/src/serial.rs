//! Serial numbers: random ones for new certificates, and any that people write down. They are kept
//! as lowercase hex of whole bytes without leading zero bytes, which is how the daemon's deny list
//! and OpenSSL's output read, but for case.

use std::fmt;
use std::str::FromStr;

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use serde::{Deserialize, Serialize};

use crate::error::PkiError;
use tsmgate_text::escape;

/// The longest serial number, in bytes (RFC 5280 § 4.1.2.2).
const SERIAL_MOST: usize = 20;

/// A certificate's serial number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Serial(String);

impl Serial {
    /// A new one: 16 bytes, positive without a sign byte, 126 random bits.
    pub(crate) fn random() -> Result<Serial, PkiError> {
        let mut bytes = [0u8; 16];
        aws_lc_rs::rand::fill(&mut bytes)
            .map_err(|_| PkiError::Cryptography("get random numbers"))?;
        // The first byte is 0x40 to 0x7f, so that every serial number has the same length.
        let [first, ..] = &mut bytes;
        *first = (*first & 0x3f) | 0x40;
        Ok(Serial::from_bytes(&bytes))
    }

    /// From the big-endian bytes of the number.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Serial {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let digits = bytes.get(zeros..).unwrap_or_default();
        Serial(if digits.is_empty() { "00".into() } else { HEXLOWER.encode(digits) })
    }

    /// The big-endian bytes of the number.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        HEXLOWER.decode(self.0.as_bytes()).unwrap_or_default()
    }

    /// Lowercase hex.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Serial {
    type Err = PkiError;

    /// Takes hex of either case, with or without colons.
    fn from_str(text: &str) -> Result<Serial, PkiError> {
        let bad = || PkiError::BadSerial(escape(text.as_bytes()));
        let mut digits: String = text.chars().filter(|c| *c != ':').collect();
        if digits.len() % 2 == 1 {
            digits.insert(0, '0');
        }
        let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| bad())?;
        // One byte more than the most: people copy the sign byte along.
        if bytes.is_empty() || bytes.len() > SERIAL_MOST + 1 {
            return Err(bad());
        }
        Ok(Serial::from_bytes(&bytes))
    }
}

impl TryFrom<String> for Serial {
    type Error = PkiError;

    fn try_from(text: String) -> Result<Serial, PkiError> {
        text.parse()
    }
}

impl From<Serial> for String {
    fn from(serial: Serial) -> String {
        serial.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
