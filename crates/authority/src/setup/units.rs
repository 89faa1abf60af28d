//! The units, enabled and started where systemd runs and both configurations are good; else how to start both
//! services by hand.

use super::checks::Check;
use super::program::Program;
use super::step::{Standing, Step, Trouble};

const UNITS: [&str; 4] = [
    "tsmgated.socket",
    "tsmgated.service",
    "tsmgate-authority.service",
    "tsmgate-renew-server.timer",
];
const BY_HAND: &str = "runuser -u tsmgate -- tsmgated run &\n           \
                       runuser -u tsmgate-authority -- tsmgate-authority run &";

/// See the room's first lines.
pub(super) struct Units {
    pub(super) systemd: bool,
    /// Whether they shall be started.
    pub(super) wanted: bool,
    pub(super) checks: Vec<Check>,
}

impl Step for Units {
    fn what(&self) -> String {
        "both services".to_owned()
    }

    fn look(&self) -> Result<Standing, Trouble> {
        let start = format!("systemctl enable --now {}", UNITS.join(" "));
        if !self.systemd {
            return Ok(Standing::ByHand(format!(
                "systemd does not run here; start them:\n           {BY_HAND}"
            )));
        }
        if !self.wanted {
            return Ok(Standing::ByHand(start));
        }
        let up = |unit: &&str| {
            ["is-enabled", "is-active"]
                .iter()
                .all(|ask| Program::Systemctl.says_yes(&[ask, "--quiet", unit]))
        };
        Ok(match UNITS.iter().all(up) {
            true => Standing::So("they are up".to_owned()),
            false => Standing::ToDo(start),
        })
    }

    fn perform(&self) -> Result<(), Trouble> {
        if self.checks.iter().any(|check| check.perform().is_err()) {
            return Err(Trouble::system(
                "what is checked above is not good; mend it, and run this again",
            ));
        }
        let mut arguments = vec!["enable", "--now"];
        arguments.extend(UNITS);
        Program::Systemctl.run(&arguments)
    }
}
