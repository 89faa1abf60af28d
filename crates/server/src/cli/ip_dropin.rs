//! `tsmgated print-ip-dropin`: the allowlist for systemd's packet filter, printed or written. systemd is
//! not told: the administrator is told how to.

use std::path::PathBuf;

use tsmgate_text::escape;

use super::{Configuration, Exit, complain, fail, say};
use crate::config;
use crate::daemon::StartFault;
use crate::ip_dropin::write::{WriteFault, Written, write};
use crate::ip_dropin::{FILE, FOLDER, Peers, Unit, text};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    /// Write the drop-ins of both units below this folder, /etc/systemd/system if none is named,
    /// rather than print them
    #[arg(long, value_name = "DIR", num_args = 0..=1, default_missing_value = FOLDER)]
    write: Option<PathBuf>,
}

/// What makes systemd read them. Lists count for sockets that are open already, so that nothing has to be
/// started anew; a restart of `tsmgated.socket` would end every connection.
const THEN: &str = "then: systemctl daemon-reload. It takes effect at once, for open connections too: \
                    no restart is needed, and none of the socket should be made";

pub(super) fn print(arguments: &Arguments) -> Exit {
    let config = match config::load(&arguments.configuration.config) {
        Ok(config) => config,
        Err(fault) => return fail(&StartFault::Config(fault)),
    };
    let peers = Peers::of(&config, &config.allow);
    let exit = match &arguments.write {
        None => {
            for unit in Unit::ALL {
                let text = text(unit, &peers);
                say(&[format!("# {FOLDER}/{}.d/{FILE}\n{text}", unit.name())]);
            }
            Exit::Done
        }
        Some(folder) => match write(folder, &peers) {
            Ok(written) => {
                say(&written.iter().map(outcome).collect::<Vec<_>>());
                complain(THEN);
                Exit::Done
            }
            Err(fault) => {
                complain(&fault.to_string());
                match fault {
                    WriteFault::Foreign(_) => Exit::File,
                    WriteFault::Unwritable { .. } => Exit::System,
                }
            }
        },
    };
    if let Some(warning) = peers.controller.warning() {
        complain(&format!("{warning}: where it is will be missing from these lists"));
    }
    if peers.networks().is_empty() {
        complain("admission.allow is empty: these lists let nobody in");
    }
    exit
}

fn outcome(written: &Written) -> String {
    let (path, what) = match written {
        Written::Anew(path) => (path, "written"),
        Written::Unchanged(path) => (path, "unchanged"),
    };
    format!("{}: {what}", escape(path.as_os_str().as_encoded_bytes()))
}
