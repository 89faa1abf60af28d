//! The authority in this process: opened once, with its key in memory; and what runs out, kept from it.
//!
//! The service's own certificate is made here and never on disk, a new one at two thirds of its life. The
//! revocation list is made anew when half of its life is over, for past its end the gate would refuse everybody,
//! and when somebody was revoked without the key, which it takes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use time::{Duration, OffsetDateTime};
use tokio::sync::watch;
use tsmgate_pki::enrolment::Service;
use tsmgate_pki::inspect::{View, inspect};
use tsmgate_pki::{Authority, CRL_DAYS, LIST, Passphrase, PkiError, ServerName};
use tsmgate_settings::files::{self, FileFault, Kind};
use tsmgate_text::escape;
use zeroize::Zeroizing;

use crate::config::{self, Config};
use crate::handshake;

/// The life of the service's own certificate.
pub const SERVER_LIFE: Duration = Duration::days(30);
/// How often it is looked at what runs out.
const TICK: std::time::Duration = std::time::Duration::from_secs(3600);
/// The names under which systemd hands over the key, and what opens it.
const KEY_CREDENTIAL: &str = "ca.key";
const PASSPHRASE_CREDENTIAL: &str = "ca.passphrase";

/// Why the authority cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum KeeperFault {
    /// The key or its folder cannot be taken.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The folder, the key, or what is made of them.
    #[error("{0}; {hint}", hint = .0.hint())]
    Pki(#[from] PkiError),
    /// A file has no certificate in it.
    #[error("{path}: there is no certificate in it")]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// The service's own certificate cannot be used.
    #[error("the service's own certificate cannot be used: {0}")]
    Tls(String),
}

/// The authority of a configuration, opened.
///
/// # Errors
/// The folder is not whole, others may read the key or enter the folder, or the passphrase is missing or wrong.
pub fn open(config: &config::Authority) -> Result<Authority, KeeperFault> {
    let passphrase =
        match config.passphrase_file.clone().or_else(|| credential(PASSPHRASE_CREDENTIAL)) {
            Some(path) => Some(passphrase(&path)?),
            None => None,
        };
    match config.private_key.clone().or_else(|| credential(KEY_CREDENTIAL)) {
        None => Ok(Authority::open(&config.folder, passphrase.as_ref())?),
        Some(path) => {
            let key = Zeroizing::new(files::read(&path, Kind::PrivateKey)?);
            Ok(Authority::open_with_key(&config.folder, &key, passphrase.as_ref())?)
        }
    }
}

/// What systemd handed over under this name, where it did.
fn credential(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|folder| !folder.is_empty())?;
    let path = Path::new(&folder).join(name);
    path.exists().then_some(path)
}

/// The first line of a file that nobody else may read.
fn passphrase(path: &Path) -> Result<Passphrase, KeeperFault> {
    let bytes = Zeroizing::new(files::read(path, Kind::PrivateKey)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| PkiError::BadPassphrase)?;
    let line = text.split('\n').next().unwrap_or_default();
    Ok(Passphrase::new(Zeroizing::new(line.to_owned()))?)
}

/// A file of certificates, PEM, as it is handed on to clients.
///
/// # Errors
/// It cannot be taken, or holds none.
pub fn certificates(path: &Path) -> Result<String, KeeperFault> {
    let text = String::from_utf8(files::read(path, Kind::Open)?).unwrap_or_default();
    match text.contains("-----BEGIN CERTIFICATE-----") {
        true => Ok(text),
        false => Err(KeeperFault::NoCertificate { path: path.to_owned() }),
    }
}

/// See the room's first lines.
#[derive(Debug)]
pub struct Keeper {
    authority: Arc<Authority>,
    certificate: String,
    names: Vec<ServerName>,
    /// How connections are served now.
    tls: watch::Sender<Arc<ServerConfig>>,
}

impl Keeper {
    /// Makes the service's certificate, says in the authority's folder how it is reached (`address`), and makes
    /// and fills the folder that the gate reads.
    ///
    /// # Errors
    /// A file cannot be written, others could change the authority's folder, or no certificate be made.
    pub fn start(
        authority: Authority,
        config: &Config,
        address: String,
    ) -> Result<(Self, OffsetDateTime), KeeperFault> {
        files::folders(authority.folder())?;
        let certificate = certificate_of(&authority)?;
        let life_seconds = config.life.whole_seconds().unsigned_abs();
        let published = config.published.clone();
        let service = Service { address, published, life_seconds };
        service.write(authority.folder())?;
        service.published().prepare(authority.folder())?;
        // it is published as well
        if is_due(&authority)? {
            authority.issue_crl()?;
        }
        let (tls, renew_at) = mint(&authority, &certificate, &config.names)?;
        let (authority, names) = (Arc::new(authority), config.names.clone());
        let tls = watch::Sender::new(tls);
        Ok((Self { authority, certificate, names, tls }, renew_at))
    }

    /// The authority. What it does blocks, and waits for the folder's lock.
    pub fn authority(&self) -> Arc<Authority> {
        Arc::clone(&self.authority)
    }

    /// Its own certificate, PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// How a connection is served that begins now.
    pub fn tls(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.tls.borrow())
    }

    /// Looks after what runs out, for ever; the service's certificate is due at `renew_at`. What fails is tried
    /// again at the next look.
    pub async fn keep(self: Arc<Self>, mut renew_at: OffsetDateTime) {
        let mut looks = tokio::time::interval(TICK);
        loop {
            looks.tick().await;
            let keeper = Arc::clone(&self);
            let looked = tokio::task::spawn_blocking(move || keeper.look(renew_at)).await;
            match looked {
                Ok(next) => renew_at = next,
                Err(_) => {
                    tracing::error!("a look at what runs out ended in a panic; please report it")
                }
            }
        }
    }

    /// One look; gives when the service's certificate is due next.
    fn look(&self, renew_at: OffsetDateTime) -> OffsetDateTime {
        let issued = is_due(&self.authority)
            .and_then(|due| due.then(|| self.authority.issue_crl()).transpose());
        match issued {
            Ok(Some(list)) => tracing::info!(number = list.number, "a new revocation list"),
            Ok(None) => {}
            Err(error) => tracing::error!(%error, "no new revocation list; trying again"),
        }
        // what an order that was cut short left behind: the gate's deny list follows from the index
        let prepared = Service::read(self.authority.folder()).and_then(|service| {
            service.map_or(Ok(()), |it| it.published().prepare(self.authority.folder()))
        });
        if let Err(error) = prepared {
            tracing::error!(%error, "the gate's folder cannot be brought up to date; trying again");
        }
        // further away than ever: the clock was ahead when it was made
        let due = renew_at - OffsetDateTime::now_utc();
        if due.is_positive() && due <= SERVER_LIFE {
            return renew_at;
        }
        match mint(&self.authority, &self.certificate, &self.names) {
            Ok((tls, next)) => {
                self.tls.send_replace(tls);
                tracing::info!("a new certificate of the service's own");
                next
            }
            Err(error) => {
                tracing::error!(%error, "no new certificate of the service's own; trying again");
                renew_at
            }
        }
    }
}

fn certificate_of(authority: &Authority) -> Result<String, KeeperFault> {
    certificates(&authority.certificate())
}

/// Whether the revocation list is missing, broken, past half of its life, or lacks who was revoked without the key.
fn is_due(authority: &Authority) -> Result<bool, PkiError> {
    Ok(is_past_half(&authority.folder().join(LIST)) || authority.list_lacks_somebody()?)
}

fn is_past_half(list: &Path) -> bool {
    let views = inspect(list, OffsetDateTime::now_utc()).unwrap_or_default();
    let left = views.iter().find_map(|view| match view {
        View::RevocationList(list) => list.days_left,
        _ => None,
    });
    left.is_none_or(|days| days < i64::from(CRL_DAYS) / 2)
}

/// A certificate of the service's own: how connections are served by it, and when the next one is due.
fn mint(
    authority: &Authority,
    certificate: &str,
    names: &[ServerName],
) -> Result<(Arc<ServerConfig>, OffsetDateTime), KeeperFault> {
    let own = authority.server_in_memory(names, SERVER_LIFE)?;
    let tls = handshake::server_config(certificate, &own.chain_pem, &own.key_pem);
    let tls = tls.map_err(|error| KeeperFault::Tls(escape(error.to_string())))?;
    let now = OffsetDateTime::now_utc();
    // also where the authority ends before it would
    Ok((tls, now + (own.not_after - now) * 2 / 3))
}

#[cfg(test)]
mod tests;
