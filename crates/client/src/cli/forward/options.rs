//! What `tsmgate forward` can be told, and the one thing it then means: names become numbers of this host.

use std::fmt;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, ValueEnum};
use tsmgate_settings::accounts;
use tsmgate_text::escape;

use crate::cli::complaint::Complaint;
use crate::cli::gate_options::GateOptions;
use crate::exit::Exit;
use crate::failure::shown;
use crate::forward::Callers;
use crate::system::socket::{self, Access, ListenFault, LocalListener};
use crate::{Gate, Source};

/// Offer TSM's login socket on this host; each call goes through a gate
///
/// Programs made for TSM's own socket work here as they are. Only those users get a session whom --allow-user
/// or --allow-group names; without either, only the user that runs this. Each call is a login of its own, with
/// this client's certificate and under its limits. Ends at SIGTERM or ctrl-c.
#[derive(Debug, Args)]
#[command(after_help = after_help())]
pub(crate) struct ForwardArgs {
    #[command(flatten)]
    gate: GateOptions,
    /// Where to make the socket, in a folder that others cannot write; none where systemd hands one over
    #[arg(long, value_name = "PATH", env = "TSMGATE_LISTEN", hide_env_values = true)]
    listen: Option<PathBuf>,
    /// A user of this host that may log in, by name or number; may be repeated
    #[arg(long, value_name = "NAME", env = "TSMGATE_ALLOW_USER", hide_env_values = true)]
    #[arg(value_delimiter = ',')]
    allow_user: Vec<String>,
    /// A group of this host whose members may log in, by name; may be repeated
    #[arg(long, value_name = "NAME", env = "TSMGATE_ALLOW_GROUP", hide_env_values = true)]
    #[arg(value_delimiter = ',')]
    allow_group: Vec<String>,
    /// Who can open the socket: its owner, or its group as well [default: 0600]
    #[arg(long, value_enum, value_name = "MODE", env = "TSMGATE_MODE", hide_env_values = true)]
    mode: Option<Mode>,
    /// Whose the socket is to be, as far as the system lets you give it away
    #[arg(long, value_name = "USER[:GROUP]", env = "TSMGATE_OWNER", hide_env_values = true)]
    owner: Option<String>,
    /// One JSON object a line on stderr
    #[arg(long)]
    json: bool,
    /// Say nothing of calls that succeed
    #[arg(long, short)]
    quiet: bool,
}

/// The permission bits of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Owner,
    Group,
}

impl ValueEnum for Mode {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Owner, Self::Group]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Owner => PossibleValue::new("0600").alias("600"),
            Self::Group => PossibleValue::new("0660").alias("660"),
        })
    }
}

/// What is to be done.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) source: Source,
    pub(super) place: Place,
    pub(super) callers: Callers,
    pub(super) json: bool,
    pub(super) quiet: bool,
}

/// Where callers come to.
#[derive(Debug)]
pub(super) enum Place {
    /// A socket that systemd handed over.
    Passed(LocalListener),
    /// One that is to be made.
    Own { path: PathBuf, access: Access },
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self {
            Self::Own { path, .. } => Some(path.clone()),
            Self::Passed(listener) => {
                let address = listener.local_addr().ok();
                address.and_then(|address| address.as_pathname().map(Path::to_owned))
            }
        };
        match path {
            Some(path) => formatter.write_str(&shown(&path)),
            None => formatter.write_str("the socket that systemd handed over"),
        }
    }
}

impl ForwardArgs {
    /// What is meant.
    ///
    /// # Errors
    /// No gate or no place is named, or a user or group that this host does not have.
    pub(super) fn settle(self, given: &ArgMatches) -> Result<Request, Complaint> {
        let passed = socket::passed().map_err(|fault| {
            Complaint::new(
                Exit::File,
                format!("cannot use the socket that systemd handed over: {fault}"),
                "see the socket unit: it needs one ListenStream= with a path".to_owned(),
            )
        })?;
        let place = match (passed, self.listen) {
            (Some(_), _) if self.mode.is_some() || self.owner.is_some() => {
                let what = "--mode and --owner do not go with a socket that systemd hands over";
                let hint = "its unit says it: SocketMode=, SocketUser=, SocketGroup=";
                return Err(Complaint::usage(what, hint));
            }
            // one of the environment may be there for other runs
            (Some(_), Some(_))
                if given.value_source("listen") == Some(ValueSource::CommandLine) =>
            {
                let what = "--listen does not go with a socket that systemd hands over";
                return Err(Complaint::usage(what, "its unit says it: ListenStream="));
            }
            (Some(listener), _) => Place::Passed(listener),
            (None, Some(path)) => {
                let (user, group) =
                    self.owner.as_deref().map(owner).transpose()?.unwrap_or_default();
                let mode = if self.mode == Some(Mode::Group) { 0o660 } else { 0o600 };
                Place::Own { path, access: Access { mode, user, group } }
            }
            (None, None) => {
                let hint = "give it, set TSMGATE_LISTEN, or use the socket unit";
                return Err(Complaint::usage("--listen PATH is missing", hint));
            }
        };
        let callers = match self.allow_user.is_empty() && self.allow_group.is_empty() {
            true => Callers::ourselves(),
            false => Callers {
                users: self.allow_user.iter().map(|name| user(name)).collect::<Result<_, _>>()?,
                groups: self.allow_group.into_iter().map(group_name).collect::<Result<_, _>>()?,
            },
        };
        let source = self.gate.needed_source(Gate::TIMEOUT, given, "")?;
        Ok(Request { source, place, callers, json: self.json, quiet: self.quiet })
    }
}

fn user(name: &str) -> Result<u32, Complaint> {
    let found = accounts::user(name).map_err(unanswered)?;
    found.map(|(user, _)| user).ok_or_else(|| unknown("user", name))
}

fn group(name: &str) -> Result<u32, Complaint> {
    accounts::group(name).map_err(unanswered)?.ok_or_else(|| unknown("group", name))
}

/// A group's name, where the host has the group. Not a number: members are looked up by name.
fn group_name(name: String) -> Result<String, Complaint> {
    match name.parse::<u32>() {
        Ok(_) => Err(unknown("group", &name)),
        Err(_) => group(&name).map(|_| name),
    }
}

/// `USER`, `USER:GROUP` or `:GROUP`, as numbers.
fn owner(text: &str) -> Result<(Option<u32>, Option<u32>), Complaint> {
    let (of_user, of_group) = text.split_once(':').unwrap_or((text, ""));
    if of_user.is_empty() && of_group.is_empty() {
        return Err(Complaint::usage("--owner names nobody", "give USER, USER:GROUP or :GROUP"));
    }
    let of_user = match of_user {
        "" => None,
        name => Some(user(name)?),
    };
    let of_group = match of_group {
        "" => None,
        name => Some(group(name)?),
    };
    Ok((of_user, of_group))
}

#[expect(clippy::needless_pass_by_value, reason = "what map_err gives")]
fn unanswered(fault: accounts::LookupFault) -> Complaint {
    Complaint::check(fault.to_string(), "`getent passwd` and `getent group` ask the same")
}

fn unknown(what: &str, name: &str) -> Complaint {
    let name = escape(name.as_bytes());
    let hint = format!("`getent {}` shows them", if what == "user" { "passwd" } else { "group" });
    Complaint::check(format!("this host has no {what} {name}"), hint)
}

/// The complaint about a socket that cannot be made.
pub(super) fn unlistenable(path: &Path, fault: &ListenFault) -> Complaint {
    let hint = match fault {
        ListenFault::Folder(_) => {
            "make a folder of your own for it, as /run/tsmgate-forward or $XDG_RUNTIME_DIR"
        }
        ListenFault::Taken => "a forward runs there already; `ss -xlp` shows whose",
        ListenFault::NotASocket => "name a path where nothing is",
        ListenFault::Owner(_) => "only root can give it to others, and you to groups you are in",
        ListenFault::System(_) | ListenFault::Passed(_) => {
            "a socket's path has 1 to 107 bytes, in a folder that is there"
        }
    };
    Complaint::new(
        Exit::File,
        format!("cannot listen on {}: {fault}", shown(path)),
        hint.to_owned(),
    )
}

/// Examples and the exit codes.
fn after_help() -> String {
    format!(
        "Examples:\n  \
         tsmgate forward --profile prod --listen \"$XDG_RUNTIME_DIR/tsm-login\"\n  \
         tableau-monitoring-execd --tsm-socket \"$XDG_RUNTIME_DIR/tsm-login\"\n\n  \
         tsmgate forward --profile prod --listen /run/tsmgate-forward/login \\\n      \
         --allow-group monitoring --owner :monitoring --mode 0660\n\n{}",
        Exit::table()
    )
}
