//! The `socat` line that a gate replaces, read for what it did: where it listened, for whom, how, and
//! which socket it opened to them.
//!
//! What is not understood is named and never guessed at. Nothing here opens, asks or changes anything,
//! and what it tells is escaped.

use std::net::IpAddr;

use tsmgate_gate::network::Network;
use tsmgate_text::escape;

mod address;
pub mod advice;
mod command;
pub mod configuration;
mod options;
mod sides;
mod words;

/// No line that is read is longer, in bytes.
pub const LINE_LIMIT: usize = 4096;

/// What an old line did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldLine {
    /// The line itself, made safe to show and cut.
    pub shown: String,
    /// Where it listened.
    pub listens: Listens,
    /// Whether it spoke TLS.
    pub tls: bool,
    /// The socket it opened to others; `None` where its path cannot be read from the line.
    pub socket: Option<String>,
    /// Whom it let in: `range=`.
    pub range: Option<Network>,
    /// Whether the line stands in a systemd unit.
    pub in_unit: bool,
    /// What there is to say about it.
    pub notes: Vec<Note>,
}

/// Where a line listened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listens {
    /// On a TCP port of this address; the unspecified one is all of the host's.
    Tcp(IpAddr, u16),
    /// On TCP, but the port stands in a variable or as a service's name.
    TcpSomewhere(IpAddr),
    /// Not on the network, or not as far as the line tells.
    Nowhere,
}

/// One thing to know about the line; text from it is escaped already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// What made it unsafe.
    Danger(String),
    /// What was not understood, and so is not carried over.
    Unclear(String),
    /// What else matters for the change.
    Fact(String),
}

/// Why a text is not read as a line. Each message ends with a hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Longer than [`LINE_LIMIT`].
    #[error("the line is longer than {LINE_LIMIT} bytes; give the `socat` command alone")]
    TooLong,
    /// The end of a quoted part is missing.
    #[error("a quote in the line is not closed; put the whole line between single quotes")]
    OpenQuote,
    /// No command of that name.
    #[error("there is no `socat` in the line; give it as it stands in the unit or script")]
    NoSocat,
    /// A channel has two ends.
    #[error(
        "`socat` takes two addresses, and the line has {0}; put the whole line between single \
             quotes"
    )]
    Addresses(usize),
    /// Neither side is a Unix socket to connect to; why that is, and a hint.
    #[error("neither side of the line connects to a Unix socket: {0}")]
    NoSocket(String),
    /// Both sides are.
    #[error(
        "both sides of the line connect to a Unix socket, so that nobody could come in by it; \
             give the line that listens"
    )]
    TwoSockets,
}

/// Reads a line: a shell command, `sudo` and all, or the `ExecStart=` of a unit.
///
/// # Errors
/// It is no `socat` command, or none that opens a Unix socket to others.
pub fn read(line: &str) -> Result<OldLine, LineFault> {
    if line.len() > LINE_LIMIT {
        return Err(LineFault::TooLong);
    }
    let command = command::read(line)?;
    sides::read(line, command)
}

/// A part of the line in a sentence.
fn quoted(text: &str) -> String {
    format!("`{}`", escape(text))
}
