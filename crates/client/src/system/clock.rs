//! The clock that counts from the start of the system, sleep included. Nobody sets it, so that what is
//! decided by it stands however the wall clock jumps; it means nothing on another start of the system.

use std::fs;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The time since the system started, suspension included.
pub(crate) fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// Which clock that is: this start of the system, and the time namespace, which may shift it. Empty where the
/// system does not tell.
pub(crate) fn which_boot() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/time").unwrap_or_default();
    match boot.trim() {
        "" => String::new(),
        boot => format!("{boot} {}", namespace.to_string_lossy()),
    }
}
