//! The file by which the renewal of the gate's certificate is on: /usr/lib/tsmgate/tsmgate-renew reads it.

use std::path::Path;

use super::files::{self, Access};
use super::host::Host;
use super::step::{Standing, Step, Trouble};
use crate::config::raw::FOLDER;

const FILE: &str = "/etc/tsmgate/renewal.env";

/// The step.
pub(super) fn of(host: &Host) -> impl Step + 'static {
    let names: Vec<_> = host.names.iter().map(ToString::to_string).collect();
    Renewal { names: names.join(" ") }
}

struct Renewal {
    names: String,
}

impl Step for Renewal {
    fn what(&self) -> String {
        FILE.to_owned()
    }

    fn look(&self) -> Result<Standing, Trouble> {
        let Some(there) = files::read(Path::new(FILE))? else {
            return Ok(Standing::ToDo("the gate's certificate is renewed by it".to_owned()));
        };
        let folder = format!("TSMGATE_PKI_DIR={FOLDER}");
        let there = String::from_utf8_lossy(&there);
        Ok(match there.lines().any(|line| line == folder) {
            true => Standing::So("it names the authority".to_owned()),
            false => Standing::Left(format!("it names another; write there: {folder}")),
        })
    }

    fn perform(&self) -> Result<(), Trouble> {
        // quoted: several names are one value
        let text = format!("TSMGATE_PKI_DIR={FOLDER}\nTSMGATE_SERVER_NAMES=\"{}\"\n", self.names);
        files::put(Path::new(FILE), text.as_bytes(), Access::open(), None)
    }
}
