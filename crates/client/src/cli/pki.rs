//! `tsmgate pki`: the authority in a folder, offline. This file reads arguments, asks the library,
//! and turns answers into lines and exit codes; it makes no decision of its own. Secrets come from a
//! terminal or a file, never from an argument or the environment, and none is ever printed.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use time::{Duration, OffsetDateTime};
use tsmgate_pki::inspect::inspect;
use tsmgate_pki::{
    Authority, CRL_DAYS, ClientName, Fault, InitOptions, IssueOptions, PkiError, Reason, Revokee,
    ServerName, kind_text, read_request, renewal,
};

mod holders;
mod import;
mod invite;
mod passphrase;
mod revoke;
mod show;

use holders::Holders;
use invite::{GrantArgs, InviteArgs, InvitesVerb};
use show::Answer;

use crate::exit::Exit;

/// What `needs-renewal` exits with when there is time; the one answer that is no failure and not 0.
const NOT_NEEDED: u8 = 1;

/// Where the authority is unless it is said.
const HERE: &str = "./pki";
/// The folder of the enrolment service (systemd/tmpfiles.conf), and where in it the authority is.
const SERVICE_HOME: &str = "/var/lib/tsmgate-authority";
const SERVICE: &str = "/var/lib/tsmgate-authority/pki";

/// Make certificates and revocation lists with an authority in a folder
///
/// For example: `tsmgate pki init`, then `tsmgate pki server tsm.example.com`, then
/// `tsmgate pki client jump01`.
#[derive(Debug, Args)]
pub(super) struct PkiArgs {
    /// The authority's folder [default: ./pki, or where the service on this host has it]
    #[arg(long, value_name = "DIR", env = "TSMGATE_PKI_DIR", global = true)]
    dir: Option<PathBuf>,
    /// File whose first line is the passphrase of the authority's key; otherwise it is asked for
    #[arg(long, value_name = "FILE", global = true)]
    passphrase_file: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make an authority, with an empty revocation list
    Init {
        /// Encrypt the authority's key under a passphrase
        #[arg(long)]
        encrypt: bool,
    },
    /// Make a key and one certificate for a server with all these names
    Server {
        /// DNS names and IP addresses that clients connect to; the first names the files
        #[arg(required = true, value_name = "NAME")]
        names: Vec<ServerName>,
        #[command(flatten)]
        how: How,
    },
    /// Make a key and a certificate for each of these clients
    Client {
        /// Client names, of a-z, 0-9, dot and dash
        #[arg(required = true, value_name = "NAME")]
        names: Vec<ClientName>,
        #[command(flatten)]
        how: How,
    },
    /// Sign the key of a request; the names in the request are ignored
    Sign {
        /// The request, PEM
        csr: PathBuf,
        #[command(flatten)]
        holder: Holder,
        /// Where the certificate goes [default: beside those made here]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        how: How,
    },
    /// Revoke certificates, and write a new revocation list
    Revoke {
        /// Client names, serial numbers, or certificate files (with a slash, or .pem, .crt, .der)
        #[arg(required = true, value_name = "WHAT")]
        what: Vec<String>,
        /// What WHAT is, where it could be several things
        #[arg(long = "as", value_name = "KIND")]
        kind: Option<WhatKind>,
        /// Why; goes into the list
        #[arg(long, default_value = "unspecified")]
        reason: Why,
    },
    /// Write a new revocation list
    Crl {
        /// Its life in days
        #[arg(long, value_name = "N", default_value_t = CRL_DAYS, value_parser = days)]
        days: u16,
    },
    /// Invite a host: print the token with which it may join, once
    Invite(InviteArgs),
    /// List the invites, or take one back
    Invites {
        #[command(subcommand)]
        verb: InvitesVerb,
    },
    /// Grant a client that has joined other roles or networks
    Grant(GrantArgs),
    /// List all that was issued: to whom, with which roles, since when, and when the gate last saw it
    List {
        /// The gate's audit [default: that of the gate on this host]
        #[arg(long, value_name = "FILE")]
        audit: Option<PathBuf>,
    },
    /// Show what a certificate, chain, request, revocation list or key file holds
    Inspect {
        /// The file, PEM or DER
        file: PathBuf,
    },
    Import(import::ImportArgs),
    /// Exit with 0 when a certificate or revocation list should be renewed, with 1 when not
    NeedsRenewal {
        /// The file, PEM or DER
        file: PathBuf,
        /// Renew when less than this is left, as 30d or 12h [default: a third of its life]
        #[arg(long, value_name = "TIME", value_parser = duration)]
        within: Option<Duration>,
    },
}

#[derive(Debug, Args)]
struct How {
    /// Its life in days, 1 to 365 [default: 90 for clients, 365 for servers]
    #[arg(long, value_name = "N", value_parser = days)]
    days: Option<u16>,
    /// Issue it although the name has a live certificate
    #[arg(long)]
    allow_second: bool,
    /// Replace files of the name that are there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Holder {
    /// Sign for this client
    #[arg(long, value_name = "NAME")]
    client: Option<ClientName>,
    /// Sign for a server with this name; give it again for each further name
    #[arg(long, value_name = "NAME")]
    server: Vec<ServerName>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum WhatKind {
    Client,
    Server,
    Serial,
    File,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Why {
    Unspecified,
    KeyCompromise,
    AffiliationChanged,
    Superseded,
    CessationOfOperation,
    PrivilegeWithdrawn,
}

/// Why a command ended early.
#[derive(Debug)]
enum Failure {
    Pki(PkiError),
    /// Refused by the command line itself.
    Refused {
        what: &'static str,
        hint: &'static str,
        exit: Exit,
    },
    /// The answer could not be written.
    Output(io::Error),
}

impl From<PkiError> for Failure {
    fn from(error: PkiError) -> Failure {
        Failure::Pki(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

/// Runs one command: answers go to `out`, talk to `talk`; the number is the exit code, of the table
/// in the design: 0, 64 usage, 65 refused, 66 local file, and 1 for a renewal that is not needed.
pub(super) fn run(args: PkiArgs, out: &mut dyn Write, talk: &mut dyn Write) -> u8 {
    let (what, hint, exit) = match perform(args, out, talk) {
        Ok(code) => return code,
        // Whoever read the answer has read enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            return Exit::Done.code();
        }
        Err(Failure::Output(error)) => {
            let what = format!("cannot write the answer: {}", kind_text(error.kind()));
            (what, "what was asked for is done; `tsmgate pki list` shows it".into(), Exit::File)
        }
        Err(Failure::Refused { what, hint, exit }) => (what.to_owned(), hint.to_owned(), exit),
        Err(Failure::Pki(error)) => {
            let exit = match error.fault() {
                Fault::Usage => Exit::Usage,
                Fault::Check => Exit::Check,
                Fault::File => Exit::File,
            };
            (error.to_string(), error.hint(), exit)
        }
    };
    // When even the talk cannot be written there is nobody left to tell.
    let _ = writeln!(talk, "tsmgate: {what}\nhint: {hint}");
    exit.code()
}

fn perform(args: PkiArgs, out: &mut dyn Write, talk: &mut dyn Write) -> Result<u8, Failure> {
    let PkiArgs { dir, passphrase_file, json, verb } = args;
    let dir = dir.unwrap_or_else(|| usual_folder(matches!(verb, Verb::Init { .. })));
    let open = || passphrase::open(&dir, passphrase_file.as_deref());
    let now = OffsetDateTime::now_utc();
    let answer = match verb {
        Verb::Init { encrypt } => {
            let passphrase = passphrase::for_new_key(encrypt, passphrase_file.as_deref())?;
            Answer::authority(&Authority::init(&dir, InitOptions { passphrase })?, encrypt)
        }
        Verb::Server { names, how } => {
            let issued = open()?.server(&names, how.options())?;
            Answer::issued(vec![(show::server_title(&names), issued)])
        }
        Verb::Client { names, how } => return clients(&open()?, &names, &how, json, out, talk),
        Verb::Sign { csr, holder, out, how } => {
            let request = read_request(&csr)?;
            let authority = open()?;
            Answer::issued(vec![match &holder.client {
                Some(name) => (
                    show::client_title(name),
                    authority.sign_client(&request, name, how.options(), out.as_deref())?,
                ),
                None => (
                    show::server_title(&holder.server),
                    authority.sign_server(
                        &request,
                        &holder.server,
                        how.options(),
                        out.as_deref(),
                    )?,
                ),
            }])
        }
        Verb::Revoke { what, kind, reason } => {
            let what: Vec<_> =
                what.iter().map(|text| revokee(text, kind)).collect::<Result<_, PkiError>>()?;
            revoke::revoke(&dir, &what, reason.into(), passphrase_file.as_deref(), talk)?
        }
        Verb::Crl { days } => Answer::list(&open()?.issue_crl_of(days)?),
        Verb::Invite(args) => invite::invite(&dir, args, now)?,
        Verb::Grant(args) => invite::grant(&dir, args)?,
        Verb::Invites { verb } => invite::invites(&dir, &verb, now)?,
        Verb::List { audit } => {
            let audit = holders::audit(audit)?;
            passphrase::in_folder(&dir)?;
            let entries = Authority::list(&dir)?;
            Answer::entries(&entries, &Holders::of(&dir, &entries, audit)?, now)
        }
        Verb::Inspect { file } => Answer::views(&inspect(&file, now)?)?,
        Verb::Import(args) => return import::run(&args, now, json, out, talk),
        Verb::NeedsRenewal { file, within } => {
            // For a timer any trouble with the file is one answer: it cannot be read.
            let renewal = renewal(&file, within, now)?;
            Answer::renewal(renewal).write(json, out, talk)?;
            return Ok(if renewal.needed { Exit::Done.code() } else { NOT_NEEDED });
        }
    };
    answer.write(json, out, talk)?;
    Ok(Exit::Done.code())
}

/// Where an authority is unless it is said: here, or where the enrolment service of this host has it.
fn usual_folder(is_new: bool) -> PathBuf {
    let here = PathBuf::from(HERE);
    let service = PathBuf::from(SERVICE);
    if is_new || here.exists() || !service.exists() { here } else { service }
}

/// One certificate each; what was made before a failure is told before the failure is.
fn clients(
    authority: &Authority,
    names: &[ClientName],
    how: &How,
    json: bool,
    out: &mut dyn Write,
    talk: &mut dyn Write,
) -> Result<u8, Failure> {
    let mut issued = Vec::new();
    let mut outcome = Ok(Exit::Done.code());
    for name in names {
        match authority.client(name, how.options()) {
            Ok(one) => issued.push((show::client_title(name), one)),
            Err(error) => {
                outcome = Err(Failure::Pki(error));
                break;
            }
        }
    }
    if !issued.is_empty() {
        Answer::issued(issued).write(json, out, talk)?;
    }
    outcome
}

impl How {
    fn options(&self) -> IssueOptions {
        IssueOptions { days: self.days, allow_second: self.allow_second, replace: self.force }
    }
}

impl From<Why> for Reason {
    fn from(why: Why) -> Reason {
        match why {
            Why::Unspecified => Reason::Unspecified,
            Why::KeyCompromise => Reason::KeyCompromise,
            Why::AffiliationChanged => Reason::AffiliationChanged,
            Why::Superseded => Reason::Superseded,
            Why::CessationOfOperation => Reason::CessationOfOperation,
            Why::PrivilegeWithdrawn => Reason::PrivilegeWithdrawn,
        }
    }
}

/// Reads WHAT as it looks: a path, a serial number (ours have 32 digits), or else a client's name.
fn revokee(text: &str, kind: Option<WhatKind>) -> Result<Revokee, PkiError> {
    let is_path = || {
        text.contains('/') || [".pem", ".crt", ".cer", ".der"].iter().any(|end| text.ends_with(end))
    };
    let is_serial = || {
        text.contains(':') || text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let kind = kind.unwrap_or_else(|| match () {
        () if is_path() => WhatKind::File,
        () if is_serial() => WhatKind::Serial,
        () => WhatKind::Client,
    });
    Ok(match kind {
        WhatKind::Client => Revokee::Client(text.parse()?),
        WhatKind::Server => Revokee::Server(text.parse()?),
        WhatKind::Serial => Revokee::Serial(text.parse()?),
        WhatKind::File => Revokee::Certificate(PathBuf::from(text)),
    })
}

fn days(text: &str) -> Result<u16, String> {
    text.parse()
        .ok()
        .filter(|days| (1..=tsmgate_pki::DAYS_MOST).contains(days))
        .ok_or_else(|| "give 1 to 365 days".to_owned())
}

/// A number and one of d, h, m: `30d`.
fn duration(text: &str) -> Result<Duration, String> {
    let read = || {
        let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let number: u32 = number.parse().ok()?;
        let seconds = match unit {
            "d" => 24 * 60 * 60,
            "h" => 60 * 60,
            "m" => 60,
            _ => return None,
        };
        Some(Duration::seconds(i64::from(number) * seconds))
    };
    read().ok_or_else(|| "give a number and d, h or m, as 30d".to_owned())
}
