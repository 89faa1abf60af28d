//! What is known of the service in the authority's folder, `service.json`: how it is reached, and where it
//! publishes. Written by the service itself and by the setup, read by every command that has to do with it.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::published::Published;
use crate::error::PkiError;
use crate::store::{self, Access, Place};

const FILE: &str = "service.json";

/// How the service is reached, and where it publishes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its address as it stands in tokens: `host:port`.
    pub address: String,
    /// The folder that the gate reads.
    pub published: PathBuf,
    /// The life of the certificates it issues, in seconds.
    pub life_seconds: u64,
}

impl Service {
    /// What is known in the authority's folder `dir`; `None` where there is no service.
    ///
    /// # Errors
    /// [`PkiError::File`], [`PkiError::Malformed`].
    pub fn read(dir: &Path) -> Result<Option<Service>, PkiError> {
        let path = dir.join(FILE);
        let contents = match store::read_own(&path) {
            Err(PkiError::File { kind: io::ErrorKind::NotFound, .. }) => return Ok(None),
            contents => contents?,
        };
        let service = serde_json::from_slice(&contents).ok();
        service
            .map(Some)
            .ok_or(PkiError::Malformed { path, expected: "a description of the service" })
    }

    /// Writes it.
    ///
    /// # Errors
    /// [`PkiError::File`].
    pub fn write(&self, dir: &Path) -> Result<(), PkiError> {
        let mut json = serde_json::to_vec_pretty(self)
            .map_err(|_| PkiError::Cryptography("write the service as JSON"))?;
        json.push(b'\n');
        store::write(&dir.join(FILE), &json, Access::Public, Place::Any)
    }

    /// The folder that the gate reads.
    pub fn published(&self) -> Published {
        Published::new(&self.published)
    }
}
