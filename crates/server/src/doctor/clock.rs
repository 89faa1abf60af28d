//! The clock: certificates begin and end by it.
//!
//! The time service is not asked; what it leaves on the host is looked at.

use std::path::Path;

use super::process::all;
use super::{Seen, Side};

/// What systemd-timesyncd leaves when it has set the clock.
const SYNCHRONIZED: &str = "/run/systemd/timesync/synchronized";
/// Others that keep it, by their process's name.
const KEEPERS: [&str; 4] = ["chronyd", "ntpd", "ptp4l", "vmtoolsd"];

/// Who keeps it.
pub(super) fn seen() -> Seen {
    let mut seen = Seen::of(format!("{SYNCHRONIZED}, and services that keep the time"));
    if Path::new(SYNCHRONIZED).exists() {
        seen.note("systemd-timesyncd has set it");
        return seen;
    }
    match all().into_iter().find(|process| KEEPERS.contains(&process.name.as_str())) {
        Some(keeper) => seen.note(format!(
            "{} keeps it; whether it is right only it knows (chronyc tracking, ntpq -p)",
            keeper.name
        )),
        None => seen.warn(
            "nothing is seen to keep it right",
            Side::Host,
            "timedatectl; a clock that is wrong makes good certificates bad",
        ),
    }
    seen
}
