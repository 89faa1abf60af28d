//! What other issuers write, judged as the gate would: which certificate can stand as an authority,
//! whose client it lets in and under which name, which list it would take, and why not. It reads files
//! and asks nobody; what it writes are the same bytes in the places where gate and client look. A
//! private key is matched and written, never shown.

use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;

use crate::error::PkiError;
use crate::inspect::View;

mod authority;
mod bundle;
mod client;
mod json;
mod list;
mod pkcs7;
mod read;
mod write;

use bundle::Bundle;
use read::Block;

/// The most certificates, lists and keys of one import: several times what an operating system trusts.
const PARTS_MOST: usize = 1000;

/// What the files are to be taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The authorities whose clients count.
    ClientAuthority,
    /// A client's certificate, what stands between it and its authority, and its key.
    Client,
    /// Revocation lists.
    RevocationList,
}

/// What a part would be at the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// For `tls.client_authority`.
    ClientAuthority,
    /// Between an authority and a client: the client shows it.
    Intermediate,
    /// A client's own certificate.
    Client,
    /// For `tls.revocation_list`.
    RevocationList,
    /// A client's key.
    PrivateKey,
    /// Not what was asked for.
    Unused,
}

/// One thing found, and whether the gate would take it. Every text is escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The file it came from.
    pub file: String,
    /// What it would be.
    pub role: Role,
    /// Why the gate would refuse it; empty where it would not.
    pub problems: Vec<String>,
    /// What to know of it.
    pub notes: Vec<String>,
    /// What a `[[client]]` entry says for it.
    pub identity: Option<String>,
    /// What it says itself.
    #[serde(flatten)]
    pub view: View,
}

/// What some files come to.
#[derive(Debug)]
pub struct Import {
    parts: Vec<Part>,
    blocks: Vec<(PathBuf, Block)>,
    asked: Option<Purpose>,
}

impl Import {
    /// Reads files and judges what is in them as of `now`. What two of them hold counts once.
    ///
    /// # Errors
    /// A file cannot be read, is nothing that is known, or there are more than 1000 parts.
    pub fn read(
        files: &[PathBuf],
        asked: Option<Purpose>,
        now: OffsetDateTime,
    ) -> Result<Import, PkiError> {
        let mut blocks: Vec<(PathBuf, Block)> = Vec::new();
        for file in files {
            for block in read::blocks(file)? {
                if blocks.iter().all(|(_, other)| *other != block) {
                    blocks.push((file.clone(), block));
                }
            }
            if blocks.len() > PARTS_MOST {
                let expected = "a bundle of at most 1000 certificates, lists and keys";
                return Err(PkiError::Malformed { path: file.clone(), expected });
            }
        }
        let bundle = Bundle::of(&blocks, asked, now)?;
        let parts = bundle.parts();
        Ok(Import { parts, blocks, asked })
    }

    /// What was found, in the order of the files.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether the gate would take all of it, and there is what was asked for.
    pub fn is_accepted(&self) -> bool {
        self.lacks().is_none() && self.parts.iter().all(|part| part.problems.is_empty())
    }

    /// What was asked for and is not there.
    pub fn lacks(&self) -> Option<&'static str> {
        let (role, what) = match self.asked? {
            Purpose::ClientAuthority => (Role::ClientAuthority, "there is no certificate in it"),
            Purpose::Client => (Role::Client, "there is no client's certificate in it"),
            Purpose::RevocationList => (Role::RevocationList, "there is no revocation list in it"),
        };
        self.parts.iter().all(|part| part.role != role).then_some(what)
    }

    /// Writes what is accepted as gate and client read it: `client-ca.pem`, `clients.crl`, `chain.pem`
    /// and, mode 0600, `NAME.key`. Gives the paths. The folder is made, for its owner alone, where there
    /// is none.
    ///
    /// # Errors
    /// [`PkiError::ManyClients`] where one place would get two certificates; [`PkiError::Exists`] unless
    /// files are to be replaced, and then nothing is written; [`PkiError::File`].
    pub fn write(&self, folder: &Path, replace: bool) -> Result<Vec<PathBuf>, PkiError> {
        write::write(self, folder, replace)
    }

    /// What is accepted in a role, with its part.
    fn accepted(&self, role: Role) -> impl Iterator<Item = (&Part, &Block)> {
        let all = self.parts.iter().zip(self.blocks.iter().map(|(_, block)| block));
        all.filter(move |(part, _)| part.role == role && part.problems.is_empty())
    }
}
