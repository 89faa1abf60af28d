//! `tsmgate-authority setup`: what has to be done once on the TSM host, step by step.
//!
//! Each step looks first, and does nothing where it is so already; nothing that is there is overwritten. With
//! `--dry-run` all of them look, and none does anything. Programs are started in one room, [`program`].

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::unistd::Uid;
use serde_json::json;
use tsmgate_pki::enrolment::Network;
use tsmgate_pki::{ClientName, ServerName};

use crate::cli::Exit;

mod authority;
mod checks;
mod configuration;
mod files;
mod folders;
mod host;
mod invitation;
mod people;
mod program;
mod renewal;
mod step;
mod units;

use host::Host;
use step::{Standing, Step, Trouble};

/// Held by a setup as long as it runs; the folder is root's.
const LOCK: &str = "/run/tsmgate-setup.lock";

/// What an operator may say; all else is found out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tsmgated setup --dry-run\n  \
                        tsmgated setup --allow 10.20.1.0/24 --invite jump01 --roles operator,login")]
pub struct SetupArguments {
    /// What clients call this host, the first in tokens and profiles [default: its names and addresses]
    #[arg(long = "name", value_name = "DNS", num_args = 1.., value_parser = server_name)]
    names: Vec<ServerName>,
    /// Who may connect, to the gate and to the service [default: nobody]
    #[arg(long, value_name = "NET", num_args = 1.., value_delimiter = ',')]
    allow: Vec<Network>,
    /// Print an invite for this host
    #[arg(long, value_name = "NAME", requires = "roles", value_parser = client_name)]
    invite: Option<ClientName>,
    /// What it may do
    #[arg(long, value_name = "ROLES", requires = "invite", value_delimiter = ',')]
    roles: Vec<String>,
    /// Where it may come from [default: wherever anybody may]
    #[arg(long, value_name = "NETWORKS", requires = "invite", value_delimiter = ',')]
    networks: Vec<Network>,
    /// Show what would be done and why, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not enable and start the units
    #[arg(long)]
    no_start: bool,
    /// As JSON: changed, steps[]{what, standing, says}, join
    #[arg(long)]
    json: bool,
}

fn server_name(text: &str) -> Result<ServerName, String> {
    text.parse().map_err(|fault: tsmgate_pki::PkiError| fault.to_string())
}

fn client_name(text: &str) -> Result<ClientName, String> {
    text.parse().map_err(|fault: tsmgate_pki::PkiError| fault.to_string())
}

/// How a step went.
struct Line {
    what: String,
    standing: &'static str,
    says: String,
}

impl Line {
    fn shown(&self) -> String {
        format!("{:<10} {}: {}", self.standing, self.what, self.says)
    }
}

/// Does it, or shows it; the worst that happened is how it ends.
pub fn setup(arguments: &SetupArguments) -> Exit {
    let dry_run = arguments.dry_run;
    let _lock = match hold(dry_run) {
        Ok(lock) => lock,
        Err(trouble) => {
            let _ = writeln!(io::stderr(), "tsmgate-authority: {}", trouble.says);
            return trouble.exit;
        }
    };
    let host = match Host::find(&arguments.names) {
        Ok(host) => host,
        Err(trouble) => {
            let _ = writeln!(io::stderr(), "tsmgate-authority: {}", trouble.says);
            return trouble.exit;
        }
    };
    let as_json = arguments.json;
    let mut exit = Exit::Done;
    let mut lines = Vec::new();
    for step in steps(&host, arguments) {
        let line = take(step.as_ref(), dry_run, &mut exit);
        if !as_json {
            print(&[line.shown()]);
        }
        lines.push(line);
    }
    let (line, token) = invitation::Invitation::of(arguments).take(dry_run, &mut exit);
    if !as_json {
        print(&[line.shown()]);
    }
    lines.push(line);
    match as_json {
        true => print(&[said(&lines, token.as_deref())]),
        // alone, and last
        false => print(token.as_slice()),
    }
    if dry_run { Exit::Done } else { exit }
}

/// In this order: each stands on those before it.
fn steps(host: &Host, arguments: &SetupArguments) -> Vec<Box<dyn Step>> {
    let mut steps: Vec<Box<dyn Step>> = Vec::new();
    steps.extend(people::users());
    steps.extend(folders::all());
    steps.extend(people::memberships(host));
    steps.extend(authority::all(host));
    steps.extend(configuration::all(host, arguments));
    steps.push(Box::new(renewal::of(host)));
    let checks = checks::all(host);
    steps.extend(checks.iter().cloned().map(|check| Box::new(check) as Box<dyn Step>));
    steps.push(Box::new(units::Units {
        systemd: host.systemd,
        wanted: !arguments.no_start,
        checks,
    }));
    steps
}

/// Looks, and does what is to be done.
fn take(step: &dyn Step, dry_run: bool, exit: &mut Exit) -> Line {
    let mut trouble = |trouble: Trouble| {
        if *exit == Exit::Done {
            *exit = trouble.exit;
        }
        ("cannot", trouble.says)
    };
    let (standing, says) = match step.look() {
        Err(fault) => trouble(fault),
        Ok(Standing::So(says)) => ("is so", says),
        Ok(Standing::ByHand(says)) => ("by hand", says),
        Ok(Standing::Left(says)) => {
            let (_, says) = trouble(Trouble { exit: Exit::Contents, says });
            ("left", says)
        }
        Ok(Standing::ToDo(why)) if dry_run => ("would", why),
        Ok(Standing::ToDo(why)) => match step.perform() {
            Ok(()) => ("done", why),
            Err(fault) => trouble(fault),
        },
    };
    Line { what: step.what(), standing, says }
}

/// Root alone can do this, and one at a time; to look, neither is needed.
fn hold(dry_run: bool) -> Result<Option<Flock<File>>, Trouble> {
    if dry_run {
        return Ok(None);
    }
    if !Uid::effective().is_root() {
        return Err(Trouble::system(
            "only root can set up this host; with --dry-run anybody may look",
        ));
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.custom_flags(OFlag::O_NOFOLLOW.bits());
    let failed = |error: io::Error| Trouble::system(format!("cannot open {LOCK}: {error}"));
    let lock = options.open(LOCK).map_err(failed)?;
    match Flock::lock(lock, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err(_) => Err(Trouble::system("another setup is under way on this host")),
    }
}

fn said(lines: &[Line], join: Option<&str>) -> String {
    let steps: Vec<_> = lines
        .iter()
        .map(|line| json!({ "what": line.what, "standing": line.standing, "says": line.says }))
        .collect();
    let changed = lines.iter().any(|line| line.standing == "done");
    json!({ "changed": changed, "steps": steps, "join": join }).to_string()
}

fn print(lines: &[impl AsRef<str>]) {
    let mut out = io::stdout().lock();
    for line in lines {
        let _ = writeln!(out, "{}", line.as_ref());
    }
}
