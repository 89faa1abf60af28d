//! The ways in which the gateway's page may be another than the honest one, each with a name for the command
//! line.

use std::str::FromStr;
use std::time::Duration;

use crate::behaviour::UnknownBehaviour;

/// What requests for the page get.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GatewayBehaviour {
    /// The page, as documented.
    #[default]
    Honest,
    /// The page without the element `machines`, as a server of 2020 has it (seen).
    Unwrapped,
    /// The refusal, whoever asks.
    Denied,
    /// The page, with this status of the server and of each process.
    Status(String),
    /// The page, with names and words that mean something to whoever writes them on.
    Hostile,
    /// The page, so much later.
    Delay(Duration),
    /// The page, with so many processes more.
    Huge(usize),
    /// This status and a page of HTML, as a proxy in between has.
    Html(u16),
    /// A redirection to somewhere else.
    Redirect,
}

impl GatewayBehaviour {
    /// The names for the command line.
    const NAMES: &'static [&'static str] = &[
        "honest",
        "unwrapped",
        "denied",
        "status:WORD",
        "hostile",
        "delay:MILLISECONDS",
        "huge:PROCESSES",
        "html:STATUS",
        "redirect",
    ];
}

impl FromStr for GatewayBehaviour {
    type Err = UnknownBehaviour;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, argument) =
            text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        let found = match (name, argument) {
            ("honest", None) => Some(Self::Honest),
            ("unwrapped", None) => Some(Self::Unwrapped),
            ("denied", None) => Some(Self::Denied),
            ("status", Some(word)) => Some(Self::Status(word.to_owned())),
            ("hostile", None) => Some(Self::Hostile),
            ("delay", Some(pause)) => {
                pause.parse().ok().map(Duration::from_millis).map(Self::Delay)
            }
            ("huge", Some(count)) => count.parse().ok().map(Self::Huge),
            ("html", Some(status)) => {
                let status = status.parse().ok().filter(|status| (200..600).contains(status));
                status.map(Self::Html)
            }
            ("redirect", None) => Some(Self::Redirect),
            _ => None,
        };
        found.ok_or_else(|| UnknownBehaviour { name: text.to_owned(), known: Self::NAMES })
    }
}
