//! Invites: who may join, until when, and what is then granted. A file each, `invites/NAME.json`; of the secret
//! its hash is kept and nothing else. To file or to withdraw one takes no key.

use std::io;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use time::serde::rfc3339;
use time::{Duration, OffsetDateTime};
use tsmgate_gate::network::Network;

use super::published::Grants;
use super::service::Service;
use super::token::{InviteSecret, Token, same};
use crate::error::PkiError;
use crate::index::Kind;
use crate::name::ClientName;
use crate::register::Register;
use crate::store::{self, Access, FolderLock, Place};

const FOLDER: &str = "invites";
/// The longest that an invite may be good.
pub const INVITE_MOST: Duration = Duration::days(7);

/// An invite to be filed.
#[derive(Clone, Debug)]
pub struct InviteOrder {
    /// Who may join.
    pub name: ClientName,
    /// The roles of its entry; at least one.
    pub roles: Vec<String>,
    /// Its networks; none: wherever the gate lets anybody come from.
    pub networks: Vec<Network>,
    /// How long it is good; at most [`INVITE_MOST`].
    pub valid: Duration,
    /// Whether certificates that the name has are revoked when it joins; otherwise it must have none.
    pub replace: bool,
}

/// An invite that was filed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// Who may join.
    pub name: String,
    /// SHA-256 of the secret, hex.
    pub(super) secret_sha256: String,
    /// What is granted.
    #[serde(flatten)]
    pub grants: Grants,
    /// When it was filed.
    #[serde(with = "rfc3339")]
    pub made: OffsetDateTime,
    /// Until when it is good.
    #[serde(with = "rfc3339")]
    pub not_after: OffsetDateTime,
    /// Whether what the name has is revoked.
    pub replace: bool,
    /// Set once somebody joined by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Used>,
}

/// By whom an invite was used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Used {
    /// When.
    #[serde(with = "rfc3339")]
    pub at: OffsetDateTime,
    /// Base64 SHA-256 of the public key that joined: the same may ask again, where its answer was lost.
    pub public_key_sha256: String,
    /// The serial number it was given.
    pub serial: String,
}

impl Invite {
    /// The invite of a name, if there is one.
    pub(super) fn read(dir: &Path, name: &ClientName) -> Result<Option<Invite>, PkiError> {
        let path = path_of(dir, name);
        let contents = match store::read_own(&path) {
            Err(PkiError::File { kind: io::ErrorKind::NotFound, .. }) => return Ok(None),
            contents => contents?,
        };
        let invite: Option<Invite> = serde_json::from_slice(&contents).ok();
        let invite = invite.filter(|invite| invite.name == name.as_str());
        invite.map(Some).ok_or(PkiError::Malformed { path, expected: "an invite" })
    }

    /// Writes it, in the place of an earlier one.
    pub(super) fn write(&self, dir: &Path, name: &ClientName) -> Result<(), PkiError> {
        let mut json = serde_json::to_vec_pretty(self)
            .map_err(|_| PkiError::Cryptography("write the invite as JSON"))?;
        json.push(b'\n');
        store::write(&path_of(dir, name), &json, Access::Secret, Place::Any)
    }

    /// Whether a secret with this hash is its own.
    pub(super) fn is_of(&self, hash: &[u8; 32]) -> bool {
        let ours = HEXLOWER.decode(self.secret_sha256.as_bytes()).unwrap_or_default();
        <[u8; 32]>::try_from(ours).is_ok_and(|ours| same(&ours, hash))
    }
}

fn path_of(dir: &Path, name: &ClientName) -> PathBuf {
    dir.join(FOLDER).join(format!("{name}.json"))
}

/// Files an invite in the authority's folder, in the place of an earlier one of the name, and gives the token.
///
/// # Errors
/// [`PkiError::NoService`]; [`PkiError::BadInvite`]; [`PkiError::LiveCertificate`] where the name has one and
/// `replace` is not set; and those of opening the folder.
pub fn invite(
    dir: &Path,
    order: &InviteOrder,
    now: OffsetDateTime,
) -> Result<(Token, Invite), PkiError> {
    let register = Register::open(dir)?;
    let service = Service::read(dir)?.ok_or_else(|| PkiError::NoService(dir.to_owned()))?;
    if !(Duration::MINUTE..=INVITE_MOST).contains(&order.valid) {
        return Err(PkiError::BadInvite(
            "it must be good for a minute at least, and 7 days at most",
        ));
    }
    let grants = Grants::new(&order.roles, &order.networks)?;
    let lock = register.lock()?;
    if let Some(live) = register.index(&lock)?.live(Kind::Client, order.name.as_str(), now)
        && !order.replace
    {
        return Err(PkiError::LiveCertificate {
            name: order.name.to_string(),
            serial: live.serial.to_string(),
            not_after: live.not_after,
        });
    }
    let secret = InviteSecret::random()?;
    let invite = Invite {
        name: order.name.to_string(),
        secret_sha256: HEXLOWER.encode(&secret.hash()),
        grants,
        made: now,
        not_after: now + order.valid,
        replace: order.replace,
        used: None,
    };
    store::private_folder(&dir.join(FOLDER))?;
    invite.write(dir, &order.name)?;
    let token = Token {
        address: service.address,
        authority_sha256: register.certificate_sha256(),
        name: order.name.clone(),
        secret,
        not_after: invite.not_after,
    };
    Ok((token, invite))
}

/// All invites in the authority's folder, by name; used and expired ones too, as long as they are kept.
///
/// # Errors
/// [`PkiError::File`], [`PkiError::Malformed`].
pub fn invites(dir: &Path) -> Result<Vec<Invite>, PkiError> {
    let folder = dir.join(FOLDER);
    let failed = |error: io::Error| PkiError::file("read", &folder, &error);
    let entries = match folder.read_dir() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let file = entry.map_err(failed)?.file_name();
        let name = file.to_str().and_then(|name| name.strip_suffix(".json"));
        if let Some(Ok(name)) = name.map(str::parse::<ClientName>)
            && let Some(invite) = Invite::read(dir, &name)?
        {
            found.push(invite);
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

/// Takes the invite of a name back; `false` where there is none.
///
/// # Errors
/// [`PkiError::File`].
pub fn withdraw(dir: &Path, name: &ClientName) -> Result<bool, PkiError> {
    // whoever is joining by it at this moment is done before, or comes too late
    withdraw_under(&store::lock(dir)?, dir, name)
}

/// The same for who holds the folder.
pub(crate) fn withdraw_under(
    _lock: &FolderLock,
    dir: &Path,
    name: &ClientName,
) -> Result<bool, PkiError> {
    store::remove(&path_of(dir, name))
}

/// Whether there is an invite of a name, good or not.
pub(crate) fn is_invited(dir: &Path, name: &ClientName) -> bool {
    path_of(dir, name).symlink_metadata().is_ok()
}
