//! A token: one line that is pasted on the new host. It says where the service is, by which certificate it is
//! known, who is invited, until when, and the secret that proves it; and it notices when it was cut or mistyped.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use data_encoding::BASE64URL_NOPAD;
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::error::PkiError;
use crate::key::sha256;
use crate::name::ClientName;

/// What every token begins with: people tell by it what the line is for.
const BEGINNING: &str = "tsmgate-join-";
const VERSION: u8 = 1;
const SECRET_BYTES: usize = 32;
const CHECK_BYTES: usize = 4;
/// The longest token that is read, in bytes.
const TOKEN_MOST: usize = 1024;
/// The longest address, in bytes: a DNS name, a colon and a port.
const ADDRESS_MOST: usize = 253 + 6;

/// The secret of an invite. Wiped when dropped, and shown by nothing but the token itself.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl InviteSecret {
    /// A new one of 256 random bits.
    pub(crate) fn random() -> Result<InviteSecret, PkiError> {
        let mut bytes = Zeroizing::new([0; SECRET_BYTES]);
        aws_lc_rs::rand::fill(bytes.as_mut())
            .map_err(|_| PkiError::Cryptography("get random numbers"))?;
        Ok(InviteSecret(bytes))
    }

    /// As it goes over the wire, base64url.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(self.0.as_ref()))
    }

    /// What is kept of it: there is nothing to guess in 256 random bits, so a plain SHA-256 will do.
    pub(crate) fn hash(&self) -> [u8; 32] {
        sha256(self.0.as_ref())
    }

    /// The hash of a secret that somebody sent, whatever it is.
    pub(crate) fn hash_of_text(text: &str) -> [u8; 32] {
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).unwrap_or_default());
        sha256(&bytes)
    }
}

impl fmt::Debug for InviteSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("InviteSecret(…)")
    }
}

/// Whether two hashes are the same, in a time that says nothing of where they differ.
pub(crate) fn same(one: &[u8; 32], other: &[u8; 32]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

/// What an invited host is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Where the service listens: `host:port`.
    pub address: String,
    /// The SHA-256 of the authority's certificate, DER: how the service is known.
    pub authority_sha256: [u8; 32],
    /// Who is invited.
    pub name: ClientName,
    /// What proves it.
    pub secret: InviteSecret,
    /// Until when.
    pub not_after: OffsetDateTime,
}

/// Why a text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// It does not begin like one.
    #[error("this is no token: one begins with {BEGINNING}")]
    NotAToken,
    /// It was cut, or a character was changed.
    #[error("the token is damaged or incomplete: copy the whole line again")]
    Damaged,
    /// It is of a later version of tsmgate.
    #[error("the token is of a newer tsmgate than this one")]
    Newer,
}

impl fmt::Display for Token {
    /// The line with the secret in it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = Zeroizing::new(vec![VERSION]);
        bytes.extend(self.not_after.unix_timestamp().to_be_bytes());
        bytes.extend(self.authority_sha256);
        bytes.extend(self.secret.0.as_ref());
        for text in [self.name.as_str(), &self.address] {
            bytes.extend(u16::try_from(text.len()).map_err(|_| fmt::Error)?.to_be_bytes());
            bytes.extend(text.as_bytes());
        }
        let check = sha256(&bytes);
        bytes.extend(check.iter().take(CHECK_BYTES));
        let text = Zeroizing::new(BASE64URL_NOPAD.encode(&bytes));
        write!(formatter, "{BEGINNING}{}", *text)
    }
}

impl FromStr for Token {
    type Err = TokenFault;

    fn from_str(text: &str) -> Result<Token, TokenFault> {
        let text = text.trim().strip_prefix(BEGINNING).ok_or(TokenFault::NotAToken)?;
        if text.len() > TOKEN_MOST {
            return Err(TokenFault::Damaged);
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| TokenFault::Damaged)?;
        let bytes = Zeroizing::new(bytes);
        let (body, check) = bytes
            .len()
            .checked_sub(CHECK_BYTES)
            .and_then(|length| bytes.split_at_checked(length))
            .ok_or(TokenFault::Damaged)?;
        if sha256(body).get(..CHECK_BYTES) != Some(check) {
            return Err(TokenFault::Damaged);
        }
        if body.first().is_none_or(|version| *version != VERSION) {
            return Err(TokenFault::Newer);
        }
        Parts(body.get(1..).unwrap_or_default()).token().ok_or(TokenFault::Damaged)
    }
}

/// What is left to read of a token.
struct Parts<'a>(&'a [u8]);

impl Parts<'_> {
    fn token(mut self) -> Option<Token> {
        let seconds = i64::from_be_bytes(self.array()?);
        let not_after = OffsetDateTime::from_unix_timestamp(seconds).ok()?;
        let authority_sha256 = self.array()?;
        let secret = InviteSecret(Zeroizing::new(self.array()?));
        let name = self.text()?.parse().ok()?;
        let address = self.text()?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        let is_address = address.len() <= ADDRESS_MOST && address.bytes().all(plain);
        let whole = is_address && self.0.is_empty();
        whole.then_some(Token { address, authority_sha256, name, secret, not_after })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::from(u16::from_be_bytes(self.array()?));
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

#[cfg(test)]
mod tests;
