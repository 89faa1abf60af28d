//! Reading anew while it runs: who may connect, the life of certificates, what is said of the gate.
//!
//! Everything is read and checked first, then swapped whole; where it cannot be taken, all goes on as it was.

use std::path::PathBuf;
use std::sync::Arc;

use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::{process, systemd};

use crate::config::Config;
use crate::daemon::FILES;
use crate::house::{House, Rules};

/// Who reads anew.
#[derive(Debug)]
pub(crate) struct Warden {
    pub(crate) house: Arc<House>,
    /// Where the configuration is.
    pub(crate) path: PathBuf,
    /// As it was at the start.
    pub(crate) config: Config,
    /// For the service manager, when it is done.
    pub(crate) line: String,
}

impl Warden {
    /// Reads anew; how that went is on record.
    pub(crate) fn reload(&self) {
        systemd::reloading();
        let read = self.read();
        let record = match &read {
            Ok(_) => Record::new("reload", Outcome::Success),
            Err(why) => Record::new("reload", Outcome::Failure).text("error.message", why),
        };
        self.house.audit.note(record);
        match read {
            Ok(rules) => {
                self.house.rules.send_replace(Arc::new(rules));
                tracing::info!("reloaded");
            }
            Err(why) => tracing::error!("not reloaded, all goes on as it was: {why}"),
        }
        systemd::ready(&self.line);
    }

    fn read(&self) -> Result<Rules, String> {
        let mut config = Config::load(&self.path).map_err(|fault| fault.to_string())?;
        // as those of the start were, where the limit of descriptors is low
        process::fit(&mut config.admission, FILES).map_err(|error| error.to_string())?;
        match self.config.fixed_differences(&config).as_slice() {
            [] => {}
            fixed => return Err(format!("restart needed: {} changed", fixed.join(", "))),
        }
        let certificate = self.house.keeper.certificate();
        Rules::of(&config, certificate).map_err(|fault| fault.to_string())
    }
}
