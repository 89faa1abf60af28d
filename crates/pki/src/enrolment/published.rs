//! What the gate reads of an authority: who joined with what, and who is out. A folder of its own, which the
//! authority's user may write and everybody may read; nothing in it is a secret.

use std::fmt::Write as _;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use tsmgate_gate::network::{Network, Networks, canonical};

use super::service::Service;
use crate::error::PkiError;
use crate::index::{Index, Kind};
use crate::name::ClientName;
use crate::register::{CERTIFICATE, Register};
use crate::revocation::LIST;
use crate::store::{self, Access, Place};
use crate::time_text;

const CLIENTS: &str = "clients.d";
const REVOKED: &str = "revoked.toml";
/// The longest name of a role, in bytes.
const ROLE_MOST: usize = 64;
/// The most roles and networks of a client: the gate reads no more.
const ROLES_MOST: usize = 16;
const NETWORKS_MOST: usize = 64;
/// How long a revoked certificate stays on the deny list after its end: a gate's clock may be behind. The
/// revocation list keeps it for ever.
const DENIED_AFTER_END: Duration = Duration::days(2);

/// What a client may do, as it was filed with its invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grants {
    /// Its roles.
    pub roles: Vec<String>,
    /// Where it may come from; absent: wherever anybody may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub networks: Option<Vec<String>>,
}

impl Grants {
    /// # Errors
    /// [`PkiError::BadInvite`] without a role, or for a role that cannot be one's name.
    pub fn new(roles: &[String], networks: &[Network]) -> Result<Grants, PkiError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte);
        let is_role =
            |role: &String| (1..=ROLE_MOST).contains(&role.len()) && role.bytes().all(plain);
        if roles.is_empty() {
            return Err(PkiError::BadInvite(
                "it needs a role at least: without one nothing is allowed",
            ));
        }
        if !roles.iter().all(is_role) {
            return Err(PkiError::BadInvite("a role's name is 1 to 64 letters, digits or .-_@"));
        }
        if roles.len() > ROLES_MOST || networks.len() > NETWORKS_MOST {
            return Err(PkiError::BadInvite("it has more than 16 roles or 64 networks"));
        }
        let networks: Vec<_> = networks.iter().map(Network::to_string).collect();
        let networks = (!networks.is_empty()).then_some(networks);
        Ok(Grants { roles: roles.to_vec(), networks })
    }

    /// Whether they are for somebody at this address. A network that cannot be read holds nobody.
    pub fn hold(&self, address: IpAddr) -> bool {
        let Some(networks) = &self.networks else { return true };
        let networks: Networks = networks.iter().filter_map(|text| text.parse().ok()).collect();
        networks.find(canonical(address)).is_some()
    }
}

/// Grants a client that has joined something else than its invite did; what is `None` stays. An empty list of
/// networks: wherever anybody may come from.
///
/// # Errors
/// [`PkiError::NoService`]; [`PkiError::NotJoined`]; [`PkiError::BadInvite`] for what cannot be granted; and those
/// of opening the folder.
pub fn grant(
    dir: &Path,
    name: &ClientName,
    roles: Option<&[String]>,
    networks: Option<&[Network]>,
) -> Result<Grants, PkiError> {
    let register = Register::open(dir)?;
    let service = Service::read(dir)?.ok_or_else(|| PkiError::NoService(dir.to_owned()))?;
    let published = service.published();
    let _lock = register.lock()?;
    let before = published.grants(name)?.ok_or_else(|| PkiError::NotJoined(name.to_string()))?;
    let mut grants = Grants::new(roles.unwrap_or(&before.roles), networks.unwrap_or_default())?;
    if networks.is_none() {
        grants.networks = before.networks;
    }
    published.admit(name, &grants, "granted", register.now())?;
    Ok(grants)
}

/// An entry as the gate reads it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryFile {
    client: Vec<EntryOfOne>,
}

#[derive(Serialize, Deserialize)]
struct EntryOfOne {
    name: String,
    identity: String,
    #[serde(flatten)]
    grants: Grants,
}

/// The deny list as the gate reads it.
#[derive(Serialize)]
struct RevokedFile {
    serials: Vec<String>,
}

/// The folder that the gate reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    folder: PathBuf,
}

impl Published {
    /// The folder at this path.
    pub fn new(folder: &Path) -> Published {
        Published { folder: folder.to_owned() }
    }

    /// Makes the folder and all in it that the gate asks for, and brings it up to date with the authority
    /// in `dir`; what is right already is left as it is.
    ///
    /// # Errors
    /// Those of opening the authority's folder, and [`PkiError::File`].
    pub fn prepare(&self, dir: &Path) -> Result<(), PkiError> {
        let register = Register::open(dir)?;
        store::public_folder(&self.folder)?;
        store::public_folder(&self.folder.join(CLIENTS))?;
        let lock = register.lock()?;
        self.write_if_other(CERTIFICATE, register.certificate_pem().as_bytes())?;
        self.deny(&register.index(&lock)?, register.now())?;
        self.list(&store::read_own(&dir.join(LIST))?)
    }

    /// What a client was granted; `None` where it has no entry.
    ///
    /// # Errors
    /// [`PkiError::File`], [`PkiError::Malformed`].
    pub fn grants(&self, name: &ClientName) -> Result<Option<Grants>, PkiError> {
        let path = self.entry(name);
        let contents = match store::read_own(&path) {
            Err(PkiError::File { kind: io::ErrorKind::NotFound, .. }) => return Ok(None),
            contents => contents?,
        };
        let malformed = || PkiError::Malformed { path: path.clone(), expected: "a client's entry" };
        let text = String::from_utf8(contents).map_err(|_| malformed())?;
        let file: EntryFile = toml::from_str(&text).map_err(|_| malformed())?;
        match file.client.into_iter().next() {
            Some(entry) if entry.name == name.as_str() => Ok(Some(entry.grants)),
            _ => Err(malformed()),
        }
    }

    /// Writes a client's entry, in the place of an earlier one, and `what` that comes of.
    pub(super) fn admit(
        &self,
        name: &ClientName,
        grants: &Grants,
        what: &str,
        now: OffsetDateTime,
    ) -> Result<(), PkiError> {
        let mut text = String::new();
        let now = time_text(now);
        let _ = writeln!(text, "# {what} {now}; `tsmgate pki grant {name}` changes it");
        let entry = EntryOfOne {
            name: name.to_string(),
            identity: format!("URI:{}", name.uri()),
            grants: grants.clone(),
        };
        let file = toml::to_string(&EntryFile { client: vec![entry] });
        text.push_str(&file.map_err(|_| PkiError::Cryptography("write an entry as TOML"))?);
        store::write(&self.entry(name), text.as_bytes(), Access::Public, Place::Any)
    }

    /// Takes a client's entry out; `false` where it has none.
    pub(crate) fn dismiss(&self, name: &ClientName) -> Result<bool, PkiError> {
        store::remove(&self.entry(name))
    }

    /// Writes the deny list that follows from the index.
    pub(crate) fn deny(&self, index: &Index, now: OffsetDateTime) -> Result<(), PkiError> {
        let denied = index.certificates.iter().filter(|entry| {
            let revoked = entry.kind == Kind::Client && entry.revoked.is_some();
            revoked && now < entry.not_after + DENIED_AFTER_END
        });
        let file = RevokedFile { serials: denied.map(|entry| entry.serial.to_string()).collect() };
        let text = toml::to_string(&file);
        let text = text.map_err(|_| PkiError::Cryptography("write the deny list as TOML"))?;
        self.write_if_other(REVOKED, text.as_bytes())
    }

    /// Publishes a revocation list, PEM.
    pub(crate) fn list(&self, pem: &[u8]) -> Result<(), PkiError> {
        self.write_if_other(LIST, pem)
    }

    fn entry(&self, name: &ClientName) -> PathBuf {
        self.folder.join(CLIENTS).join(format!("{name}.toml"))
    }

    fn write_if_other(&self, file: &str, contents: &[u8]) -> Result<(), PkiError> {
        let path = self.folder.join(file);
        if store::read_own(&path).is_ok_and(|there| there == contents) {
            return Ok(());
        }
        store::write(&path, contents, Access::Public, Place::Any)
    }
}
