//! The answers of the conversation: what TSM says, parsed whole, and what we say, written anew.
//!
//! A reply is accepted only if it is one: our sequence number, our method, each field of its type and
//! at most once, a return code that exists and, on success, a cookie that can be one. Unknown fields
//! are skipped, as Thrift asks; trailing bytes are not looked at.

use std::fmt;

use thrift::protocol::{
    TFieldIdentifier, TMessageIdentifier, TMessageType, TOutputProtocol, TStructIdentifier, TType,
};
use zeroize::Zeroizing;

use crate::call::METHOD;
use crate::codec;
use crate::generated::passwordless_login::PasswordLessLoginReturnCode as ReturnCode;
use crate::secret::Secret;

mod read;

pub use read::{ReplyFault, decode_reply};

/// The most bytes a reply may take, in bytes. A real one takes about 700.
pub const REPLY_LIMIT: usize = 16 * 1024;

/// What TSM, or a gate, answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// `PLL_SUCCESS`, with all that belongs to it.
    Granted(Login),
    /// `PLL_NOT_AUTHORIZED`: TSM does not know the caller, or the role lacks the permission.
    NotAuthorized,
    /// `PLL_ERROR`: TSM could not.
    Error,
    /// A Thrift exception in place of a result.
    Exception(RemoteException),
}

/// A granted login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user TSM says the session is of; a text of the peer's, to be escaped where shown.
    pub username: String,
    /// The session.
    pub cookie: Cookie,
}

/// A session cookie: its parts can be put into an HTTP header as they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    name: String,
    value: Secret,
    max_age: u32,
}

/// Why parts do not make a cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CookieFault {
    /// Empty, or with a byte that RFC 6265 forbids in a name.
    #[error("the cookie's name is empty or not a token")]
    Name,
    /// Empty, or with a byte that RFC 6265 forbids in a value.
    #[error("the cookie's value is empty or has forbidden bytes")]
    Value,
    /// Absent, zero or negative.
    #[error("the cookie's lifetime is not a positive number")]
    MaxAge,
}

impl Cookie {
    /// Checks the parts: a name, a value and a lifetime in seconds.
    ///
    /// # Errors
    /// Where one of them could not stand in a `Cookie` header (RFC 6265 § 4.1.1), or is missing.
    pub fn new(name: String, value: Secret, max_age: i32) -> Result<Self, CookieFault> {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(CookieFault::Name);
        }
        let text = value.expose();
        if text.is_empty() || !text.bytes().all(is_cookie_octet) {
            return Err(CookieFault::Value);
        }
        match u32::try_from(max_age) {
            Ok(max_age) if max_age > 0 => Ok(Self { name, value, max_age }),
            _ => Err(CookieFault::MaxAge),
        }
    }

    /// The name, `AUTH_COOKIE` at every TSM seen.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The secret.
    pub fn value(&self) -> &Secret {
        &self.value
    }

    /// How long TSM will honour it, in seconds from now; 7200 at every TSM seen.
    pub fn max_age(&self) -> u32 {
        self.max_age
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the name too stays out: where a cookie is printed nothing of it should be
        formatter.debug_struct("Cookie").field("max_age", &self.max_age).finish_non_exhaustive()
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_cookie_octet(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\".contains(&byte)
}

/// The kinds of Thrift application exception that this conversation has.
///
/// Source: Thrift's `TApplicationException`, whose numbers are the same in every language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExceptionKind {
    /// 1: no such method.
    UnknownMethod,
    /// 2: not a call.
    InvalidMessageType,
    /// 6: the server's side failed.
    InternalError,
    /// 7: a call with arguments it does not have.
    ProtocolError,
    /// Any other number a peer may send.
    Other(i32),
}

impl ExceptionKind {
    /// The number on the wire.
    pub fn number(self) -> i32 {
        match self {
            Self::UnknownMethod => 1,
            Self::InvalidMessageType => 2,
            Self::InternalError => 6,
            Self::ProtocolError => 7,
            Self::Other(number) => number,
        }
    }

    fn from_number(number: i32) -> Self {
        match number {
            1 => Self::UnknownMethod,
            2 => Self::InvalidMessageType,
            6 => Self::InternalError,
            7 => Self::ProtocolError,
            other => Self::Other(other),
        }
    }
}

/// An exception that came in place of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteException {
    /// What kind of exception.
    pub kind: ExceptionKind,
    /// The peer's text, at most [`REPLY_LIMIT`] bytes; to be escaped wherever it is shown.
    pub message: String,
}

/// Writes an answer under the caller's sequence number. The buffer is wiped when dropped.
///
/// A refusal has the return code alone, as the golden bytes show it.
pub fn encode_reply(sequence: i32, answer: &Answer) -> Zeroizing<Vec<u8>> {
    if let Answer::Exception(exception) = answer {
        return Zeroizing::new(encode_exception(
            METHOD,
            sequence,
            exception.kind,
            &exception.message,
        ));
    }
    let texts = match answer {
        Answer::Granted(login) => {
            login.username.len() + login.cookie.name.len() + login.cookie.value.expose().len()
        }
        _ => 0,
    };
    // of the final size at once: a vector that grows leaves unwiped copies behind
    let mut bytes = Zeroizing::new(Vec::with_capacity(128 + texts));
    write_reply(&mut bytes, sequence, answer).expect("a vector takes every byte");
    bytes
}

fn write_reply(bytes: &mut Vec<u8>, sequence: i32, answer: &Answer) -> thrift::Result<()> {
    let mut output = codec::output(bytes);
    output.write_message_begin(&TMessageIdentifier::new(METHOD, TMessageType::Reply, sequence))?;
    output.write_struct_begin(&TStructIdentifier::new("login_result"))?;
    output.write_field_begin(&TFieldIdentifier::new("success", TType::Struct, 0))?;
    let code = match answer {
        Answer::Granted(_) => ReturnCode::PLL_SUCCESS,
        Answer::NotAuthorized => ReturnCode::PLL_NOT_AUTHORIZED,
        Answer::Error | Answer::Exception(_) => ReturnCode::PLL_ERROR,
    };
    output.write_field_begin(&TFieldIdentifier::new("returnCode", TType::I32, 1))?;
    output.write_i32(code.0)?;
    if let Answer::Granted(login) = answer {
        output.write_field_begin(&TFieldIdentifier::new("username", TType::String, 2))?;
        output.write_string(&login.username)?;
        output.write_field_begin(&TFieldIdentifier::new("cookieName", TType::String, 3))?;
        output.write_string(&login.cookie.name)?;
        output.write_field_begin(&TFieldIdentifier::new("cookieValue", TType::String, 4))?;
        output.write_string(login.cookie.value.expose())?;
        output.write_field_begin(&TFieldIdentifier::new("cookieMaxAge", TType::I32, 5))?;
        output.write_i32(i32::try_from(login.cookie.max_age).unwrap_or(i32::MAX))?;
    }
    output.write_field_stop()?;
    output.write_field_stop()
}

/// Writes an exception in answer to the method `name`.
///
/// `name` may be a peer's text: it is written as Thrift's own servers do, and is bounded by
/// [`crate::CALL_LIMIT`].
pub fn encode_exception(name: &str, sequence: i32, kind: ExceptionKind, message: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64 + name.len() + message.len());
    write_exception(&mut bytes, name, sequence, kind, message).expect("a vector takes every byte");
    bytes
}

fn write_exception(
    bytes: &mut Vec<u8>,
    name: &str,
    sequence: i32,
    kind: ExceptionKind,
    message: &str,
) -> thrift::Result<()> {
    let mut output = codec::output(bytes);
    output.write_message_begin(&TMessageIdentifier::new(
        name,
        TMessageType::Exception,
        sequence,
    ))?;
    output.write_struct_begin(&TStructIdentifier::new("TApplicationException"))?;
    output.write_field_begin(&TFieldIdentifier::new("message", TType::String, 1))?;
    output.write_string(message)?;
    output.write_field_begin(&TFieldIdentifier::new("type", TType::I32, 2))?;
    output.write_i32(kind.number())?;
    output.write_field_stop()
}
