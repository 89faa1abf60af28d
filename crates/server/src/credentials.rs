//! The TLS side of the configuration, loaded and checked: our certificate and key, the authority whose
//! clients count, its revocation lists.
//!
//! It reads, and never writes: the daemon cannot make a key. Everything a start would fail on fails
//! here, so that `check` and `run` say the same.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tsmgate_text::escape;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

use crate::config::{ExpiredList, Tls};
use crate::files::{self, FileFault, Kind};

/// From then on the end of a certificate is worth a warning.
pub const ENDING_SOON: time::Duration = time::Duration::days(14);

/// What the handshake needs. Immutable; a reload makes another.
#[derive(Debug)]
pub struct Credentials {
    /// Algorithms, key exchange groups in order of preference.
    pub provider: Arc<CryptoProvider>,
    /// Our chain and key.
    pub server: Arc<CertifiedKey>,
    /// Checks a client's chain; `None` without an authority, when nobody gets in.
    pub clients: Option<Arc<dyn ClientCertVerifier>>,
    /// When our certificate ends.
    pub server_not_after: OffsetDateTime,
    /// A revocation list was past its next update when this was loaded, and that refuses everybody of
    /// its issuer.
    pub list_expired: bool,
    /// What is odd but no reason not to start.
    pub warnings: Vec<String>,
}

/// Why credentials cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsFault {
    /// A file cannot be taken.
    #[error(transparent)]
    File(#[from] FileFault),
    /// A file has no certificate, key or list in it, or a broken one.
    #[error("{path}: {what}")]
    Contents {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The private key is another certificate's.
    #[error(
        "{certificate} and {private_key} do not belong together: the key is another certificate's"
    )]
    Mismatch {
        /// Our certificate.
        certificate: PathBuf,
        /// Not its key.
        private_key: PathBuf,
    },
}

fn contents(path: &Path, what: impl Into<String>) -> CredentialsFault {
    CredentialsFault::Contents { path: path.to_owned(), what: what.into() }
}

/// The algorithms: rustls's own for TLS 1.3 with the post-quantum group preferred.
pub fn provider() -> CryptoProvider {
    CryptoProvider {
        kx_groups: vec![
            kx_group::X25519MLKEM768,
            kx_group::X25519,
            kx_group::SECP256R1,
            kx_group::SECP384R1,
        ],
        ..aws_lc_rs::default_provider()
    }
}

/// Loads everything the handshake needs, as of `now`.
///
/// # Errors
/// A file is missing, unsafe, empty or broken; certificate and key do not match; our certificate is
/// outside of its time; a configured revocation list holds none.
pub fn load(tls: &Tls, now: OffsetDateTime) -> Result<Credentials, CredentialsFault> {
    let provider = Arc::new(provider());
    let mut warnings = Vec::new();
    let (server, server_not_after) = load_server(tls, &provider, now, &mut warnings)?;
    let (clients, list_expired) = match &tls.client_authority {
        None => (None, false),
        Some(path) => {
            let (clients, expired) = load_clients(path, tls, &provider, now, &mut warnings)?;
            (Some(clients), expired)
        }
    };
    if clients.is_some() && tls.revocation_lists.is_empty() {
        let what = "tls.revocation_list is not set: only [revoked] refuses certificates";
        warnings.push(what.to_owned());
    }
    Ok(Credentials {
        provider,
        server: Arc::new(server),
        clients,
        server_not_after,
        list_expired,
        warnings,
    })
}

fn load_server(
    tls: &Tls,
    provider: &CryptoProvider,
    now: OffsetDateTime,
    warnings: &mut Vec<String>,
) -> Result<(CertifiedKey, OffsetDateTime), CredentialsFault> {
    let path = &tls.certificate;
    let chain = certificates(path)?;
    let leaf = chain.first().ok_or_else(|| contents(path, "there is no certificate in it"))?;
    let (_, leaf) = X509Certificate::from_der(leaf)
        .map_err(|error| contents(path, format!("a broken certificate: {error}")))?;
    let validity = leaf.validity();
    let (from, until) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
    if now > until {
        return Err(contents(
            path,
            format!("the certificate expired on {}; issue a new one", day(until)),
        ));
    }
    if now < from {
        return Err(contents(path, format!("the certificate is not valid before {}", day(from))));
    }
    let usage = leaf.extended_key_usage().ok().flatten();
    if usage.is_some_and(|usage| !usage.value.server_auth && !usage.value.any) {
        let path = path.display();
        warnings.push(format!("{path}: the certificate is not for servers: clients refuse it"));
    }
    let key_path = &tls.private_key;
    let key = zeroize::Zeroizing::new(files::read(key_path, Kind::PrivateKey)?);
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|_| contents(key_path, "there is no unencrypted PEM private key in it"))?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|_| contents(key_path, "a private key of a kind that TLS 1.3 cannot use"))?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok((certified, until)),
        Err(rustls::Error::InconsistentKeys(_)) => Err(CredentialsFault::Mismatch {
            certificate: path.clone(),
            private_key: key_path.clone(),
        }),
        Err(error) => Err(contents(path, error.to_string())),
    }
}

fn load_clients(
    authority: &Path,
    tls: &Tls,
    provider: &Arc<CryptoProvider>,
    now: OffsetDateTime,
    warnings: &mut Vec<String>,
) -> Result<(Arc<dyn ClientCertVerifier>, bool), CredentialsFault> {
    let (roots, authorities) = load_roots(authority, now, warnings)?;
    let mut lists = Vec::new();
    let mut spoken_for = Vec::new();
    let mut expired = false;
    for path in &tls.revocation_lists {
        for list in load_lists(path)? {
            let (_, parsed) = CertificateRevocationList::from_der(&list)
                .map_err(|error| contents(path, format!("a broken revocation list: {error}")))?;
            spoken_for.push(parsed.issuer().as_raw().to_vec());
            let this = parsed.last_update().to_datetime();
            let next = parsed.next_update().map(|next| next.to_datetime());
            expired |= next.is_some_and(|next| now > next);
            warnings.extend(list_warning(path, tls.expired_list, this, next, now));
            lists.push(list);
        }
    }
    if !lists.is_empty() && !authorities.iter().all(|name| spoken_for.contains(name)) {
        let path = authority.display();
        let what = "no revocation list speaks for an authority in it: its certificates are refused";
        warnings.push(format!("{path}: {what}"));
    }
    let mut verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
            // a list of authority names tells strangers whom we trust, and costs bytes
            .clear_root_hint_subjects()
            .with_crls(lists);
    if tls.expired_list == ExpiredList::Refuse {
        verifier = verifier.enforce_revocation_expiration();
    }
    let path = tls.revocation_lists.first().map_or(authority, PathBuf::as_path);
    let verifier = verifier.build().map_err(|error| contents(path, error.to_string()))?;
    Ok((verifier, expired && tls.expired_list == ExpiredList::Refuse))
}

/// The authorities of a file. The TLS library trusts a root for ever, so that its end is ours to see to:
/// one that has ended counts no more, and where none is left the file is refused.
fn load_roots(
    path: &Path,
    now: OffsetDateTime,
    warnings: &mut Vec<String>,
) -> Result<(RootCertStore, Vec<Vec<u8>>), CredentialsFault> {
    let mut roots = RootCertStore::empty();
    let mut authorities = Vec::new();
    let mut ended = None;
    for certificate in certificates(path)? {
        let (_, parsed) = X509Certificate::from_der(&certificate)
            .map_err(|error| contents(path, format!("a broken certificate: {error}")))?;
        let until = parsed.validity().not_after.to_datetime();
        if now > until {
            warnings.push(format!(
                "{}: an authority expired on {}; it does not count",
                path.display(),
                day(until)
            ));
            ended = Some(until);
            continue;
        }
        if !parsed.is_ca() {
            let path = path.display();
            let name = escape(parsed.subject().to_string());
            warnings.push(format!("{path}: {name} is not an authority: it vouches for nobody"));
        }
        authorities.push(parsed.subject().as_raw().to_vec());
        if until - now < ENDING_SOON {
            warnings.push(format!("{}: an authority ends on {}", path.display(), day(until)));
        }
        roots
            .add(certificate)
            .map_err(|error| contents(path, format!("not an authority: {error}")))?;
    }
    match (roots.is_empty(), ended) {
        (false, _) => Ok((roots, authorities)),
        (true, Some(until)) => {
            Err(contents(path, format!("the authority expired on {}", day(until))))
        }
        (true, None) => Err(contents(path, "there is no certificate in it")),
    }
}

/// The lists of one file. Not even one is a fault: an empty set of lists would switch the check off.
fn load_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, CredentialsFault> {
    let bytes = files::read(path, Kind::Open)?;
    let lists: Vec<CertificateRevocationListDer<'static>> = if bytes.starts_with(b"0") {
        vec![bytes.into()]
    } else {
        CertificateRevocationListDer::pem_slice_iter(&bytes)
            .collect::<Result<_, _>>()
            .map_err(|error| contents(path, format!("broken PEM: {error}")))?
    };
    if lists.is_empty() {
        return Err(contents(path, "there is no revocation list in it"));
    }
    Ok(lists)
}

/// From half of its life on a list that nobody renews is a lock-out to come.
fn list_warning(
    path: &Path,
    expired: ExpiredList,
    this: OffsetDateTime,
    next: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Option<String> {
    let path = path.display();
    let Some(next) = next else {
        return Some(format!("{path}: the revocation list does not say when the next is due"));
    };
    if now > next {
        let then = match expired {
            ExpiredList::Refuse => "every certificate of its issuer is refused",
            ExpiredList::Warn => "it goes on counting (expired_revocation_list = \"warn\")",
        };
        return Some(format!("{path}: the revocation list expired on {}: {then}", day(next)));
    }
    let half = this + (next - this) / 2;
    (now > half)
        .then(|| format!("{path}: the revocation list ends on {}; issue a new one", day(next)))
}

/// A time as people and records write it: RFC 3339.
fn day(time: OffsetDateTime) -> String {
    time.format(&Rfc3339).unwrap_or_default()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CredentialsFault> {
    let bytes = files::read(path, Kind::Open)?;
    CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| contents(path, format!("broken PEM: {error}")))
}
