//! What a line says: Elastic Common Schema field names, flat, ours under `tsmgate.`.
//!
//! Sequence number, time and the hash of the line before are the writer's to add. Text of a peer's is
//! escaped and cut here, once for every record.

use std::net::IpAddr;
use std::time::Duration;

use data_encoding::HEXUPPER;
use tsmgate_gate::policy::{Client, Leaf};
use tsmgate_gate::reason::Reason;

use tsmgate_text::escape;

use crate::credentials::day;

/// How something ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It happened.
    Success,
    /// It was refused, or failed.
    Failure,
    /// Not decided yet.
    Unknown,
}

/// The version of the Elastic Common Schema whose names these are.
const ECS_VERSION: &str = "8.11.0";

/// What kind of thing an action is about, in ECS's words.
fn category(action: &str) -> &'static str {
    match action {
        "connection" | "refused" | "ban" | "cut" => "network",
        "reload" => "configuration",
        "login" => "authentication",
        "request" => "api",
        "command" | "command-started" | "command-ended" => "process",
        "session" => "session",
        "join" | "renew" => "iam",
        _ => "process",
    }
}

/// The fields of one line, as the inside of a JSON object.
#[derive(Debug, Clone)]
pub struct Record(String);

impl Record {
    /// A record of an action: `connection`, `login`, `request`, `session`, `refused`, `ban`, `cut`, `reload`, `start`, `stop`,
    /// `recovered`.
    pub fn new(action: &str, outcome: Outcome) -> Self {
        let outcome = match outcome {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Unknown => "unknown",
        };
        Self(String::with_capacity(512))
            .text("ecs.version", ECS_VERSION)
            .text("event.kind", "event")
            .texts("event.category", &[category(action)])
            .text("event.action", action)
            .text("event.outcome", outcome)
    }

    /// No fields yet; for those that several records share.
    pub fn empty() -> Self {
        Self(String::with_capacity(512))
    }

    /// Adds all fields of another.
    #[must_use]
    pub fn append(mut self, other: &Self) -> Self {
        if !self.0.is_empty() && !other.0.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(&other.0);
        self
    }

    /// A refusal or failure: its stage and code.
    pub fn refusal(action: &str, reason: Reason) -> Self {
        Self::new(action, Outcome::Failure)
            .text("tsmgate.stage", reason.stage().name())
            .text("tsmgate.party", reason.party().name())
            .text("event.reason", reason.code())
    }

    /// Adds a text.
    #[must_use]
    pub fn text(mut self, field: &str, value: &str) -> Self {
        self.field(field);
        self.value(value);
        self
    }

    /// Adds a list of texts.
    #[must_use]
    pub fn texts(mut self, field: &str, values: &[&str]) -> Self {
        self.field(field);
        self.0.push('[');
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                self.0.push(',');
            }
            self.value(value);
        }
        self.0.push(']');
        self
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, field: &str, value: u64) -> Self {
        self.field(field);
        self.0.push_str(&value.to_string());
        self
    }

    /// Adds yes or no.
    #[must_use]
    pub fn flag(mut self, field: &str, value: bool) -> Self {
        self.field(field);
        self.0.push_str(if value { "true" } else { "false" });
        self
    }

    /// Adds a length of time, in nanoseconds as ECS has it.
    #[must_use]
    pub fn duration(self, value: Duration) -> Self {
        self.number("event.duration", u64::try_from(value.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Adds where it came from; `port` 0 is left out.
    #[must_use]
    pub fn source(self, address: IpAddr, port: u16) -> Self {
        let record = self.text("source.ip", &address.to_string());
        if port == 0 { record } else { record.number("source.port", port.into()) }
    }

    /// Adds the user of this host who connected.
    #[must_use]
    pub fn local(self, uid: u32) -> Self {
        self.text("network.transport", "unix").text("user.id", &uid.to_string())
    }

    /// Adds the certificate that was shown: of its names the first of each kind that can count.
    #[must_use]
    pub fn leaf(mut self, leaf: &Leaf) -> Self {
        let names = [leaf.uris.first(), leaf.dns.first()];
        let names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
        if !names.is_empty() {
            self = self.texts("tls.client.x509.alternative_names", &names);
        }
        self.text("tls.client.x509.serial_number", &leaf.serial)
            .text("tls.client.hash.sha256", &HEXUPPER.encode(&leaf.fingerprint))
    }

    /// Adds when the certificate ends.
    #[must_use]
    pub fn until(self, leaf: &Leaf) -> Self {
        match time::OffsetDateTime::from_unix_timestamp(leaf.not_after) {
            Ok(until) => self.text("tls.client.x509.not_after", &day(until)),
            Err(_) => self,
        }
    }

    /// Adds who it is.
    #[must_use]
    pub fn client(self, client: &Client) -> Self {
        let roles: Vec<_> = client.roles.iter().map(|role| role.name()).collect();
        self.text("client.user.name", &client.name).texts("client.user.roles", &roles)
    }

    /// The inside of the object.
    pub(super) fn fields(&self) -> &str {
        &self.0
    }

    fn value(&mut self, value: &str) {
        self.0.push('"');
        // what is left to JSON: control characters are gone
        for character in escape(value).chars() {
            if matches!(character, '"' | '\\') {
                self.0.push('\\');
            }
            self.0.push(character);
        }
        self.0.push('"');
    }

    fn field(&mut self, name: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        // names are ours: letters, digits, dots and underlines
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
    }
}
