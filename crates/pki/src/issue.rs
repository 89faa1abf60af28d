//! Issuing: one certificate, one key or one request, one index entry. The order matters: everything
//! that can refuse comes first, the index learns of the certificate before the disk does, and what
//! could not be written is taken back.

use std::fmt;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, PublicKeyData};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

use crate::authority::Authority;
use crate::error::PkiError;
use crate::index::{Entry, Index, Kind};
use crate::key::PrivateKey;
use crate::name::{ClientName, ServerName};
use crate::profile::{self, CLIENT_DAYS, Life, SERVER_DAYS};
use crate::request::{self, ProvedKey};
use crate::serial::Serial;
use crate::store::{self, Access, Place};

/// How to issue a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IssueOptions {
    /// Its life in days, 1 to 365; without it [`CLIENT_DAYS`] for a client, [`SERVER_DAYS`] for a
    /// server.
    pub days: Option<u16>,
    /// Issues it although the name, of a server the first, has a live one.
    pub allow_second: bool,
    /// Replaces files of the name that are there.
    pub replace: bool,
}

/// What was issued, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The certificate, PEM, leaf first.
    pub certificate: PathBuf,
    /// The private key, PKCS#8 PEM, 0600; none when a request was signed.
    pub private_key: Option<PathBuf>,
    /// The serial number, lowercase hex.
    pub serial: String,
    /// The end of its life.
    pub not_after: OffsetDateTime,
    /// Base64 SHA-256 of the SubjectPublicKeyInfo, as `KEY:` identities are written.
    pub public_key_sha256: String,
}

/// A server certificate and its key, in memory alone.
pub struct InMemory {
    /// The certificate, and the authority's behind it, PEM.
    pub chain_pem: String,
    /// The key, PKCS#8 PEM; wiped when dropped.
    pub key_pem: Zeroizing<String>,
    /// The end of its life.
    pub not_after: OffsetDateTime,
}

impl fmt::Debug for InMemory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("InMemory")
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// The key a certificate is for.
enum Holder {
    /// Made here, written beside the certificate.
    New(PrivateKey),
    /// Made elsewhere, proved by a request.
    Elsewhere(ProvedKey),
}

/// What a certificate will say, and what it takes to issue it.
struct Order {
    kind: Kind,
    names: Vec<String>,
    params: CertificateParams,
    serial: Serial,
    life: Life,
    certificate: PathBuf,
    private_key: PathBuf,
    allow_second: bool,
    place: Place,
}

impl Authority {
    /// Makes a key and a certificate for a client, `clients/NAME.{key,pem}`.
    ///
    /// # Errors
    /// [`PkiError::LiveCertificate`] unless `allow_second`; [`PkiError::Exists`] unless `replace`;
    /// [`PkiError::BadLifetime`], [`PkiError::OutlivesAuthority`], [`PkiError::File`].
    pub fn client(&self, name: &ClientName, options: IssueOptions) -> Result<Issued, PkiError> {
        let order = self.client_order(name, options, None)?;
        self.issue(&order, &Holder::New(PrivateKey::generate()?))
    }

    /// Makes a key and a certificate for a server with all these names; the first names the files,
    /// `servers/NAME.{key,pem}`.
    ///
    /// # Errors
    /// [`PkiError::NoServerName`], and those of [`Authority::client`].
    pub fn server(&self, names: &[ServerName], options: IssueOptions) -> Result<Issued, PkiError> {
        let order = self.server_order(names, options, None)?;
        self.issue(&order, &Holder::New(PrivateKey::generate()?))
    }

    /// Signs a client's key. Only the public key is taken from the PEM request; the name is the
    /// operator's. The certificate goes to `out`, or to `clients/NAME.pem`.
    ///
    /// # Errors
    /// [`PkiError::RequestMalformed`], [`PkiError::RequestSignature`],
    /// [`PkiError::RequestRefused`], and those of [`Authority::client`].
    pub fn sign_client(
        &self,
        csr_pem: &str,
        name: &ClientName,
        options: IssueOptions,
        out: Option<&Path>,
    ) -> Result<Issued, PkiError> {
        let key = request::proved_key(csr_pem)?;
        self.issue(&self.client_order(name, options, out)?, &Holder::Elsewhere(key))
    }

    /// Signs a server's key, as [`Authority::sign_client`] does a client's.
    ///
    /// # Errors
    /// Those of [`Authority::sign_client`] and [`Authority::server`].
    pub fn sign_server(
        &self,
        csr_pem: &str,
        names: &[ServerName],
        options: IssueOptions,
        out: Option<&Path>,
    ) -> Result<Issued, PkiError> {
        let key = request::proved_key(csr_pem)?;
        self.issue(&self.server_order(names, options, out)?, &Holder::Elsewhere(key))
    }

    /// Makes a server certificate that is never on disk, nor on the index: for the service that holds this
    /// authority, which makes itself another one whenever it starts.
    ///
    /// # Errors
    /// [`PkiError::NoServerName`], [`PkiError::Cryptography`].
    pub fn server_in_memory(
        &self,
        names: &[ServerName],
        life: Duration,
    ) -> Result<InMemory, PkiError> {
        let life = Life::lasting(self.now(), life, self.not_after());
        let key = PrivateKey::generate()?;
        let params = profile::server(life, &Serial::random()?, names)?;
        let leaf = self.sign(&params, key.pair())?;
        let chain_pem = format!("{leaf}{}", self.certificate_pem());
        Ok(InMemory { chain_pem, key_pem: key.to_pem(None)?, not_after: life.end })
    }

    fn client_order(
        &self,
        name: &ClientName,
        options: IssueOptions,
        out: Option<&Path>,
    ) -> Result<Order, PkiError> {
        let life = Life::of_days(self.now(), options.days.unwrap_or(CLIENT_DAYS))?;
        let serial = Serial::random()?;
        let base = self.folder().join("clients").join(name.as_str());
        Ok(Order {
            kind: Kind::Client,
            names: vec![name.to_string()],
            params: profile::client(life, &serial, name)?,
            serial,
            life,
            certificate: out.map_or_else(|| with_ending(&base, ".pem"), Path::to_owned),
            private_key: with_ending(&base, ".key"),
            allow_second: options.allow_second,
            place: Place::replacing(options.replace),
        })
    }

    fn server_order(
        &self,
        names: &[ServerName],
        options: IssueOptions,
        out: Option<&Path>,
    ) -> Result<Order, PkiError> {
        let first = names.first().ok_or(PkiError::NoServerName)?;
        let life = Life::of_days(self.now(), options.days.unwrap_or(SERVER_DAYS))?;
        let serial = Serial::random()?;
        let base = self.folder().join("servers").join(first.file_stem());
        Ok(Order {
            kind: Kind::Server,
            names: names.iter().map(ServerName::to_string).collect(),
            params: profile::server(life, &serial, names)?,
            serial,
            life,
            certificate: out.map_or_else(|| with_ending(&base, ".pem"), Path::to_owned),
            private_key: with_ending(&base, ".key"),
            allow_second: options.allow_second,
            place: Place::replacing(options.replace),
        })
    }

    fn issue(&self, order: &Order, holder: &Holder) -> Result<Issued, PkiError> {
        let lock = self.lock()?;
        let mut index = self.index(&lock)?;
        self.refuse(&index, order, holder)?;
        let certificate = match holder {
            Holder::New(key) => self.sign(&order.params, key.pair())?,
            Holder::Elsewhere(key) => self.sign(&order.params, &key.key)?,
        };
        let issued = order.issued(holder);
        index.enter(order.entry(&issued), self.folder())?;
        index.write(self.folder(), Place::Any)?;
        if let Err(error) = order.write(&certificate, holder) {
            // The certificate never left this process: it must not count as live. Should this
            // fail too, the entry stays, which is the safe side.
            index.certificates.pop();
            let _ = index.write(self.folder(), Place::Any);
            return Err(error);
        }
        Ok(issued)
    }

    /// All that can refuse, before anything is signed or written.
    fn refuse(&self, index: &Index, order: &Order, holder: &Holder) -> Result<(), PkiError> {
        if order.life.end > self.not_after() {
            return Err(PkiError::OutlivesAuthority(self.not_after()));
        }
        let name = order.names.first().map(String::as_str).unwrap_or_default();
        if let Some(live) = index.live(order.kind, name, self.now())
            && !order.allow_second
        {
            return Err(PkiError::LiveCertificate {
                name: name.to_owned(),
                serial: live.serial.to_string(),
                not_after: live.not_after,
            });
        }
        if let Holder::Elsewhere(key) = holder
            && index.key_is_compromised(&key.sha256)
        {
            return Err(PkiError::RequestRefused("its key was revoked as compromised"));
        }
        order.refuse_files(holder)
    }

    /// The certificate of a key, PEM. On no index yet: whoever calls this sees to that.
    pub(crate) fn sign(
        &self,
        params: &CertificateParams,
        key: &impl PublicKeyData,
    ) -> Result<String, PkiError> {
        params
            .signed_by(key, &self.issuer()?)
            .map(|certificate| certificate.pem())
            .map_err(|_| PkiError::Cryptography("sign the certificate"))
    }
}

impl Order {
    /// Whether the certificate goes beside keys that were made here.
    fn is_at_home(&self) -> bool {
        self.certificate.parent() == self.private_key.parent()
            && self.certificate.file_stem() == self.private_key.file_stem()
    }

    fn refuse_files(&self, holder: &Holder) -> Result<(), PkiError> {
        // A signed certificate beside another certificate's key would be a pair that is none.
        if matches!(holder, Holder::Elsewhere(_)) && self.is_at_home() {
            store::must_be_empty(&self.private_key)?;
        }
        if self.place == Place::Any {
            return Ok(());
        }
        if matches!(holder, Holder::New(_)) {
            store::must_be_empty(&self.private_key)?;
        }
        store::must_be_empty(&self.certificate)
    }

    fn issued(&self, holder: &Holder) -> Issued {
        let (private_key, public_key_sha256) = match holder {
            Holder::New(key) => (Some(self.private_key.clone()), key.public_key_sha256()),
            Holder::Elsewhere(key) => (None, key.sha256.clone()),
        };
        Issued {
            certificate: self.certificate.clone(),
            private_key,
            serial: self.serial.to_string(),
            not_after: self.life.end,
            public_key_sha256,
        }
    }

    fn entry(&self, issued: &Issued) -> Entry {
        Entry {
            serial: self.serial.clone(),
            kind: self.kind,
            names: self.names.clone(),
            not_before: self.life.start,
            not_after: self.life.end,
            public_key_sha256: issued.public_key_sha256.clone(),
            revoked: None,
        }
    }

    /// The key first: a key without a certificate is useless, a certificate without a key is a trap.
    fn write(&self, certificate: &str, holder: &Holder) -> Result<(), PkiError> {
        if self.is_at_home()
            && let Some(folder) = self.certificate.parent()
        {
            store::private_folder(folder)?;
        }
        let certificate = store::stage(&self.certificate, certificate.as_bytes(), Access::Public)?;
        if let Holder::New(key) = holder {
            let pem = key.to_pem(None)?;
            store::stage(&self.private_key, pem.as_bytes(), Access::Secret)?.place(self.place)?;
        }
        let placed = certificate.place(self.place);
        if placed.is_err() && matches!(holder, Holder::New(_)) && self.place == Place::Empty {
            // Ours, made a moment ago; left behind it would only block the next try.
            let _ = std::fs::remove_file(&self.private_key);
        }
        placed
    }
}

/// `with_extension` would take the last part of a dotted name for an extension.
fn with_ending(base: &Path, ending: &str) -> PathBuf {
    let mut path = base.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}
