//! What a report takes of a line: a few fields, each bounded and made safe to show, or not there.
//!
//! A field of the wrong kind is a field that is not there. Text of our own records was escaped when it
//! was written and is not escaped twice; any other is.

use std::net::IpAddr;

use serde_json::{Map, Value};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};
use tsmgate_gate::network::canonical;
use tsmgate_text::escape;

/// Refusals that are recorded without an address: sums of a client's.
const NO_ADDRESS: &str = "no address recorded";
/// The network of callers of the local socket.
const THIS_HOST: &str = "this host";

/// A line's fields.
#[derive(Debug)]
pub(super) struct Line(Map<String, Value>);

impl Line {
    /// Reads a line, without its line feed; `None` where it is no JSON object.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok().map(Self)
    }

    /// A text, safe to show and at most 256 bytes long.
    pub(super) fn text(&self, field: &str) -> Option<String> {
        self.raw(field).map(shown)
    }

    /// Whether a field is this text.
    pub(super) fn is(&self, field: &str, text: &str) -> bool {
        self.raw(field) == Some(text)
    }

    /// Whether a field is there and true.
    pub(super) fn flag(&self, field: &str) -> bool {
        self.0.get(field).and_then(Value::as_bool).unwrap_or_default()
    }

    /// A number.
    pub(super) fn number(&self, field: &str) -> Option<u64> {
        self.0.get(field).and_then(Value::as_u64)
    }

    /// How often it happened: sums say so, anything else is once.
    pub(super) fn count(&self) -> u64 {
        self.number("tsmgate.count").unwrap_or(1)
    }

    /// A time, in UTC.
    pub(super) fn time(&self, field: &str) -> Option<OffsetDateTime> {
        let time = OffsetDateTime::parse(self.raw(field)?, &Rfc3339).ok()?;
        time.checked_to_offset(UtcOffset::UTC)
    }

    /// The network it came from, as a review groups them: an IPv4 /24, an IPv6 /48, or the host itself.
    pub(super) fn network(&self) -> String {
        let recorded = self.raw("tsmgate.source.network").and_then(|text| text.split('/').next());
        let texts = [self.raw("source.ip"), recorded];
        let address = texts.into_iter().flatten().find_map(|text| text.parse::<IpAddr>().ok());
        match address.map(canonical) {
            Some(IpAddr::V4(v4)) => {
                let [a, b, c, _] = v4.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            Some(IpAddr::V6(v6)) => {
                let [a, b, c, ..] = v6.segments();
                format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
            }
            None if self.is("network.transport", "unix") => THIS_HOST.to_owned(),
            None => NO_ADDRESS.to_owned(),
        }
    }

    fn raw(&self, field: &str) -> Option<&str> {
        self.0.get(field).and_then(Value::as_str)
    }
}

/// `text` as it may be shown: what a record of ours holds stays as it is, all else is escaped.
pub(super) fn shown(text: &str) -> String {
    let unescaped = text.replace('\\', "/");
    if escape(&unescaped) == unescaped { text.to_owned() } else { escape(text) }
}
