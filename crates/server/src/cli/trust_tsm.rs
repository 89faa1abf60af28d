//! `tsmgated trust-tsm`: shows the certificate of TSM's HTTPS controller, for a person to compare, and
//! writes it into the configuration when told to.
//!
//! It works while nothing is pinned yet, when the configuration cannot be loaded for that very reason.
//! Without `--write` it changes nothing; it never makes the daemon believe anything else.

use std::path::Path;

use time::OffsetDateTime;
use tsmgate_text::escape;

use super::{Configuration, Exit, complain, fail, say};
use crate::config::raw::{self, Raw};
use crate::config::{self, ConfigFault};
use crate::daemon::StartFault;
use crate::digest::sha256;
use crate::pinning::look::look;
use crate::pinning::shown::{colons, lines};
use crate::pinning::write::{PinFault, edited, replace};
use tsmgate_settings::files::{self, FileFault};

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  tsmgated trust-tsm --address https://localhost:8850\n  \
                        tsmgated trust-tsm --address https://localhost:8850 --write")]
pub(super) struct Arguments {
    #[command(flatten)]
    configuration: Configuration,
    /// Where the controller is, while the configuration does not say so [default: tsm.api]
    #[arg(long, value_name = "https://HOST:PORT", value_parser = address)]
    address: Option<Address>,
    /// Pin what is shown: write its SHA-256 into the configuration, and tsm.api where that is missing
    #[arg(long)]
    write: bool,
    /// Write only if it is this one, as it was read on the TSM host
    #[arg(long, value_name = "SHA256", requires = "write", value_parser = hash)]
    expect: Option<Hash>,
}

/// A controller's address, as it was written and in its parts.
#[derive(Debug, Clone)]
struct Address {
    text: String,
    host: String,
    port: u16,
}

#[derive(Debug, Clone, Copy)]
struct Hash([u8; 32]);

fn address(text: &str) -> Result<Address, String> {
    match config::host_and_port(text) {
        Some((host, port)) => Ok(Address { text: text.to_owned(), host, port }),
        None => Err("write it like https://localhost:8850".to_owned()),
    }
}

fn hash(text: &str) -> Result<Hash, String> {
    let hash = config::fingerprint(text).map(Hash);
    hash.ok_or_else(|| "not a SHA-256 in hexadecimal: 64 digits, colons allowed".to_owned())
}

/// The configuration as far as it matters here.
struct Written {
    print: files::Print,
    text: String,
    raw: Raw,
}

pub(super) fn trust_tsm(arguments: &Arguments) -> Exit {
    let path = &arguments.configuration.config;
    let written = match read(path) {
        Ok(written) => Some(written),
        // a look does not need it
        Err(ConfigFault::File(FileFault::Unreadable { .. }))
            if arguments.address.is_some() && !arguments.write =>
        {
            None
        }
        Err(fault) => return fail(&StartFault::Config(fault)),
    };
    let address = match whom(arguments, written.as_ref()) {
        Ok(address) => address,
        Err(exit) => return exit,
    };
    let Some(certificate) = (match seen(&address) {
        Ok(chain) => chain.into_iter().next(),
        Err(exit) => return exit,
    }) else {
        complain("it shows no certificate");
        return Exit::Unavailable;
    };
    let hash = sha256(&certificate);
    let mut shown = vec![format!("{} shows:", escape(&address.text))];
    shown.extend(lines(&certificate, &hash, OffsetDateTime::now_utc()));
    shown.extend(written.as_ref().map(|written| standing(path, written, &hash)));
    say(&shown);
    match written {
        Some(written) if arguments.write => write(arguments, written, &address, &hash),
        _ => {
            compare(&address);
            complain(&format!(
                "if it is the same, pin it: tsmgated trust-tsm{}{} --write --expect {}",
                option("--config", path, Path::new(raw::CONFIG_FILE)),
                arguments
                    .address
                    .as_ref()
                    .map(|_| format!(" --address {}", address.text))
                    .unwrap_or_default(),
                colons(&hash)
            ));
            Exit::Done
        }
    }
}

/// An option as it is to be given again, where it is not the default.
fn option(name: &str, path: &Path, default: &Path) -> String {
    match path == default {
        true => String::new(),
        false => format!(" {name} {}", escape(path.as_os_str().as_encoded_bytes())),
    }
}

/// Reads without judging what it says: that is for `check`, and cannot be good yet.
fn read(path: &Path) -> Result<Written, ConfigFault> {
    let print = files::print(path);
    let (text, raw) = config::read_raw(path)?;
    Ok(Written { print, text, raw })
}

/// Who is looked at: whom the command line names, or else the configuration.
fn whom(arguments: &Arguments, written: Option<&Written>) -> Result<Address, Exit> {
    let path = &arguments.configuration.config;
    let configured = written.and_then(|written| written.raw.tsm.api.as_ref());
    match (&arguments.address, configured) {
        (Some(address), Some(api)) if arguments.write && *api.get_ref() != address.text => {
            complain(&format!(
                "{}: tsm.api is {}; change it there, or leave --address out",
                path.display(),
                escape(api.get_ref())
            ));
            Err(Exit::Usage)
        }
        (Some(address), _) => Ok(address.clone()),
        (None, Some(api)) => address(api.get_ref()).map_err(|message| {
            complain(&format!("{}: tsm.api: {message}", path.display()));
            Exit::Contents
        }),
        (None, None) => {
            complain(&format!(
                "{}: tsm.api is not set; say where TSM is: --address https://localhost:8850",
                path.display()
            ));
            Err(Exit::Usage)
        }
    }
}

fn seen(address: &Address) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| fail(&StartFault::Process(error)))?;
    let chain = runtime.block_on(look(&address.host, address.port));
    // a lookup of the name that hangs is not waited for
    runtime.shutdown_background();
    chain.map_err(|fault| {
        complain(&fault.to_string());
        Exit::Unavailable
    })
}

/// How what is in force compares with what is shown.
fn standing(path: &Path, written: &Written, hash: &[u8; 32]) -> String {
    let path = path.display();
    let tsm = &written.raw.tsm;
    match (&tsm.api_certificate_sha256, &tsm.api_authority) {
        (Some(pin), _) => match config::fingerprint(pin.get_ref()) {
            Some(pin) if pin == *hash => format!("{path}: this one is pinned"),
            Some(pin) => format!("{path}: ANOTHER one is pinned: {}", colons(&pin)),
            None => format!("{path}: what is pinned is not a SHA-256"),
        },
        (None, Some(authority)) => {
            let authority = escape(authority.get_ref().as_os_str().as_encoded_bytes());
            format!("{path}: nothing is pinned; the authority in {authority} decides")
        }
        (None, None) => format!("{path}: nothing is pinned"),
    }
}

/// How a person makes sure.
fn compare(address: &Address) {
    let Address { host, port, .. } = address;
    let at = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    complain("compare the SHA-256 with what TSM itself shows. On the TSM host, as root:");
    complain(&format!("  ss -ltnp 'sport = :{port}'    must name TSM's own process"));
    complain(&format!(
        "  openssl s_client -connect {at} </dev/null | openssl x509 -noout -fingerprint -sha256"
    ));
}

fn write(arguments: &Arguments, written: Written, address: &Address, hash: &[u8; 32]) -> Exit {
    let path = &arguments.configuration.config;
    if let Some(Hash(expected)) = arguments.expect
        && expected != *hash
    {
        complain(&format!(
            "it is not the one that was expected ({}); nothing was written. Either TSM has a new one \
             since, or somebody else answers in its place",
            colons(&expected)
        ));
        return Exit::Refused;
    }
    let Written { print, text, raw } = written;
    if raw.tsm.api_authority.is_some() {
        complain(&format!(
            "{}: tsm.api_authority decides, and one of them must; remove it, then write the pin",
            path.display()
        ));
        return Exit::Contents;
    }
    let first = raw.tsm.api_certificate_sha256.is_none();
    let pin = colons(hash);
    let fault = match edited(&text, &raw, &address.text, &pin) {
        Some(new) if new == text => {
            say(&[format!("{}: unchanged", path.display())]);
            return Exit::Done;
        }
        Some(new) => replace(path, &print, &new).err(),
        None => {
            let line = format!("api_certificate_sha256 = \"{pin}\"");
            Some(PinFault::NoPlace { path: path.clone(), line })
        }
    };
    if let Some(fault) = fault {
        complain(&fault.to_string());
        return match fault {
            PinFault::NoPlace { .. } => Exit::Contents,
            PinFault::File(_) => Exit::File,
            PinFault::Changed(_) | PinFault::Unwritable { .. } => Exit::System,
        };
    }
    say(&[format!("{}: pinned", path.display())]);
    // the sandbox lets a running gate reach no port that it did not know when it started
    let then = if first { "restart" } else { "reload" };
    complain(&format!("then: tsmgated check, and systemctl {then} tsmgated"));
    Exit::Done
}
