//! From what was written to what is meant: everything that takes more than one value to judge.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;
use tsmgate_catalogue::command::{Added, Catalogue};
use tsmgate_catalogue::runner::ASK_LIMIT;
use tsmgate_gate::admission::AdmissionLimits;
use tsmgate_gate::network::Networks;
use tsmgate_gate::policy::DenyList;
use tsmgate_gate::rate::Rate;
use tsmgate_settings::accounts;
use tsmgate_settings::fault::ConfigFault;
use tsmgate_settings::values::{Parsed, WrittenSize};

use super::raw::{self, Authorities, OneOrMany, Raw, WrittenAuthorities};
use super::values::{self, WrittenNetwork};
use super::{
    Audit, ClientAuthorities, CommandLimits, Config, HttpLimits, ListFile, LocalSocket,
    LoginLimits, Tls, Tsm,
};
use tsmgate_text::escape;

mod api;
mod clients;
mod enrolment;
mod local;

use api::api;
pub(crate) use api::{fingerprint, host_and_port};
use clients::{EntryFault, clients, roles};
pub(crate) use clients::{NAME_RULE, entry_networks, entry_roles, is_name};
use enrolment::enrolment;
use local::local;

/// Where what was written stands: the main file first, then those of `clients.d`.
#[derive(Debug)]
pub struct Origin {
    /// Relative paths are relative to it.
    pub folder: PathBuf,
    /// Each file with its text and its number of entries.
    pub files: Vec<(PathBuf, String, usize)>,
}

impl Origin {
    /// A fault at a place of the main file.
    pub fn main(&self, span: &Range<usize>, message: impl Into<String>) -> ConfigFault {
        self.at_file(0, span, message)
    }

    /// A fault in the entry of that number, in whichever file it stands.
    fn entry(&self, entry: usize, span: &Range<usize>, message: impl Into<String>) -> ConfigFault {
        let mut before = 0;
        for (index, (_, _, entries)) in self.files.iter().enumerate() {
            if entry < before + entries {
                return self.at_file(index, span, message);
            }
            before += entries;
        }
        self.main(span, message)
    }

    fn at_file(&self, file: usize, span: &Range<usize>, message: impl Into<String>) -> ConfigFault {
        match self.files.get(file) {
            Some((path, text, _)) => ConfigFault::at(path, text, span, message),
            None => ConfigFault::whole(&self.folder, message),
        }
    }

    /// A path of a file, wherever we stand.
    pub fn path(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }
}

pub(super) fn check(raw: &Raw, origin: &Origin) -> Result<Config, ConfigFault> {
    let allow = networks(&raw.admission.allow);
    let roles = roles(&raw.role, origin)?;
    let mut warnings = Vec::new();
    let clients = clients(raw, &allow, &roles, origin, &mut warnings)?;
    let local = local(raw, &roles, origin, &mut warnings)?;
    let tsm = tsm(&raw.tsm, origin, &mut warnings)?;
    let enrolment = enrolment(raw, &roles, origin)?;
    let mut tls = tls(&raw.tls, origin)?;
    tls.revocation_lists.extend(enrolment.as_ref().map(enrolment::list));
    Ok(Config {
        listen: raw.listen.address,
        local_socket: raw.listen.local.as_ref().map(|path| origin.path(path)),
        local,
        proxies: proxies(&raw.listen, origin)?,
        tls,
        tsm,
        exempt: networks(&raw.admission.exempt),
        admission: admission(&raw.admission, origin)?,
        handshake_timeout: raw.admission.handshake_timeout.0.0,
        login: LoginLimits {
            first_byte: raw.limits.login.first_byte.0.0,
            idle: raw.limits.login.idle.0.0,
            call: raw.limits.login.call.0.0,
            per_connection: at_least_one(&raw.limits.login.per_connection, origin)?,
            lifetime: raw.limits.login.lifetime.0.0,
        },
        http: http(&raw.limits.http),
        command: command(&raw.limits.command, origin)?,
        catalogue: Arc::new(catalogue(&raw.command, origin)?),
        deny: deny_list(&raw.revoked, &|span, message| origin.main(span, message))?,
        enrolment,
        stop_grace: raw.stop.grace.0.0,
        audit: audit(&raw.audit, origin)?,
        metrics: raw.metrics.listen.as_ref().map(|listen| listen.get_ref().0.clone()),
        allow,
        clients,
        warnings,
    })
}

fn bytes(size: &WrittenSize) -> usize {
    usize::try_from(size.0.0).unwrap_or(usize::MAX)
}

fn http(raw: &raw::HttpLimits) -> HttpLimits {
    HttpLimits {
        header: raw.header.0.0,
        idle: raw.idle.0.0,
        call: raw.call.0.0,
        body: bytes(&raw.body),
        redacted_answer: bytes(&raw.redacted_answer),
        lifetime: raw.lifetime.0.0,
    }
}

/// The largest order, in bytes: what the runner reads of one, and room for what stands around it.
const LARGEST_ORDER: usize = ASK_LIMIT - 64 * 1024;

fn command(raw: &raw::CommandLimits, origin: &Origin) -> Result<CommandLimits, ConfigFault> {
    let body = bytes(raw.body.get_ref());
    if body > LARGEST_ORDER {
        let message = format!("must be at most {LARGEST_ORDER} bytes: the runner reads no more");
        return Err(origin.main(&raw.body.span(), message));
    }
    let run_most = raw.run_most.get_ref().0.0;
    if raw.run.0.0 > run_most {
        return Err(origin.main(&raw.run_most.span(), "must not be shorter than `run`"));
    }
    Ok(CommandLimits {
        body,
        run: raw.run.0.0,
        run_most,
        queued: at_least_one(&raw.queued, origin)?,
        output: raw.output.0.0,
    })
}

/// The vendor's commands and those of `[[command]]`.
fn catalogue(written: &[Spanned<Added>], origin: &Origin) -> Result<Catalogue, ConfigFault> {
    let mut added = Vec::new();
    for one in written {
        added.push(one.get_ref().clone());
        // one at a time, for the place of the first that cannot be
        Catalogue::with(added.clone())
            .map_err(|fault| origin.main(&one.span(), fault.to_string()))?;
    }
    match Catalogue::with(added) {
        Ok(catalogue) => Ok(catalogue),
        Err(fault) => Err(ConfigFault::whole(&origin.folder, fault.to_string())),
    }
}

/// The widest networks that a balancer may be listed with, in bits of the prefix.
const WIDEST_PROXIES: (u8, u8) = (8, 32);

/// Whoever is listed says himself where he comes from: no network may be everybody's, or nearly.
fn proxies(raw: &raw::Listen, origin: &Origin) -> Result<Networks, ConfigFault> {
    let Some(written) = &raw.proxy_protocol_from else { return Ok(Networks::default()) };
    if written.get_ref().iter().any(|network| network.0.is_everything()) {
        let message = "holds every address there is: anybody could say that he is somebody else";
        return Err(origin.main(&written.span(), message));
    }
    let (ipv4, ipv6) = WIDEST_PROXIES;
    let wide = written.get_ref().iter().find(|network| network.0.is_wider_than(ipv4, ipv6));
    if let Some(Parsed(network)) = wide {
        let message = format!(
            "{network} is wider than /{ipv4} (IPv6: /{ipv6}), and whoever comes from there could say \
             that he is somebody else; list the balancers' own addresses"
        );
        return Err(origin.main(&written.span(), message));
    }
    Ok(networks(written.get_ref()))
}

/// Smaller files would be many, and a record fits into any of these.
const SMALLEST_AUDIT: u64 = 64 * 1024;

/// Where records go.
///
/// # Errors
/// A file would be put aside at too small a size.
pub fn audit(raw: &raw::Audit, origin: &Origin) -> Result<Audit, ConfigFault> {
    let rotate_size = match &raw.rotate_size {
        Some(size) if size.get_ref().0.0 < SMALLEST_AUDIT => {
            return Err(origin.main(&size.span(), "must be at least 64KiB"));
        }
        size => size.as_ref().map(|size| size.get_ref().0.0),
    };
    let file = origin.path(&raw.file);
    Ok(Audit { file, sync: raw.sync, journal: raw.journal, rotate_size })
}

/// Written networks as they are judged by.
pub fn networks(written: &[WrittenNetwork]) -> Networks {
    written.iter().map(|network| network.0).collect()
}

fn tls(raw: &raw::Tls, origin: &Origin) -> Result<Tls, ConfigFault> {
    let lists: &[PathBuf] =
        match raw.revocation_list.as_ref().map(|list| (list.span(), list.get_ref())) {
            None => &[],
            Some((_, OneOrMany::One(path))) => std::slice::from_ref(path),
            // an empty set of lists would switch the check off without a word
            Some((span, OneOrMany::Many(paths))) if paths.is_empty() => {
                let message = "an empty list checks nothing; name a file, or remove the line";
                return Err(origin.main(&span, message));
            }
            Some((_, OneOrMany::Many(paths))) => paths,
        };
    Ok(Tls {
        certificate: origin.path(&raw.certificate),
        private_key: origin.path(&raw.private_key),
        client_authorities: authorities(&raw.client_authority, origin)?,
        revocation_lists: lists
            .iter()
            .map(|path| ListFile { path: origin.path(path), owner: None })
            .collect(),
        expired_list: raw.expired_revocation_list,
    })
}

fn authorities(
    raw: &Spanned<Authorities>,
    origin: &Origin,
) -> Result<Vec<ClientAuthorities>, ConfigFault> {
    let fault = |message: String| origin.main(&raw.span(), message);
    let files = match raw.get_ref() {
        Authorities::One(path) => {
            let path = origin.path(path);
            // a fresh installation has none yet and starts closed; one that was named must be there
            let is_there = path != Path::new(raw::CLIENT_AUTHORITY) || path.exists();
            return Ok(is_there
                .then_some(ClientAuthorities { path, names: None, unlisted: false })
                .into_iter()
                .collect());
        }
        Authorities::Many(files) if files.is_empty() => {
            return Err(fault(
                "an empty list lets nobody in; name a file, or remove the line".into(),
            ));
        }
        Authorities::Many(files) => files,
    };
    let one = |written: &WrittenAuthorities| {
        let (file, names, unlisted) = match written {
            WrittenAuthorities::Any(file) => (file, None, false),
            WrittenAuthorities::Within(within) if within.names.is_empty() => {
                return Err(fault("`names` is empty: it would vouch for nobody".into()));
            }
            WrittenAuthorities::Within(within) => {
                let names = within.names.iter().map(|name| name.parse().map_err(&fault));
                (
                    &within.file,
                    Some(names.collect::<Result<_, _>>()?),
                    within.danger_no_revocation_list,
                )
            }
        };
        Ok(ClientAuthorities { path: origin.path(file), names, unlisted })
    };
    files.iter().map(one).collect()
}

fn tsm(raw: &raw::Tsm, origin: &Origin, warnings: &mut Vec<String>) -> Result<Tsm, ConfigFault> {
    let mut socket = |path: &Path, owners_of: (&str, &[String]), usual: &[&str]| {
        let (owners, owner_groups) = owners(owners_of, usual, origin, warnings)?;
        Ok::<_, ConfigFault>(LocalSocket { path: origin.path(path), owners, owner_groups })
    };
    let of_login = ("tsm.socket_owners", raw.socket_owners.as_slice());
    let of_runner = ("tsm.command_socket_owners", raw.command_socket_owners.as_slice());
    let runner = raw.command_socket.as_ref();
    Ok(Tsm {
        login: socket(&raw.login_socket, of_login, raw::SOCKET_OWNERS)?,
        runner: runner.map(|path| socket(path, of_runner, raw::RUNNER_OWNERS)).transpose()?,
        connections: within(&raw.connections, MOST_AT_ONCE, origin)?,
        api: api(raw, origin)?,
    })
}

/// The numbers of users and of their groups. The defaults name accounts that a host may not have; one
/// must exist.
fn owners(
    (key, written): (&str, &[String]),
    usual: &[&str],
    origin: &Origin,
    warnings: &mut Vec<String>,
) -> Result<(Vec<u32>, Vec<u32>), ConfigFault> {
    let fault = |message: String| match origin.files.first() {
        Some((path, _, _)) => ConfigFault::whole(path, message),
        None => ConfigFault::whole(&origin.folder, message),
    };
    let (mut owners, mut owner_groups) = (Vec::new(), Vec::new());
    for name in written {
        match accounts::user(name) {
            Ok(Some((user, group))) => {
                owners.push(user);
                owner_groups.extend(group);
            }
            Ok(None) if usual.contains(&name.as_str()) => {}
            Ok(None) => {
                let name = escape(name);
                warnings.push(format!("{key}: there is no user `{name}` here"));
            }
            // to go on without would look good, and refuse the right one
            Err(error) => return Err(fault(format!("{key}: {error}"))),
        }
    }
    if owners.is_empty() {
        return Err(fault(format!("{key}: none of these users exists on this host")));
    }
    Ok((owners, owner_groups))
}

/// The most connections and calls at once of any kind: more than a host has descriptors for.
const MOST_AT_ONCE: u32 = 65_536;
/// The most sources in each table, which then takes some gigabytes.
const MOST_SOURCES: u32 = 16_777_216;

/// The numbers of `[admission]`.
///
/// # Errors
/// One of them cannot be.
pub fn admission(raw: &raw::Admission, origin: &Origin) -> Result<AdmissionLimits, ConfigFault> {
    let count = |value| within(value, MOST_AT_ONCE, origin);
    Ok(AdmissionLimits {
        connections: count(&raw.connections)?,
        connections_per_source: count(&raw.connections_per_source)?,
        unproven: count(&raw.unproven)?,
        unproven_per_source: count(&raw.unproven_per_source)?,
        source_rate: rate(&raw.source_rate).map_err(|m| origin.main(&raw.source_rate.span(), m))?,
        sources_remembered: within(&raw.sources_remembered, MOST_SOURCES, origin)?,
    })
}

/// At least 1, and no more than `most`: sums of such counts overflow nowhere.
fn within(value: &Spanned<usize>, most: u32, origin: &Origin) -> Result<usize, ConfigFault> {
    let count = at_least_one(value, origin)?;
    match u32::try_from(count) {
        Ok(count) if count <= most => {}
        _ => return Err(origin.main(&value.span(), format!("must be at most {most}"))),
    }
    Ok(count)
}

fn at_least_one<T: Copy + PartialEq + From<u8>>(
    value: &Spanned<T>,
    origin: &Origin,
) -> Result<T, ConfigFault> {
    if *value.get_ref() == T::from(0) {
        return Err(origin.main(&value.span(), "must be at least 1"));
    }
    Ok(*value.get_ref())
}

fn rate(written: &Spanned<raw::Rate>) -> Result<Rate, &'static str> {
    let raw::Rate { per_minute, burst } = *written.get_ref();
    Rate::new(per_minute, burst).ok_or("`per_minute` and `burst` must be at least 1")
}

pub(crate) fn deny_list(
    raw: &raw::Revoked,
    fault: EntryFault<'_>,
) -> Result<DenyList, ConfigFault> {
    let mut deny = DenyList::default();
    for text in &raw.serials {
        let serial = values::serial(text.get_ref()).map_err(|m| fault(&text.span(), m))?;
        deny.serials.insert(serial);
    }
    for text in &raw.public_keys_sha256 {
        let hash = values::key_hash(text.get_ref()).map_err(|m| fault(&text.span(), m))?;
        deny.public_keys.insert(hash);
    }
    Ok(deny)
}
