//! The api lane in the picture: where TSM's controller is, how it is believed, how requests went.
//!
//! Of the gate's session only times: neither its value nor a name for it.

use data_encoding::HEXUPPER;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::config::ApiTrust;
use crate::credentials::day;
use crate::house::{House, Snapshot};
use crate::metrics::{Requests, Side};

/// The api lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiLane {
    /// Where TSM's controller is, `host:port`.
    pub controller: String,
    /// The SHA-256 of the one certificate that it may have; `None` where an authority counts.
    pub certificate_sha256: Option<String>,
    /// The file whose authorities count; `None` where the certificate is pinned.
    pub authority: Option<String>,
    /// When the pinned certificate ends, RFC 3339; known once the controller has shown it.
    pub certificate_until: Option<String>,
    /// The code of the controller's last failure, until it answers again.
    pub tsm_failing: Option<String>,
    /// How requests went since the start.
    pub requests: Requests,
    /// The gate's own session at TSM, where it holds one.
    pub session: Option<OwnSession>,
}

/// The gate's own session at TSM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnSession {
    /// Since when it has been held, in seconds.
    pub age_seconds: u64,
    /// For how long it will still be used, in seconds.
    pub left_seconds: u64,
}

impl ApiLane {
    /// The lane at this moment, where it is on.
    pub(super) fn of(house: &House, snapshot: &Snapshot) -> Option<Self> {
        let api = snapshot.config.tsm.api.as_ref()?;
        let (certificate_sha256, authority) = match &api.trust {
            ApiTrust::Pin(pin) => (Some(HEXUPPER.encode(pin)), None),
            ApiTrust::Authority(file) => (None, Some(file.display().to_string())),
        };
        let controller = api.to_string();
        let now = Instant::now();
        Some(Self {
            controller,
            certificate_sha256,
            authority,
            certificate_until: snapshot.credentials.pinned_until().map(day),
            tsm_failing: house.metrics.tsm_failing(Side::Api).map(str::to_owned),
            requests: house.metrics.requests(),
            session: house.session.since().map(|(since, until)| OwnSession {
                age_seconds: now.saturating_duration_since(since).as_secs(),
                left_seconds: until.saturating_duration_since(now).as_secs(),
            }),
        })
    }
}
