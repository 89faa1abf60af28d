//! What is so at this moment, as metrics: made of the [`Status`] for each look, and forgotten.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tsmgate_text::escape;

use super::{PREFIX, Side};
use crate::status::{Ending, Status};

/// Endings that are shown, soonest first.
const ENDINGS: usize = 8192;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct At {
    side: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
struct What {
    kind: String,
    name: String,
}

/// The gauges of one look.
pub(super) fn of(status: &Status) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    let version = Info::new(vec![("version", escape(&status.version))]);
    registry.register("build", "The gate's version", version);
    let level = Info::new(vec![("level", escape(&status.sandbox))]);
    registry.register("sandbox", "How much the process confines itself", level);
    conditions(status, &mut registry);
    times(status, &mut registry);
    let connections = Family::<State, Gauge<u64, AtomicU64>>::default();
    for (state, count) in [("unproven", status.unproven), ("proven", status.proven)] {
        connections.get_or_create(&State { state }).set(count.try_into().unwrap_or(u64::MAX));
    }
    registry.register("connections", "Open connections", connections);
    let sequence = Gauge::<u64, AtomicU64>::default();
    sequence.set(sequence_of(&status.audit_head));
    registry.register("audit_sequence", "Number of the audit's last record", sequence);
    enrolment(status, &mut registry);
    let warnings = Gauge::<u64, AtomicU64>::default();
    warnings.set(status.warnings.len().try_into().unwrap_or(u64::MAX));
    registry.register("warnings", "What is odd but in nobody's way; see status", warnings);
    registry.register_with_unit(
        "expiry",
        "Time until it ends; negative where it has",
        Unit::Seconds,
        endings(&status.endings),
    );
    registry
}

/// What is true or is not.
fn conditions(status: &Status, registry: &mut Registry) {
    let good = status.reload.as_ref().is_none_or(|reload| reload.fault.is_none());
    for (name, help, holds) in [
        ("ready", "Whether clients that may log in could do so now", status.ready),
        ("audit_writable", "Whether the audit can be written", status.audit_writable),
        ("last_reload_success", "Whether what was last read, at start too, is in force", good),
    ] {
        let gauge = Gauge::<u64, AtomicU64>::default();
        gauge.set(holds.into());
        registry.register(name, help, gauge);
    }
    let failing = Family::<At, Gauge<u64, AtomicU64>>::default();
    let api = status.api.as_ref();
    for (side, fails) in [
        (Side::Login, status.tsm_failing.is_some()),
        (Side::Api, api.is_some_and(|api| api.tsm_failing.is_some())),
    ] {
        failing.get_or_create(&At { side: side.name() }).set(fails.into());
    }
    registry.register("tsm_failing", "Whether a side of TSM failed when last asked", failing);
    let held = Gauge::<u64, AtomicU64>::default();
    held.set(api.is_some_and(|api| api.session.is_some()).into());
    registry.register("session_held", "Whether the gate has a session of its own at TSM", held);
}

/// Who joined; not shown without `[enrolment]`.
fn enrolment(status: &Status, registry: &mut Registry) {
    let Some(enrolment) = &status.enrolment else { return };
    let readable = "Whether who joined and who is out could be read when it last changed";
    for (name, help, count) in [
        ("enrolled_clients", "Clients that joined and are in", enrolment.clients),
        ("enrolled_left_out", "Files of the folder that give no client", enrolment.left_out),
        ("enrolment_readable", readable, enrolment.readable.into()),
    ] {
        let gauge = Gauge::<u64, AtomicU64>::default();
        gauge.set(count.try_into().unwrap_or(u64::MAX));
        registry.register(name, help, gauge);
    }
}

/// Points in time, in seconds since 1970; what has not been is not shown.
fn times(status: &Status, registry: &mut Registry) {
    for (name, help, at) in [
        ("start_time", "When the process started", Some(status.started.as_str())),
        (
            "last_reload_time",
            "When everything was last read anew, or was tried to",
            status.reload.as_ref().map(|reload| reload.at.as_str()),
        ),
        (
            "last_login_time",
            "When the last login was granted",
            status.last_login.as_ref().map(|login| login.at.as_str()),
        ),
    ] {
        if let Some(at) = at.and_then(|at| OffsetDateTime::parse(at, &Rfc3339).ok()) {
            let gauge = Gauge::<i64>::default();
            gauge.set(at.unix_timestamp());
            registry.register_with_unit(name, help, Unit::Seconds, gauge);
        }
    }
}

/// The number of a head, `42:3f9a…`.
fn sequence_of(head: &str) -> u64 {
    head.split(':').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// One series for each kind and name. Two files may hold the same authority: the sooner end counts.
fn endings(all: &[Ending]) -> Family<What, Gauge> {
    let mut soonest = BTreeMap::<What, i64>::new();
    for ending in all.iter().take(ENDINGS) {
        let what = What { kind: escape(&ending.kind), name: escape(&ending.name) };
        let end = soonest.entry(what).or_insert(ending.seconds);
        *end = (*end).min(ending.seconds);
    }
    let family = Family::<What, Gauge>::default();
    for (what, seconds) in soonest {
        family.get_or_create(&what).set(seconds);
    }
    family
}
