//! Joining: an invite's secret and a key against a certificate, once. The same key may ask again, for an answer
//! may get lost; another key may not.

use std::path::PathBuf;

use time::{Duration, OffsetDateTime};

use super::fault::EnrolFault;
use super::invite::{Invite, Used};
use super::published::{Grants, Published};
use super::service::Service;
use super::token::InviteSecret;
use super::wire::JoinRequest;
use crate::authority::Authority;
use crate::error::PkiError;
use crate::index::{Entry, Index, Kind, Reason, Revoked, State};
use crate::name::ClientName;
use crate::profile::{self, Life};
use crate::request::{self, ProvedKey};
use crate::serial::Serial;
use crate::store::{self, Access, FolderLock, Place};

const FOLDER: &str = "joined";
/// The longest life of a certificate that the service issues.
pub const LIFE_MOST: Duration = Duration::days(365);
/// A host that was enrolled, or whose certificate was renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Who.
    pub name: ClientName,
    /// Its serial number, lowercase hex.
    pub serial: String,
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// What it may do.
    pub grants: Grants,
    /// The start of its life.
    pub not_before: OffsetDateTime,
    /// The end of its life.
    pub not_after: OffsetDateTime,
    /// Whether it is the one that was given before: the answer had got lost.
    pub again: bool,
}

impl Authority {
    /// Gives a certificate for an invite, with a life of one second to [`LIFE_MOST`]; and lets the gate know.
    ///
    /// Where it fails half way nothing counts, or the same request again finishes it.
    ///
    /// # Errors
    /// Whoever does not know the secret is told [`EnrolFault::InviteUnknown`] and nothing else.
    pub fn join(&self, ask: &JoinRequest, life: Duration) -> Result<Joined, EnrolFault> {
        let hash = InviteSecret::hash_of_text(&ask.secret);
        let name: ClientName = ask.name.parse().map_err(|_| EnrolFault::InviteUnknown)?;
        let lock = self.lock()?;
        let invite = Invite::read(self.folder(), &name)?.filter(|invite| invite.is_of(&hash));
        let invite = invite.ok_or(EnrolFault::InviteUnknown)?;
        let key = request::proved_key(&ask.request)?;
        let mut index = self.index(&lock)?;
        if let Some(used) = &invite.used {
            return self.again(&name, &invite, used, &key, &index);
        }
        if self.now() > invite.not_after {
            return Err(EnrolFault::InviteExpired(invite.not_after));
        }
        let replaced = self.make_room(&mut index, &name, &invite, &key)?;
        let joined = self.enrol(&lock, &mut index, &name, &key, &invite.grants, life)?;
        let published = self.published()?;
        if replaced {
            published.deny(&index, self.now())?;
            self.write_crl(&lock, &mut index, profile::CRL_DAYS)?;
        }
        published.admit(&name, &invite.grants, "joined", self.now())?;
        let (at, serial) = (self.now(), joined.serial.clone());
        let used = Used { at, public_key_sha256: key.sha256, serial };
        Invite { used: Some(used), ..invite }.write(self.folder(), &name)?;
        Ok(joined)
    }

    /// The answer that was given before, to the same key, for as long as it is good.
    fn again(
        &self,
        name: &ClientName,
        invite: &Invite,
        used: &Used,
        key: &ProvedKey,
        index: &Index,
    ) -> Result<Joined, EnrolFault> {
        let is_it = |entry: &&Entry| entry.serial.as_str() == used.serial;
        let entry = index.certificates.iter().find(is_it);
        let live = entry.filter(|entry| entry.state(self.now()) == State::Live);
        let same_key = used.public_key_sha256 == key.sha256;
        let Some(entry) = live.filter(|_| same_key) else {
            return Err(EnrolFault::InviteUsed(used.at));
        };
        let pem = store::read_own(&self.joined(name))?;
        let pem = String::from_utf8(pem).unwrap_or_default();
        // it was renewed since: the answer of then did not get lost
        if crate::inspect::first_serial(pem.as_bytes()) != Some(entry.serial.clone()) {
            return Err(EnrolFault::InviteUsed(used.at));
        }
        Ok(Joined::of(name, entry, pem, invite.grants.clone(), true))
    }

    /// Revokes what the name has: all of it where the invite says so, and what an interrupted attempt of the
    /// same key left. Says whether there was any.
    fn make_room(
        &self,
        index: &mut Index,
        name: &ClientName,
        invite: &Invite,
        key: &ProvedKey,
    ) -> Result<bool, EnrolFault> {
        let now = self.now();
        let mut replaced = false;
        for entry in &mut index.certificates {
            if !entry.is_of(Kind::Client, name.as_str()) || entry.state(now) != State::Live {
                continue;
            }
            if !invite.replace && entry.public_key_sha256 != key.sha256 {
                return Err(EnrolFault::LiveCertificate(name.to_string()));
            }
            let at = now.replace_nanosecond(0).unwrap_or(now);
            entry.revoked = Some(Revoked { at, reason: Reason::Superseded });
            replaced = true;
        }
        Ok(replaced)
    }

    /// One certificate: signed, on the index, on disk. Nothing of it has left this process before that.
    pub(super) fn enrol(
        &self,
        _lock: &FolderLock,
        index: &mut Index,
        name: &ClientName,
        key: &ProvedKey,
        grants: &Grants,
        life: Duration,
    ) -> Result<Joined, EnrolFault> {
        if index.key_is_compromised(&key.sha256) {
            let what = "its key was revoked as compromised";
            return Err(PkiError::RequestRefused(what).into());
        }
        let now = self.now();
        if self.not_after() <= now {
            return Err(PkiError::OutlivesAuthority(self.not_after()).into());
        }
        let life = Life::lasting(now, life.clamp(Duration::SECOND, LIFE_MOST), self.not_after());
        let serial = Serial::random()?;
        let params = profile::client(life, &serial, name)?;
        let pem = self.sign(&params, &key.key)?;
        let entry = Entry {
            serial,
            kind: Kind::Client,
            names: vec![name.to_string()],
            not_before: life.start,
            not_after: life.end,
            public_key_sha256: key.sha256.clone(),
            revoked: None,
        };
        index.forget(Kind::Client, now);
        index.enter(entry.clone(), self.folder())?;
        index.write(self.folder(), Place::Any)?;
        store::private_folder(&self.folder().join(FOLDER))?;
        store::write(&self.joined(name), pem.as_bytes(), Access::Public, Place::Any)?;
        Ok(Joined::of(name, &entry, pem, grants.clone(), false))
    }

    /// Where the gate reads.
    pub(super) fn published(&self) -> Result<Published, EnrolFault> {
        let service = Service::read(self.folder())?;
        let service = service.ok_or_else(|| PkiError::NoService(self.folder().to_owned()))?;
        Ok(service.published())
    }

    fn joined(&self, name: &ClientName) -> PathBuf {
        self.folder().join(FOLDER).join(format!("{name}.pem"))
    }
}

impl Joined {
    fn of(name: &ClientName, entry: &Entry, pem: String, grants: Grants, again: bool) -> Joined {
        Joined {
            name: name.clone(),
            serial: entry.serial.to_string(),
            certificate_pem: pem,
            grants,
            not_before: entry.not_before,
            not_after: entry.not_after,
            again,
        }
    }
}
