//! The TLS side of the configuration, loaded and checked: our certificate and key, the authority whose
//! clients count, its revocation lists; and what makes TSM's own certificate good.
//!
//! It reads, and never writes: the daemon cannot make a key. Everything a start would fail on fails
//! here, so that `check` and `run` say the same. What runs out while the daemon runs is judged by
//! [`Credentials::at`], without reading anything again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::{self, kx_group};
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::{self, PemObject};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::config::{ApiTrust, Config, Tls};
use tsmgate_settings::files::{self, FileFault, Kind, Print};

mod dated;
mod lists;
mod remembered;
mod scoped;
mod server;
mod trust;
pub mod tsm;

use dated::Dated;
use server::{load_server, private_key, restart_hint};
use trust::Trust;
use tsm::Controller;

/// From then on the end of a certificate is worth a warning.
pub const ENDING_SOON: time::Duration = time::Duration::days(21);

/// What the handshake needs. Immutable; a reload makes another.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Algorithms, key exchange groups in order of preference.
    pub provider: Arc<CryptoProvider>,
    /// Our chain and key.
    pub server: Arc<CertifiedKey>,
    /// Checks a client's chain; `None` without an authority, when nobody gets in.
    pub clients: Option<Arc<dyn ClientCertVerifier>>,
    /// How TSM's HTTPS controller is checked; `Some` where `tsm.api` is. The same one (by `Arc::ptr_eq`)
    /// for as long as the same is trusted.
    pub tsm: Option<Arc<ClientConfig>>,
    /// When our certificate ends.
    server_ending: Ending,
    /// What stands behind `clients`.
    trust: Option<Arc<Trust>>,
    /// What stands behind `tsm`.
    controller: Option<Arc<Controller>>,
    /// What is odd but no reason not to start, whatever the time.
    odd: Vec<String>,
    /// The files, as they were just before they were read.
    read_from: Vec<(PathBuf, Print)>,
}

/// Something that runs out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Of what kind it is.
    pub kind: EndingKind,
    /// Which one: a file, or whose it is.
    pub name: String,
    /// Its last moment.
    pub at: OffsetDateTime,
}

/// What can run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndingKind {
    /// Our certificate.
    Server,
    /// An authority whose clients count.
    Authority,
    /// A revocation list, at its next update.
    RevocationList,
}

impl EndingKind {
    /// Its name in status and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Authority => "authority",
            Self::RevocationList => "revocation_list",
        }
    }
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
    /// Our certificate is over.
    #[error("{path}: the certificate expired on {}; issue a new one", day(*.until))]
    Expired {
        /// Which file.
        path: PathBuf,
        /// When it ended.
        until: OffsetDateTime,
    },
    /// A list is older than the one in force.
    #[error("{0}")]
    OlderList(String),
    /// The private key is another certificate's.
    #[error(
        "{certificate} and {private_key} do not belong together: the key is another certificate's{}",
        restart_hint(.private_key)
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

/// The algorithms: rustls's own for TLS 1.3 with the post-quantum group preferred. Nothing of TLS 1.2, so
/// that it cannot be spoken with our clients whatever versions somebody names.
pub fn provider() -> CryptoProvider {
    let mut provider = provider_with_tls12();
    provider.cipher_suites.retain(|suite| suite.tls13().is_some());
    provider
}

/// The same with the cipher suites of TLS 1.2: for TSM's side.
pub(crate) fn provider_with_tls12() -> CryptoProvider {
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

/// The files that [`load`] reads, in no particular order.
pub fn files_of(config: &Config) -> Vec<PathBuf> {
    let tls = &config.tls;
    let mut files = vec![tls.certificate.clone(), private_key(tls)];
    files.extend(tls.client_authorities.iter().map(|one| one.path.clone()));
    files.extend(tls.revocation_lists.iter().map(|list| list.path.clone()));
    if let Some(ApiTrust::Authority(file)) = config.tsm.api.as_ref().map(|api| &api.trust) {
        files.push(file.clone());
    }
    files
}

/// Loads everything the handshake needs, as of `now`.
///
/// # Errors
/// A file is missing, unsafe, empty or broken; certificate and key do not match; our certificate is
/// outside of its time, or every authority is; a configured revocation list holds none, or
/// `tsm.api_authority` no authority.
pub fn load(config: &Config, now: OffsetDateTime) -> Result<Credentials, CredentialsFault> {
    load_after(None, config, now)
}

/// The same while `current` is in force. Our own certificate must not keep a revocation from coming into
/// force: one that has run out meanwhile, or whose key only a restart hands over, leaves ours as it is.
///
/// # Errors
/// As [`load`]; or a revocation list is older than the one in force.
pub fn load_anew(
    current: &Credentials,
    config: &Config,
    now: OffsetDateTime,
) -> Result<Credentials, CredentialsFault> {
    load_after(Some(current), config, now)
}

fn load_after(
    current: Option<&Credentials>,
    config: &Config,
    now: OffsetDateTime,
) -> Result<Credentials, CredentialsFault> {
    let tls = &config.tls;
    let provider = Arc::new(provider());
    let mut odd = Vec::new();
    let read_from = files_of(config).into_iter().map(|file| (file.clone(), files::print(&file)));
    let read_from = read_from.collect();
    let (server, server_ending) = match (load_server(tls, &provider, now, &mut odd), current) {
        (Ok((server, ending)), _) => (Arc::new(server), ending),
        (Err(fault), Some(current)) if current.outlives(&fault, tls) => {
            odd.push(format!("our certificate stays as it is: {fault}"));
            (Arc::clone(&current.server), current.server_ending.clone())
        }
        (Err(fault), _) => return Err(fault),
    };
    let old = current.and_then(|current| current.trust.as_ref());
    let trust = match tls.client_authorities.as_slice() {
        [] => None,
        files => Some(Arc::new(Trust::load(files, tls, &provider, old.map(Arc::as_ref))?)),
    };
    let older = |(new, old): (&Arc<Trust>, &Arc<Trust>)| new.older_list(old);
    if let Some(older) = trust.as_ref().zip(old).and_then(older) {
        return Err(CredentialsFault::OlderList(older));
    }
    let clients: Option<Arc<dyn ClientCertVerifier>> = match &trust {
        None => None,
        Some(trust) => Some(Arc::new(Dated::new(trust, &provider, now)?)),
    };
    if clients.is_some() && tls.revocation_lists.is_empty() {
        let what = "tls.revocation_list is not set: only [revoked] refuses certificates";
        odd.push(what.to_owned());
    }
    let old = current.and_then(|current| current.controller.as_ref());
    let api = config.tsm.api.as_ref();
    let controller = api.map(|api| Controller::load(api, old)).transpose()?;
    let tsm = controller.as_ref().map(|controller| Arc::clone(&controller.config));
    Ok(Credentials {
        provider,
        server,
        clients,
        tsm,
        server_ending,
        trust,
        controller,
        odd,
        read_from,
    })
}

impl Credentials {
    /// Whether a file is to be tried again, for what is in it now does not count.
    pub fn is_to_be_tried_again(&self) -> bool {
        self.trust.as_ref().is_some_and(|trust| trust.keeps_an_earlier_list())
    }

    /// The same files judged at another time: an authority that has ended counts no more, and with the
    /// last of them nobody gets in.
    #[must_use]
    pub fn at(&self, now: OffsetDateTime) -> Self {
        // loaded once it cannot be broken: what is left to fail is that all authorities ended
        let check = |trust| Dated::new(trust, &self.provider, now).ok();
        let clients = self.trust.as_ref().and_then(check).map(|dated| Arc::new(dated) as _);
        Self { clients, ..self.clone() }
    }

    /// Whether a fault of our certificate's files is none of what is in force: it is the same that has
    /// run out, or its key is one that only a restart hands over.
    fn outlives(&self, fault: &CredentialsFault, tls: &Tls) -> bool {
        match fault {
            CredentialsFault::Expired { path, .. } => {
                certificates(path).is_ok_and(|chain| chain == self.server.cert)
            }
            CredentialsFault::Mismatch { private_key, .. } => *private_key != tls.private_key,
            _ => false,
        }
    }

    /// The files it was read from, as they were just before.
    pub fn read_from(&self) -> &[(PathBuf, Print)] {
        &self.read_from
    }

    /// Everything of it that runs out.
    pub fn endings(&self) -> Vec<Ending> {
        let mut endings = vec![self.server_ending.clone()];
        endings.extend(self.trust.iter().flat_map(|trust| trust.endings()));
        endings
    }

    /// When the pinned certificate of TSM's controller ends; known once the controller has shown it.
    pub fn pinned_until(&self) -> Option<OffsetDateTime> {
        self.controller.as_ref()?.pinned_until()
    }

    /// Whether a list is past its next update and refuses everybody of its issuer for it.
    pub fn list_expired(&self, now: OffsetDateTime) -> bool {
        self.trust.as_ref().is_some_and(|trust| trust.list_expired(now))
    }

    /// What is in the way of every client at `now`, each a sentence.
    pub fn trouble(&self, now: OffsetDateTime) -> Vec<String> {
        let mut trouble = Vec::new();
        let Ending { name, at, .. } = &self.server_ending;
        if now > *at {
            trouble.push(format!(
                "{name}: our certificate expired on {}: clients refuse it",
                day(*at)
            ));
        }
        trouble.extend(self.trust.iter().flat_map(|trust| trust.trouble(now)));
        trouble
    }

    /// What is odd at `now` but in nobody's way yet, each a sentence.
    pub fn warnings(&self, now: OffsetDateTime) -> Vec<String> {
        let mut warnings = self.odd.clone();
        let Ending { name, at, .. } = &self.server_ending;
        if now <= *at && *at - now < ENDING_SOON {
            let days = (*at - now).whole_days();
            warnings.push(format!("{name}: our certificate ends in {days} days"));
        }
        warnings.extend(self.trust.iter().flat_map(|trust| trust.warnings(now)));
        warnings.extend(self.controller.iter().flat_map(|controller| controller.warnings(now)));
        warnings
    }
}

/// A time as people read it: RFC 3339, to the second.
pub fn day(time: OffsetDateTime) -> String {
    time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default()
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CredentialsFault> {
    let bytes = files::read(path, Kind::Open)?;
    CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| broken_pem(path, &error))
}

/// What is wrong with a PEM file, without a byte of it: the library's own text repeats the line that it
/// did not understand, whatever its length, and where line breaks were lost a key is in that line.
fn broken_pem(path: &Path, error: &pem::Error) -> CredentialsFault {
    let what = match error {
        pem::Error::IllegalSectionStart { .. } => {
            "a -----BEGIN line is not whole, or has more on it: were line breaks lost?"
        }
        pem::Error::MissingSectionEnd { .. } => {
            "a -----BEGIN line has no -----END line of its kind"
        }
        pem::Error::Base64Decode(_) => "what is between two of its lines is no base64",
        _ => "it cannot be read",
    };
    contents(path, format!("broken PEM: {what}"))
}
