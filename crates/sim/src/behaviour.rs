//! The ways to misbehave: what a connection to the simulator may be given instead of a login.
//!
//! Each is one value with a name for the command line (`delay:1500`, `half-reply:hang`). The room
//! only names them; what they put on the wire is made in `reply.rs` and played in `conversation.rs`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What one connection gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Behaviour {
    /// Answers as TSM does.
    #[default]
    Honest,
    /// Answers honestly, so much later.
    Delay(Duration),
    /// Answers with 64 random bytes that are no Thrift message, then closes.
    Garbage,
    /// Begins a reply whose cookie announces 2 GiB - 1 bytes, and keeps the connection open.
    HugeString,
    /// Answers with a well-formed reply whose cookie is 17 KiB long.
    LongReply,
    /// Sends the first half of an honest reply.
    HalfReply(Then),
    /// Reads a call and closes without an answer.
    Vanish,
    /// Accepts, reads what comes, and never answers.
    Silent,
    /// Answers honestly, under the next sequence number.
    WrongSequence,
    /// Answers honestly, under the method name `logon`.
    WrongMethod,
    /// Answers with a `TApplicationException`, INTERNAL_ERROR.
    Exception,
    /// Answers `PLL_NOT_AUTHORIZED`, whoever asks.
    NotAuthorized,
    /// Answers `PLL_ERROR`, whoever asks.
    PllError,
    /// Answers with a return code that is in no IDL, and with a cookie.
    UnknownCode(i32),
    /// Answers honestly, but the cookie is empty.
    EmptyCookie,
    /// Answers honestly, but the cookie holds a line end and a second header.
    CookieWithNewline,
    /// Answers honestly, but without the field `cookieMaxAge`.
    MissingMaxAge,
    /// Answers honestly, and sends five bytes more that nobody asked for.
    TrailingBytes,
    /// Answers honestly, one byte a millisecond.
    OneByteAtATime,
    /// Closes with the call unread once it has come: the peer sees a connection reset.
    RefuseAfterAccept,
}

/// What follows half a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The connection is closed.
    Close,
    /// The connection stays open and silent.
    Hang,
}

impl Behaviour {
    /// The names for the command line, as help shows them.
    pub const NAMES: &'static [&'static str] = &[
        "honest",
        "delay:MILLISECONDS",
        "garbage",
        "huge-string",
        "long-reply",
        "half-reply:close",
        "half-reply:hang",
        "vanish",
        "silent",
        "wrong-sequence",
        "wrong-method",
        "exception",
        "not-authorized",
        "pll-error",
        "unknown-code:CODE",
        "empty-cookie",
        "cookie-with-newline",
        "missing-max-age",
        "trailing-bytes",
        "one-byte-at-a-time",
        "refuse-after-accept",
    ];
}

impl FromStr for Behaviour {
    type Err = UnknownBehaviour;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownBehaviour { name: text.to_owned(), known: Self::NAMES };
        let (name, argument) =
            text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        let behaviour = match (name, argument) {
            ("honest", None) => Self::Honest,
            ("delay", Some(pause)) => {
                Self::Delay(Duration::from_millis(pause.parse().map_err(|_| unknown())?))
            }
            ("garbage", None) => Self::Garbage,
            ("huge-string", None) => Self::HugeString,
            ("long-reply", None) => Self::LongReply,
            ("half-reply", None | Some("close")) => Self::HalfReply(Then::Close),
            ("half-reply", Some("hang")) => Self::HalfReply(Then::Hang),
            ("vanish", None) => Self::Vanish,
            ("silent", None) => Self::Silent,
            ("wrong-sequence", None) => Self::WrongSequence,
            ("wrong-method", None) => Self::WrongMethod,
            ("exception", None) => Self::Exception,
            ("not-authorized", None) => Self::NotAuthorized,
            ("pll-error", None) => Self::PllError,
            ("unknown-code", Some(code)) => Self::UnknownCode(code.parse().map_err(|_| unknown())?),
            ("empty-cookie", None) => Self::EmptyCookie,
            ("cookie-with-newline", None) => Self::CookieWithNewline,
            ("missing-max-age", None) => Self::MissingMaxAge,
            ("trailing-bytes", None) => Self::TrailingBytes,
            ("one-byte-at-a-time", None) => Self::OneByteAtATime,
            ("refuse-after-accept", None) => Self::RefuseAfterAccept,
            _ => return Err(unknown()),
        };
        Ok(behaviour)
    }
}

/// A text that names no behaviour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownBehaviour {
    /// The text.
    pub name: String,
    /// The names there are.
    pub known: &'static [&'static str],
}

impl fmt::Display for UnknownBehaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no behaviour is called {:?}; there are {}", self.name, self.known.join(", "))
    }
}

impl std::error::Error for UnknownBehaviour {}

#[cfg(test)]
mod tests;
