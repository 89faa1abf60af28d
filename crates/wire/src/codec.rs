//! The Thrift crate's binary protocol with its limits set, over memory.
//!
//! Its defaults allow a hundred megabytes on the word of a four-byte length and set no limit to
//! containers; here nothing exceeds the message limit of the caller (measured, `thrift` 0.25).

use std::io::Cursor;

use thrift::protocol::{TBinaryInputProtocol, TBinaryOutputProtocol};
use thrift::{TConfiguration, TransportErrorKind};

/// Structs within structs; the legal reply has two levels, the rest is room for fields to skip.
const DEPTH_LIMIT: usize = 8;

/// Reads strict binary protocol from memory.
pub(crate) type Input<'a> = TBinaryInputProtocol<Cursor<&'a [u8]>>;
/// Writes strict binary protocol to memory.
pub(crate) type Output<'a> = TBinaryOutputProtocol<&'a mut Vec<u8>>;

/// A reader over `bytes` in which no string or container may be larger than `limit`.
pub(crate) fn input(bytes: &[u8], limit: usize) -> Input<'_> {
    let limits = TConfiguration::builder()
        .max_message_size(Some(limit))
        .max_frame_size(Some(limit))
        .max_string_size(Some(limit))
        .max_container_size(Some(limit))
        .max_recursion_depth(Some(DEPTH_LIMIT))
        .build()
        .expect("the frame limit equals the message limit, the one thing the builder checks");
    TBinaryInputProtocol::with_config(Cursor::new(bytes), true, limits)
}

/// A writer that appends to `buffer`.
pub(crate) fn output(buffer: &mut Vec<u8>) -> Output<'_> {
    TBinaryOutputProtocol::new(buffer, true)
}

/// Whether the reader stopped only because the bytes ended, so that more of them may help.
pub(crate) fn ran_out(error: &thrift::Error) -> bool {
    matches!(error, thrift::Error::Transport(cause) if cause.kind == TransportErrorKind::EndOfFile)
}

/// Whether `bytes` can still become a strict message: their start agrees with version 1.
///
/// Said of the first byte already, so that a stranger's other protocol ends at once and does not wait
/// for a header that never comes.
pub(crate) fn starts_strict(bytes: &[u8]) -> bool {
    const VERSION_1: [u8; 2] = [0x80, 0x01];
    bytes.iter().zip(VERSION_1).all(|(&byte, expected)| byte == expected)
}
