//! Both configurations, checked by what the services themselves load. Where systemd hands over the keys they are
//! root's, and root checks; where it does not, each service's own user does, by its program's `check`.

use std::path::Path;

use tsmgate_server::config::raw as gates;

use super::configuration::is_to_be_written;
use super::host::Host;
use super::people::{AUTHORITY, GATE, user};
use super::program;
use super::step::{Standing, Step, Trouble};
use crate::config::raw::CONFIG_FILE;

/// The authority's and the gate's.
pub(super) fn all(host: &Host) -> Vec<Check> {
    let systemd = host.systemd;
    vec![Check { what: Service::Authority, systemd }, Check { what: Service::Gate, systemd }]
}

#[derive(Debug, Clone, Copy)]
enum Service {
    Authority,
    Gate,
}

/// See the room's first lines.
#[derive(Debug, Clone)]
pub(super) struct Check {
    what: Service,
    systemd: bool,
}

impl Check {
    fn program(&self) -> &'static str {
        match self.what {
            Service::Authority => "tsmgate-authority",
            Service::Gate => "tsmgated",
        }
    }

    fn file(&self) -> &'static str {
        match self.what {
            Service::Authority => CONFIG_FILE,
            Service::Gate => gates::CONFIG_FILE,
        }
    }

    fn as_root(&self) -> Result<(), Trouble> {
        let file = Path::new(self.file());
        let fault = match self.what {
            Service::Authority => {
                crate::daemon::Loaded::load(file).err().map(|fault| fault.to_string())
            }
            Service::Gate => {
                tsmgate_server::daemon::Loaded::load(file).err().map(|fault| fault.to_string())
            }
        };
        fault.map_or(Ok(()), |says| Err(Trouble { exit: crate::cli::Exit::Contents, says }))
    }
}

impl Step for Check {
    fn what(&self) -> String {
        format!("{} check", self.program())
    }

    fn look(&self) -> Result<Standing, Trouble> {
        if is_to_be_written(self.file())? {
            return Ok(Standing::ToDo("by what the service itself would load".to_owned()));
        }
        self.perform().map(|()| Standing::So("good".to_owned()))
    }

    fn perform(&self) -> Result<(), Trouble> {
        if self.systemd {
            return self.as_root();
        }
        // the folder of the configurations is open to the gate's group
        let (_, group) = user(GATE)?;
        let (user, _) = user(match self.what {
            Service::Authority => AUTHORITY,
            Service::Gate => GATE,
        })?;
        program::beside_as(self.program(), &["check"], user, group)
    }
}
