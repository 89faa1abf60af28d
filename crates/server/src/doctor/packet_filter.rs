//! systemd's own packet filter against the configuration: a packet that it drops leaves no trace in any log.

use super::{Config, Seen, Side};
use crate::ip_dropin::{Peers, disagreement};

/// Where the installed address lists and the configuration say different things.
pub(super) fn seen(config: &Config) -> Seen {
    let mut seen = Seen::of("address lists of tsmgated.socket and tsmgated.service");
    let peers = Peers::of(config, &config.allow);
    let mut sentences: Vec<String> = peers.controller.warning().into_iter().collect();
    sentences.extend(disagreement::here(&peers));
    if sentences.is_empty() {
        seen.note("there is none, or they agree with admission.allow");
    }
    for sentence in sentences {
        let what = "tsmgated print-ip-dropin --write, then systemctl daemon-reload";
        seen.warn(sentence, Side::Gate, what);
    }
    seen
}
