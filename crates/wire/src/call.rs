//! The one request of the conversation: a strict CALL of `login` with an empty argument struct.
//!
//! Everything else is a fault, told apart only as far as the answer to it differs.

use thrift::protocol::{
    TInputProtocol, TMessageIdentifier, TMessageType, TOutputProtocol, TStructIdentifier,
};

use crate::codec;

/// The conversation's name in ALPN, as clients offer it and gates agree to it (design § 1). Either
/// side may be without ALPN: then the first byte tells the lane.
pub const ALPN: &[u8] = b"tsm-login";
/// The only method there is.
pub const METHOD: &str = "login";
/// The most bytes a call may take, in bytes. The legal one takes 18; the rest is room for a foreign
/// method's name, which deserves an answer.
pub const CALL_LIMIT: usize = 512;

/// STOP, the end of a struct: the whole argument list of `login`.
const STOP: u8 = 0;

/// A legal call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    /// The sequence number that the reply must carry.
    pub sequence: i32,
    /// How many of the bytes given were this call's. What follows is the next call's.
    pub length: usize,
}

/// Why bytes are not, and will not become, a legal call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFault {
    /// Not strict binary protocol: another protocol, a frame, an old-style header, a bad length.
    #[error("not a strict binary Thrift message")]
    NotStrictBinary,
    /// A whole header, but of a oneway, a reply or an exception.
    #[error("a message that is not a call")]
    NotACall {
        /// The sequence number in the header.
        sequence: i32,
    },
    /// A call of a method that does not exist.
    #[error("a call of an unknown method")]
    UnknownMethod {
        /// The peer's text, at most [`CALL_LIMIT`] bytes; to be escaped wherever it is shown.
        name: String,
        /// The sequence number in the header.
        sequence: i32,
    },
    /// `login` with arguments, of which it has none.
    #[error("a login call with arguments")]
    HasArguments {
        /// The sequence number in the header.
        sequence: i32,
    },
    /// Longer than [`CALL_LIMIT`] without an end.
    #[error("a call longer than {CALL_LIMIT} bytes")]
    TooLong,
}

/// The call as we send it: 18 bytes.
///
/// Source: the binary protocol's definition, and the published client's golden bytes.
pub fn encode_call(sequence: i32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(18);
    write_call(&mut bytes, sequence).expect("a vector takes every byte");
    bytes
}

fn write_call(bytes: &mut Vec<u8>, sequence: i32) -> thrift::Result<()> {
    let mut output = codec::output(bytes);
    output.write_message_begin(&TMessageIdentifier::new(METHOD, TMessageType::Call, sequence))?;
    output.write_struct_begin(&TStructIdentifier::new("login_args"))?;
    output.write_field_stop()
}

/// Reads one call from the start of `bytes`: `None` where it is legal so far but not complete.
///
/// # Errors
/// As soon as the bytes cannot become a legal call, without waiting for more of them.
pub fn decode_call(bytes: &[u8]) -> Result<Option<Call>, CallFault> {
    let more = || if bytes.len() < CALL_LIMIT { Ok(None) } else { Err(CallFault::TooLong) };
    if !codec::starts_strict(bytes) {
        return Err(CallFault::NotStrictBinary);
    }
    let mut input = codec::input(bytes, CALL_LIMIT);
    let header = match input.read_message_begin() {
        Ok(header) => header,
        Err(error) if codec::ran_out(&error) => return more(),
        Err(_) => return Err(CallFault::NotStrictBinary),
    };
    let sequence = header.sequence_number;
    if header.message_type != TMessageType::Call {
        return Err(CallFault::NotACall { sequence });
    }
    if header.name != METHOD {
        return Err(CallFault::UnknownMethod { name: header.name, sequence });
    }
    // the header's length is known: version and type, length, name, sequence number
    let header_length = 4 + 4 + METHOD.len() + 4;
    match bytes.get(header_length) {
        None => more(),
        Some(&STOP) => Ok(Some(Call { sequence, length: header_length + 1 })),
        Some(_) => Err(CallFault::HasArguments { sequence }),
    }
}
