//! The list of all that was issued, `index.json`. It is what makes revocation work when a
//! certificate is lost, and what knows of a second live certificate; so a certificate is entered
//! before it is written, and a missing index is an error, never an empty one.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use time::serde::rfc3339;
use time::{Duration, OffsetDateTime};

use crate::error::PkiError;
use crate::serial::Serial;
use crate::store::{self, Access, Place};

const FORMAT: u32 = 1;
/// How long a certificate that has ended is remembered at most.
const REMEMBERED: Duration = Duration::days(30);
/// With more certificates nothing more is issued; what is left of the largest file is for revocations.
const ENTRIES_MOST: usize = 40_000;

/// What a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// TLS client authentication.
    Client,
    /// TLS server authentication.
    Server,
}

/// Why a certificate was revoked (RFC 5280 § 5.3.1, those that fit an end certificate).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No reason given; the list then carries no reason code.
    #[default]
    Unspecified,
    /// Somebody else has, or may have, the private key.
    KeyCompromise,
    /// Its holder's affiliation changed.
    AffiliationChanged,
    /// Another certificate took its place.
    Superseded,
    /// The host is no more.
    CessationOfOperation,
    /// What it was allowed was withdrawn.
    PrivilegeWithdrawn,
}

/// When and why a certificate was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// When.
    #[serde(with = "rfc3339")]
    pub at: OffsetDateTime,
    /// Why.
    pub reason: Reason,
}

/// What a certificate is worth now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Neither expired nor revoked.
    Live,
    /// Past its end.
    Expired,
    /// Revoked, expired or not.
    Revoked,
}

/// One certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its serial number.
    pub serial: Serial,
    /// What it is for.
    pub kind: Kind,
    /// The client's one name, or the server's names, the one its file is called by first.
    pub names: Vec<String>,
    /// The start of its life.
    #[serde(with = "rfc3339")]
    pub not_before: OffsetDateTime,
    /// The end of its life.
    #[serde(with = "rfc3339")]
    pub not_after: OffsetDateTime,
    /// Base64 SHA-256 of its SubjectPublicKeyInfo.
    pub public_key_sha256: String,
    /// Set once it is revoked; never cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revoked>,
}

impl Entry {
    /// What it is worth at a time.
    pub fn state(&self, now: OffsetDateTime) -> State {
        match (&self.revoked, now > self.not_after) {
            (Some(_), _) => State::Revoked,
            (None, true) => State::Expired,
            (None, false) => State::Live,
        }
    }

    /// From its backdated start to its end.
    fn life(&self) -> Duration {
        self.not_after - self.not_before
    }

    /// Whether it was issued to this name as its first.
    pub(crate) fn is_of(&self, kind: Kind, name: &str) -> bool {
        self.kind == kind && self.names.first().is_some_and(|first| first == name)
    }
}

/// The whole index. Change it only under the folder's lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Index {
    format: u32,
    /// Whose index it is: base64 SHA-256 of the authority's SubjectPublicKeyInfo.
    authority: String,
    /// The number of the last revocation list; counted up before a list is written, so that no
    /// number is ever used twice.
    pub(crate) crl_number: u64,
    pub(crate) certificates: Vec<Entry>,
}

impl Index {
    /// What the file is called.
    pub(crate) const FILE: &'static str = "index.json";

    /// The index of a new authority.
    pub(crate) fn new(authority: String) -> Index {
        Index { format: FORMAT, authority, crl_number: 0, certificates: Vec::new() }
    }

    /// Reads the index of the authority with this public key.
    pub(crate) fn read(folder: &Path, authority: &str) -> Result<Index, PkiError> {
        let path = Index::path(folder);
        let contents = store::read_own(&path).map_err(|error| match error {
            PkiError::File { path, kind: io::ErrorKind::NotFound, .. } => PkiError::IndexLost(path),
            other => other,
        })?;
        serde_json::from_slice(&contents)
            .ok()
            .filter(|index: &Index| index.format == FORMAT && index.authority == authority)
            .ok_or(PkiError::IndexDamaged(path))
    }

    /// Writes it whole; `place` is `Empty` for a new authority only.
    pub(crate) fn write(&self, folder: &Path, place: Place) -> Result<(), PkiError> {
        let mut json = serde_json::to_vec_pretty(self)
            .map_err(|_| PkiError::Cryptography("write the index as JSON"))?;
        json.push(b'\n');
        // what could not be read again must not take the place of what can
        if u64::try_from(json.len()).is_ok_and(|length| length > store::FILE_MOST) {
            return Err(PkiError::IndexFull(Index::path(folder)));
        }
        store::write(&Index::path(folder), &json, Access::Public, place)
    }

    /// One more certificate.
    ///
    /// # Errors
    /// [`PkiError::IndexFull`].
    pub(crate) fn enter(&mut self, entry: Entry, folder: &Path) -> Result<(), PkiError> {
        if self.certificates.len() >= ENTRIES_MOST {
            return Err(PkiError::IndexFull(Index::path(folder)));
        }
        self.certificates.push(entry);
        Ok(())
    }

    /// A live certificate of the name, if there is one.
    pub(crate) fn live(&self, kind: Kind, name: &str, now: OffsetDateTime) -> Option<&Entry> {
        self.certificates
            .iter()
            .find(|entry| entry.is_of(kind, name) && entry.state(now) == State::Live)
    }

    /// Whether a certificate with this public key was revoked because the key got out.
    pub(crate) fn key_is_compromised(&self, public_key_sha256: &str) -> bool {
        self.certificates.iter().any(|entry| {
            entry.public_key_sha256 == public_key_sha256
                && entry.revoked.as_ref().is_some_and(|r| r.reason == Reason::KeyCompromise)
        })
    }

    /// Forgets certificates that were not revoked and ended long ago, where their name has a later one: three lives
    /// of theirs, and 30 days at most. A fleet that renews each day, or each minute, would fill the index otherwise.
    pub(crate) fn forget(&mut self, kind: Kind, now: OffsetDateTime) {
        let mut latest: HashMap<String, OffsetDateTime> = HashMap::new();
        for entry in self.certificates.iter().filter(|entry| entry.kind == kind) {
            if let Some(name) = entry.names.first() {
                let end = latest.entry(name.clone()).or_insert(entry.not_after);
                *end = (*end).max(entry.not_after);
            }
        }
        self.certificates.retain(|entry| {
            let later = entry.names.first().and_then(|name| latest.get(name));
            entry.kind != kind
                || entry.revoked.is_some()
                || entry.not_after + entry.life().saturating_mul(3).min(REMEMBERED) >= now
                || later.is_none_or(|later| *later == entry.not_after)
        });
    }

    fn path(folder: &Path) -> PathBuf {
        folder.join(Index::FILE)
    }
}
