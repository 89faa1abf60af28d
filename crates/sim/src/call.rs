//! Finds out whether the bytes so far are a whole call, part of one, or never will be one.
//!
//! It reads with the Thrift crate's own strict reader and limits, and refuses lenient forms: the old
//! header without a version word, messages of another type than CALL, and calls above 4 KiB.

use thrift::protocol::{TBinaryInputProtocol, TInputProtocol, TMessageType, TType};
use thrift::{TConfiguration, TransportErrorKind};

/// The longest call that is read, in bytes. A guess: the real limit is unknown, a login takes 18.
pub(crate) const CALL_LIMIT: usize = 4096;

/// What the bytes so far are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// A beginning; more bytes are needed.
    Incomplete,
    /// A whole call: how many bytes it takes, and the method it names.
    Whole { length: usize, method: String },
    /// No call, for this reason.
    Broken(String),
}

/// Judges the bytes at hand.
pub(crate) fn read_call(bytes: &[u8]) -> Reading {
    let mut rest = bytes;
    match skip_call(&mut rest) {
        Ok(method) => Reading::Whole { length: bytes.len() - rest.len(), method },
        Err(error) if is_end(&error) && bytes.len() < CALL_LIMIT => Reading::Incomplete,
        Err(error) => Reading::Broken(error.to_string()),
    }
}

/// A strict reader that allocates and descends no further than a call can need.
pub(crate) fn bounded_reader<T: std::io::Read>(transport: T) -> TBinaryInputProtocol<T> {
    TBinaryInputProtocol::with_config(transport, true, limits())
}

fn limits() -> TConfiguration {
    let built = TConfiguration::builder()
        .max_message_size(Some(CALL_LIMIT))
        .max_frame_size(Some(CALL_LIMIT))
        .max_recursion_depth(Some(8))
        .max_container_size(Some(CALL_LIMIT))
        .max_string_size(Some(CALL_LIMIT))
        .build();
    built.expect("the limits are positive and the frame is no larger than the message")
}

fn skip_call(bytes: &mut &[u8]) -> thrift::Result<String> {
    let mut input = bounded_reader(bytes);
    let message = input.read_message_begin()?;
    if message.message_type != TMessageType::Call {
        return Err(thrift::Error::from(format!("{:?} is no call", message.message_type)));
    }
    input.skip(TType::Struct)?;
    input.read_message_end()?;
    Ok(message.name)
}

fn is_end(error: &thrift::Error) -> bool {
    matches!(error, thrift::Error::Transport(cause) if cause.kind == TransportErrorKind::EndOfFile)
}

#[cfg(test)]
mod tests;
