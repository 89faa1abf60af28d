//! The ways to misbehave over HTTPS: what a request may be given instead of an honest answer.
//!
//! Each is one value, most with a name for the command line. The room only names them; what they do to
//! an answer is in `spoil.rs`.

use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;

use crate::behaviour::UnknownBehaviour;

/// What one request gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ApiBehaviour {
    /// Answers as TSM does.
    #[default]
    Honest,
    /// Answers 401 and does nothing, whatever the session.
    Unauthorized,
    /// Ends the session once the first bytes of the body have come, and answers 401 without the rest.
    LoseSession,
    /// Answers honestly, so much later.
    Delay(Duration),
    /// Reads and never answers; does nothing.
    Silent,
    /// Answers honestly, byte by byte from the status line on, with such a pause after each.
    SlowAnswer(Duration),
    /// Answers honestly, the header at once, then eight bytes of body after each such pause.
    SlowBody(Duration),
    /// Answers honestly, but announces 64 bytes more than come, and closes.
    Truncated,
    /// Answers honestly in chunks, but closes before the last.
    CloseInBody,
    /// Closes within the header of an honest answer.
    CloseInHeader,
    /// Answers 200 and chunks without end.
    EndlessBody,
    /// Answers 200 and so many bytes, announced.
    Huge(u64),
    /// Answers with this status and a page of HTML, as a proxy in between would; does nothing.
    Html(u16),
    /// Answers with this status and without a body; does nothing.
    Empty(u16),
    /// Answers with this status and an error in JSON; does nothing.
    Status(u16),
    /// Answers honestly, but calls the JSON a page of HTML.
    WrongType,
    /// Answers honestly, but in gzip, asked or not.
    Gzip,
    /// Answers honestly, and puts the cookie's literal value somewhere.
    Plant(Place),
    /// Answers with these bytes, as they are, and closes; does nothing.
    Raw(Bytes),
}

/// Where the cookie's value is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into the body, as a text of the JSON.
    Body,
    /// Into the body, which comes in chunks of so many bytes.
    Chunks(usize),
    /// Into the body, in small chunks behind so many blanks.
    Deep(u64),
    /// Into the detail of an error with this status.
    Error(u16),
    /// Into a `Set-Cookie`.
    SetCookie,
    /// Into the `Location` of a 302.
    Location,
    /// Into a header of its own, `X-Session`.
    Header,
    /// Into the reason of the status line.
    Reason,
}

impl ApiBehaviour {
    /// The names for the command line, as help shows them.
    pub const NAMES: &'static [&'static str] = &[
        "honest",
        "unauthorized",
        "lose-session",
        "delay:MILLISECONDS",
        "silent",
        "slow-answer:MILLISECONDS",
        "slow-body:MILLISECONDS",
        "truncated",
        "close-in-body",
        "close-in-header",
        "endless-body",
        "huge:BYTES",
        "html:STATUS",
        "empty:STATUS",
        "status:STATUS",
        "wrong-type",
        "gzip",
        "plant:body",
        "plant:chunks",
        "plant:deep",
        "plant:error",
        "plant:set-cookie",
        "plant:location",
        "plant:header",
        "plant:reason",
    ];
}

impl FromStr for ApiBehaviour {
    type Err = UnknownBehaviour;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, argument) =
            text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        let number = || argument?.parse::<u64>().ok();
        let pause = || number().map(Duration::from_millis);
        let status = || {
            number()
                .and_then(|number| u16::try_from(number).ok().filter(|n| (400..600).contains(n)))
        };
        let found = match (name, argument) {
            ("honest", None) => Some(Self::Honest),
            ("unauthorized", None) => Some(Self::Unauthorized),
            ("lose-session", None) => Some(Self::LoseSession),
            ("silent", None) => Some(Self::Silent),
            ("truncated", None) => Some(Self::Truncated),
            ("close-in-body", None) => Some(Self::CloseInBody),
            ("close-in-header", None) => Some(Self::CloseInHeader),
            ("endless-body", None) => Some(Self::EndlessBody),
            ("wrong-type", None) => Some(Self::WrongType),
            ("gzip", None) => Some(Self::Gzip),
            ("delay", _) => pause().map(Self::Delay),
            ("slow-answer", _) => pause().map(Self::SlowAnswer),
            ("slow-body", _) => pause().map(Self::SlowBody),
            ("huge", _) => number().map(Self::Huge),
            ("html", _) => status().map(Self::Html),
            ("empty", _) => status().map(Self::Empty),
            ("status", _) => status().map(Self::Status),
            ("plant", Some(place)) => Place::named(place).map(Self::Plant),
            _ => None,
        };
        let all = || UnknownBehaviour { name: text.to_owned(), known: Self::NAMES };
        found.ok_or_else(all)
    }
}

impl Place {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "body" => Self::Body,
            "chunks" => Self::Chunks(7),
            "deep" => Self::Deep(4 * 1024 * 1024),
            "error" => Self::Error(500),
            "set-cookie" => Self::SetCookie,
            "location" => Self::Location,
            "header" => Self::Header,
            "reason" => Self::Reason,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests;
