//! The gate's own certificate, its key, the authorities whose clients count and their revocation lists.

use std::io::ErrorKind;

use time::OffsetDateTime;
use tsmgate_settings::files::FileFault;
use tsmgate_text::escape;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::{Cause, Seen, Side, shown};
use crate::config::Config;
use crate::credentials::{self, Credentials, CredentialsFault, day};

/// What a look at the files by somebody comes to.
type Loaded = Result<Credentials, CredentialsFault>;

/// All of them, by the service user where it may read them, else by us: systemd reads the key as root.
pub(super) fn seen(
    config: &Config,
    as_service: impl FnOnce(&dyn Fn() -> Loaded) -> Result<Loaded, String>,
    now: OffsetDateTime,
) -> (Seen, Option<Credentials>) {
    let mut seen = Seen::of(shown(&config.tls.certificate));
    let load = || credentials::load(config, now);
    let loaded = match as_service(&load) {
        Ok(Err(fault)) if is_denied(&fault) => {
            seen.note(
                "the service user may not read all of them itself: systemd hands the key over",
            );
            load()
        }
        Ok(loaded) => loaded,
        Err(_) => load(),
    };
    let credentials = match loaded {
        Ok(credentials) => credentials,
        Err(fault) => {
            let cause = match fault {
                CredentialsFault::File(_) => Cause::File,
                _ => Cause::Contents,
            };
            seen.fail(cause, fault.to_string(), Side::Gate, advice(&fault));
            return (seen, None);
        }
    };
    seen.note(format!("it is for {}", names(&credentials)));
    seen.note("the key is its own");
    for ending in credentials.endings() {
        let (name, at) = (escape(&ending.name), day(ending.at));
        let kind = ending.kind.name().replace('_', " ");
        seen.note(format!("{kind} {name} ends on {at}, {}", left(ending.at, now)));
    }
    for trouble in credentials.trouble(now) {
        seen.fail(Cause::Contents, trouble, Side::Gate, "issue a new one: tsmgate pki");
    }
    for warning in credentials.warnings(now) {
        seen.warn(warning, Side::Gate, "renew it before it ends, or see whether that is meant");
    }
    if config.tls.client_authorities.is_empty() {
        let what = "name the authority of your clients in tls.client_authority";
        seen.warn("there is no authority of clients: nobody gets in", Side::Gate, what);
    }
    (seen, Some(credentials))
}

/// Whether it is only that somebody may not read a file.
fn is_denied(fault: &CredentialsFault) -> bool {
    let CredentialsFault::File(FileFault::Unreadable { cause, .. }) = fault else { return false };
    cause.kind() == ErrorKind::PermissionDenied
}

fn advice(fault: &CredentialsFault) -> &'static str {
    match fault {
        CredentialsFault::File(_) => "put the file in its place, owner and mode as it says",
        CredentialsFault::Expired { .. } => {
            "issue a new certificate (tsmgate pki) and put it in the place of the old one"
        }
        CredentialsFault::Mismatch { .. } => "put the certificate and the key that belong together",
        _ => "put a whole file in its place",
    }
}

/// How long it still is, in whole days.
pub(super) fn left(end: OffsetDateTime, now: OffsetDateTime) -> String {
    match (end - now).whole_days() {
        _ if end < now => "which is over".to_owned(),
        1 => "in 1 day".to_owned(),
        days => format!("in {days} days"),
    }
}

/// The names that clients may call it by.
fn names(credentials: &Credentials) -> String {
    let leaf = credentials.server.cert.first();
    let Some((_, leaf)) = leaf.and_then(|leaf| X509Certificate::from_der(leaf).ok()) else {
        return "no name".to_owned();
    };
    let alternatives = leaf.subject_alternative_name().ok().flatten();
    let names: Vec<String> = alternatives
        .into_iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(escape(name)),
            GeneralName::IPAddress(bytes) => address(bytes),
            _ => None,
        })
        .collect();
    if names.is_empty() { "no name".to_owned() } else { names.join(", ") }
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
    let sixteen = || <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from);
    four.or_else(|_| sixteen()).ok().map(|address| address.to_string())
}
