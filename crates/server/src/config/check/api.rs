//! `tsm.api`: where TSM's HTTPS controller is, and what makes its certificate good.
//!
//! Without an answer to the second there is no first: nothing here leaves the certificate unchecked.

use std::path::PathBuf;

use data_encoding::HEXLOWER_PERMISSIVE;
use rustls_pki_types::ServerName;
use toml::Spanned;

use super::Origin;
use crate::config::raw;
use crate::config::{Api, ApiTrust};
use tsmgate_settings::fault::ConfigFault;

const SCHEME: &str = "https://";

pub(super) fn api(raw: &raw::Tsm, origin: &Origin) -> Result<Option<Api>, ConfigFault> {
    let trust = trust(raw, origin)?;
    let Some(address) = &raw.api else {
        let spans = [
            raw.api_certificate_sha256.as_ref().map(Spanned::span),
            raw.api_authority.as_ref().map(Spanned::span),
        ];
        return match spans.into_iter().flatten().next() {
            Some(span) => {
                Err(origin.main(&span, "says how `tsm.api` is checked, which is not set"))
            }
            None => Ok(None),
        };
    };
    let (host, port) = host_and_port(address.get_ref())
        .ok_or_else(|| origin.main(&address.span(), "write it like https://localhost:8850"))?;
    let trust = trust.ok_or_else(|| {
        let message = "TSM's certificate must be checked: `tsmgated trust-tsm` shows it and writes \
                       `api_certificate_sha256`; or name its `api_authority`";
        origin.main(&address.span(), message)
    })?;
    Ok(Some(Api { host, port, trust }))
}

fn trust(raw: &raw::Tsm, origin: &Origin) -> Result<Option<ApiTrust>, ConfigFault> {
    match (&raw.api_certificate_sha256, &raw.api_authority) {
        (Some(_), Some(authority)) => {
            let message =
                "stands beside `api_certificate_sha256`: one of them decides, remove the other";
            Err(origin.main(&authority.span(), message))
        }
        (Some(pin), None) => {
            let hash = fingerprint(pin.get_ref()).ok_or_else(|| {
                let message = "is not a SHA-256 in hexadecimal: 64 digits, colons allowed";
                origin.main(&pin.span(), message)
            })?;
            Ok(Some(ApiTrust::Pin(hash)))
        }
        (None, Some(path)) => {
            let path: PathBuf = origin.path(path.get_ref());
            Ok(Some(ApiTrust::Authority(path)))
        }
        (None, None) => Ok(None),
    }
}

/// A certificate's SHA-256 as programs print it: 64 hexadecimal digits, in pairs joined by colons or not.
pub(crate) fn fingerprint(text: &str) -> Option<[u8; 32]> {
    let digits: String = text.chars().filter(|&c| c != ':').collect();
    HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?.try_into().ok()
}

/// The parts of `https://HOST:PORT`, and of nothing else: no path, no user, no port left out.
pub(crate) fn host_and_port(address: &str) -> Option<(String, u16)> {
    let (host, port) = address.strip_prefix(SCHEME)?.rsplit_once(':')?;
    let port =
        port.parse().ok().filter(|number: &u16| *number > 0 && port == number.to_string())?;
    let host = match host.strip_prefix('[') {
        Some(inside) => inside.strip_suffix(']').filter(|inside| inside.contains(':'))?,
        None => Some(host).filter(|host| !host.contains(':'))?,
    };
    ServerName::try_from(host).ok()?;
    Some((host.to_owned(), port))
}

#[cfg(test)]
mod tests;
