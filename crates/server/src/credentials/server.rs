//! Our own certificate and key.
//!
//! The key is the one that systemd hands over, where it does; nobody else may read one of a file.

use std::path::{Path, PathBuf};

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{CredentialsFault, Ending, EndingKind, certificates, contents, day};
use crate::config::Tls;
use tsmgate_settings::files::{self, Kind};

/// The name under which systemd hands our key over (`LoadCredential=server.key:…`).
const KEY_CREDENTIAL: &str = "server.key";

/// Our chain and key as of `now`, and when the certificate ends; adds to `warnings` what is odd.
///
/// # Errors
/// A file is missing, unsafe or broken, the certificate is outside of its time, or the key is another's.
pub(super) fn load_server(
    tls: &Tls,
    provider: &CryptoProvider,
    now: OffsetDateTime,
    warnings: &mut Vec<String>,
) -> Result<(CertifiedKey, Ending), CredentialsFault> {
    let path = &tls.certificate;
    let chain = certificates(path)?;
    let leaf = chain.first().ok_or_else(|| contents(path, "there is no certificate in it"))?;
    let (_, leaf) = X509Certificate::from_der(leaf)
        .map_err(|error| contents(path, format!("a broken certificate: {error}")))?;
    let validity = leaf.validity();
    let (from, until) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
    if now > until {
        return Err(CredentialsFault::Expired { path: path.clone(), until });
    }
    if now < from {
        return Err(contents(path, format!("the certificate is not valid before {}", day(from))));
    }
    let usage = leaf.extended_key_usage().ok().flatten();
    if usage.is_some_and(|usage| !usage.value.server_auth && !usage.value.any) {
        let path = path.display();
        warnings.push(format!("{path}: the certificate is not for servers: clients refuse it"));
    }
    let key_path = &private_key(tls);
    let key = zeroize::Zeroizing::new(files::read(key_path, Kind::PrivateKey)?);
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| contents(key_path, "there is no unencrypted PEM private key in it"))?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|_| contents(key_path, "a private key of a kind that TLS 1.3 cannot use"))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => {
            let name = path.display().to_string();
            Ok((certified, Ending { kind: EndingKind::Server, name, at: until }))
        }
        Err(rustls::Error::InconsistentKeys(_)) => Err(CredentialsFault::Mismatch {
            certificate: path.clone(),
            private_key: key_path.clone(),
        }),
        Err(error) => Err(contents(path, error.to_string())),
    }
}

/// Where our key is: what systemd hands over goes before what the configuration names.
pub(super) fn private_key(tls: &Tls) -> PathBuf {
    key_credential().unwrap_or_else(|| tls.private_key.clone())
}

/// systemd reads a credential when it starts a service, and not again.
pub(super) fn restart_hint(private_key: &Path) -> &'static str {
    if Some(private_key) == key_credential().as_deref() {
        "; systemd hands a new key over at the next start: systemctl restart tsmgated"
    } else {
        ""
    }
}

/// Our key as systemd handed it over, where it did.
fn key_credential() -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty())?;
    let path = Path::new(&folder).join(KEY_CREDENTIAL);
    path.exists().then_some(path)
}
