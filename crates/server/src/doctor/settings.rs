//! The configuration: whether it loads, and whether anybody could get in by it.
//!
//! Its certificates are a step of their own, so that one that has run out keeps no other step from its look.

use std::path::Path;
use std::sync::Arc;

use super::config::{self, Config, ConfigFault};
use super::{Cause, Seen, Side, shown};

/// The configuration at `path`, where it loads.
pub(super) fn seen(path: &Path) -> (Seen, Option<Arc<Config>>) {
    let mut seen = Seen::of(shown(path));
    let config = match config::load(path) {
        Ok(config) => config,
        Err(fault) => {
            let cause = match fault {
                ConfigFault::File(_) => Cause::File,
                ConfigFault::Contents { .. } => Cause::Contents,
            };
            let what = "mend it; `tsmgated check` says the same";
            seen.fail(cause, fault.to_string(), Side::Gate, what);
            return (seen, None);
        }
    };
    seen.note(format!(
        "it loads: {} clients, {} networks",
        config.clients.len(),
        config.allow.iter().count()
    ));
    if config.clients.is_empty() {
        seen.warn("there is no [[client]]: nobody can log in", Side::Gate, "add the clients");
    }
    if config.allow.is_empty() {
        let what = "name your clients' networks in admission.allow";
        seen.warn("admission.allow is empty: nobody can connect", Side::Gate, what);
    }
    for warning in &config.warnings {
        seen.warn(warning, Side::Gate, "see whether that is meant");
    }
    (seen, Some(Arc::new(config)))
}
