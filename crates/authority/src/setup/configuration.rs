//! The two configurations. One that is there is an administrator's and left, but for the untouched sample of the
//! package; what it lacks is said line by line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid, User};
use toml::{Table, Value};
use tsmgate_pki::enrolment::Network;
use tsmgate_server::config::raw as gates;

use super::SetupArguments;
use super::files::{self, Access};
use super::host::Host;
use super::people::AUTHORITY;
use super::program;
use super::step::{Standing, Step, Trouble};
use crate::cli::Exit;
use crate::config::raw::{CONFIG_FILE, PUBLISHED};

/// What the package installs.
const SAMPLE: &str = include_str!("../../../../systemd/tsmgated.toml");
const AUTHORITY_SAMPLE: &str = include_str!("../../../../systemd/tsmgate-authority.toml");
/// How what was written here begins.
const OURS: &str = "# Written by `tsmgated setup`";
/// Where the gate listens, as profiles say it.
const GATE_PORT: u16 = 18850;

/// The authority's, the gate's, and what both say together.
pub(super) fn all(host: &Host, arguments: &SetupArguments) -> Vec<Box<dyn Step>> {
    vec![
        Box::new(of_authority(host, arguments)),
        Box::new(of_gate(host, arguments)),
        Box::new(LoginSocket { place: host.socket.clone() }),
        Box::new(Admission { allow: arguments.allow.clone() }),
        Box::new(Controller { listeners: host.controller.clone() }),
    ]
}

/// A configuration as it shall be.
struct Configuration {
    path: &'static str,
    sample: &'static str,
    /// What is written where none is.
    text: String,
    /// What one that is there must say.
    needed: Table,
    why: String,
}

fn table(entries: Vec<(&str, &str, Option<Value>)>) -> Table {
    let mut table = Table::new();
    for (section, key, value) in entries {
        let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let (Some(section), Some(value)) = (section.as_table_mut(), value) {
            section.insert(key.to_owned(), value);
        }
    }
    table.retain(|_, section| section.as_table().is_none_or(|section| !section.is_empty()));
    table
}

fn list(items: impl IntoIterator<Item = impl ToString>) -> Value {
    Value::Array(items.into_iter().map(|item| Value::String(item.to_string())).collect())
}

fn written(sections: &Table, about: &str) -> String {
    format!("{OURS}. What else can be said: the sample {about}.\n\n{sections}")
}

fn of_authority(host: &Host, arguments: &SetupArguments) -> Configuration {
    let entries = |said: bool| {
        let said = said || host.named;
        vec![
            ("listen", "names", said.then(|| list(&host.names))),
            ("gate", "address", said.then(|| host.address(GATE_PORT).into())),
            ("admission", "allow", allowed(&arguments.allow)),
        ]
    };
    Configuration {
        path: CONFIG_FILE,
        sample: AUTHORITY_SAMPLE,
        text: written(&table(entries(true)), "/usr/share/doc/tsmgated/tsmgate-authority.toml"),
        needed: table(entries(false)),
        why: format!("the gate is found at {}", host.address(GATE_PORT)),
    }
}

fn of_gate(host: &Host, arguments: &SetupArguments) -> Configuration {
    let socket = host.socket.as_ref().map(|path| path.display().to_string());
    let socket = socket.unwrap_or_else(|| gates::LOGIN_SOCKET.to_owned());
    let entries = |whole: bool| {
        // what is the default needs no saying
        let socket = (whole || socket != gates::LOGIN_SOCKET).then(|| socket.clone().into());
        let tls = |path: &str| whole.then(|| path.into());
        vec![
            ("tls", "certificate", tls("/etc/tsmgate/server.pem")),
            ("tls", "private_key", tls("/etc/tsmgate/server.key")),
            ("tls", "client_authority", whole.then(vouching)),
            ("tsm", "login_socket", socket),
            ("admission", "allow", allowed(&arguments.allow)),
            ("enrolment", "folder", Some(PUBLISHED.into())),
            ("enrolment", "owner", Some(AUTHORITY.into())),
        ]
    };
    let why = match &host.socket {
        Some(socket) => format!("TSM's login socket is {}", socket.display()),
        None => {
            format!("TSM's login socket is not there; {} is the usual one", gates::LOGIN_SOCKET)
        }
    };
    Configuration {
        path: gates::CONFIG_FILE,
        sample: SAMPLE,
        text: written(&table(entries(true)), "/usr/share/doc/tsmgated/tsmgated.toml"),
        needed: table(entries(false)),
        why,
    }
}

/// The authority, for the names of its clients alone: it is on this host, and vouches for nobody else's.
fn vouching() -> Value {
    let mut one = Table::new();
    one.insert("file".to_owned(), "/etc/tsmgate/client-ca.pem".into());
    one.insert("names".to_owned(), list(["URI:tsmgate://client/"]));
    Value::Array(vec![Value::Table(one)])
}

fn allowed(allow: &[Network]) -> Option<Value> {
    (!allow.is_empty()).then(|| list(allow))
}

/// A configuration that is there, as far as it can be read as one.
fn there(path: &'static str) -> Result<Option<(String, Table)>, Trouble> {
    let Some(bytes) = files::read(Path::new(path))? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let broken = |error: toml::de::Error| Trouble {
        exit: Exit::Contents,
        says: format!("{path} is not TOML: {}", tsmgate_text::escape(error.message())),
    };
    let table = text.parse().map_err(broken)?;
    Ok(Some((text, table)))
}

/// Whether none is there that anybody wrote: it is still to be written.
pub(super) fn is_to_be_written(path: &'static str) -> Result<bool, Trouble> {
    let there = files::read(Path::new(path))?;
    Ok(there.is_none_or(|there| [SAMPLE, AUTHORITY_SAMPLE].iter().any(|it| it.as_bytes() == there)))
}

/// The lines that one lacks or says otherwise.
fn lacking(needed: &Table, there: &Table) -> Vec<String> {
    let mut lacking = Vec::new();
    for (name, section) in needed {
        let theirs = there.get(name).and_then(Value::as_table);
        for (key, value) in section.as_table().into_iter().flatten() {
            if theirs.and_then(|section| section.get(key)) != Some(value) {
                lacking.push(format!("[{name}] {key} = {value}"));
            }
        }
    }
    lacking
}

impl Step for Configuration {
    fn what(&self) -> String {
        self.path.to_owned()
    }

    fn look(&self) -> Result<Standing, Trouble> {
        let todo = Standing::ToDo(self.why.clone());
        let Some((text, table)) = there(self.path)? else { return Ok(todo) };
        if text == self.sample {
            return Ok(todo);
        }
        let lacking = lacking(&self.needed, &table);
        Ok(match lacking.is_empty() {
            true => Standing::So("it says what is needed".to_owned()),
            false => Standing::Left(format!("it was edited; write there: {}", lacking.join("; "))),
        })
    }

    fn perform(&self) -> Result<(), Trouble> {
        let (path, sample) = (Path::new(self.path), self.sample.as_bytes());
        files::put(path, self.text.as_bytes(), Access::open(), Some(sample))
    }
}

/// Where logins come from. The configurations are good without it, so it is said here, at every run.
struct LoginSocket {
    place: Option<PathBuf>,
}

impl Step for LoginSocket {
    fn what(&self) -> String {
        "TSM's login socket".to_owned()
    }

    fn look(&self) -> Result<Standing, Trouble> {
        Ok(match &self.place {
            Some(place) => Standing::So(place.display().to_string()),
            None => Standing::ByHand(
                "/var/run/tableau/tab-controller-login-* is not there, and nobody can log in; start TSM, and run \
                 this again"
                    .to_owned(),
            ),
        })
    }

    fn perform(&self) -> Result<(), Trouble> {
        Ok(())
    }
}

/// Who may connect: an operator says it, or nobody may.
struct Admission {
    allow: Vec<Network>,
}

impl Step for Admission {
    fn what(&self) -> String {
        "who may connect".to_owned()
    }

    fn look(&self) -> Result<Standing, Trouble> {
        let mut closed = Vec::new();
        for path in [CONFIG_FILE, gates::CONFIG_FILE] {
            // what is there counts, and where nothing is, what will be
            let open = if is_to_be_written(path)? {
                !self.allow.is_empty()
            } else {
                let table = there(path)?.map(|(_, table)| table).unwrap_or_default();
                let allow = table.get("admission").and_then(|section| section.get("allow"));
                allow.and_then(Value::as_array).is_some_and(|allow| !allow.is_empty())
            };
            if !open {
                closed.push(path);
            }
        }
        Ok(match closed.is_empty() {
            true => Standing::So("admission.allow says it".to_owned()),
            false => Standing::ByHand(format!(
                "nobody; name the networks of your clients, as in: [admission] allow = [\"10.20.1.0/24\"], in {}",
                closed.join(" and in ")
            )),
        })
    }

    fn perform(&self) -> Result<(), Trouble> {
        Ok(())
    }
}

/// TSM's HTTPS controller, whose certificate is pinned. Port 8850 is free for every user of the host while TSM is
/// down, and the gate sends a superuser's session there: so only what one of TSM's users shows is believed, and
/// only into a configuration that was written here. Otherwise a person compares.
struct Controller {
    listeners: BTreeSet<u32>,
}

const TRUST: [&str; 4] = ["trust-tsm", "--address", "https://localhost:8850", "--write"];

impl Step for Controller {
    fn what(&self) -> String {
        "TSM's API".to_owned()
    }

    fn look(&self) -> Result<Standing, Trouble> {
        let (text, table) = there(gates::CONFIG_FILE)?.unwrap_or_default();
        let says = |key: &str| table.get("tsm").is_some_and(|tsm| tsm.get(key).is_some());
        if says("api_certificate_sha256") || says("api_authority") {
            return Ok(Standing::So("its certificate is known".to_owned()));
        }
        if self.listeners.is_empty() {
            return Ok(Standing::So(
                "nothing listens on localhost:8850; logins need none".to_owned(),
            ));
        }
        let tsm = |uid: &u32| {
            let user = User::from_uid(Uid::from_raw(*uid)).ok().flatten();
            user.is_some_and(|user| gates::SOCKET_OWNERS.contains(&user.name.as_str()))
        };
        let by_hand = |why: &str| {
            let command = TRUST.join(" ");
            Standing::ByHand(format!(
                "{why}; compare its certificate and pin it: tsmgated {command}"
            ))
        };
        Ok(match self.listeners.iter().all(tsm) {
            false => by_hand("who listens on localhost:8850 is none of TSM's users"),
            true if !text.is_empty() && text != SAMPLE && !text.starts_with(OURS) => {
                by_hand("the configuration was edited")
            }
            true => Standing::ToDo("what TSM's user shows on localhost:8850 is pinned".to_owned()),
        })
    }

    fn perform(&self) -> Result<(), Trouble> {
        program::beside_as("tsmgated", &TRUST, Uid::from_raw(0), Gid::from_raw(0))
    }
}
