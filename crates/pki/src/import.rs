//! What other issuers write, judged as the gate would: which certificate can stand as an authority,
//! whose client it lets in and under which name, which list it would take, and why not. It reads files
//! and asks nobody; what it writes are the same bytes in the places where gate and client look. A
//! private key is matched and written, never shown.

use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;
use tsmgate_text::escape;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use crate::error::PkiError;
use crate::inspect::{PrivateKeyView, View, inspect_certificate, key_view, list_view};

mod authority;
mod client;
mod json;
mod list;
mod pkcs7;
mod read;
mod write;

use read::{Block, Key};

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

/// A part before it is judged.
struct Found<'a> {
    file: String,
    what: What<'a>,
    view: View,
}

enum What<'a> {
    Certificate { parsed: Box<X509Certificate<'a>>, role: Role },
    List { der: &'a [u8], parsed: Box<CertificateRevocationList<'a>>, role: Role },
    Key { role: Role },
}

/// All parts, for judgements that take more than one.
struct Bundle<'a> {
    found: Vec<Found<'a>>,
    now: OffsetDateTime,
}

/// What the judges say of a part.
#[derive(Default)]
struct Verdict {
    problems: Vec<String>,
    notes: Vec<String>,
    identity: Option<String>,
}

impl<'a> Bundle<'a> {
    fn of(
        blocks: &'a [(PathBuf, Block)],
        asked: Option<Purpose>,
        now: OffsetDateTime,
    ) -> Result<Self, PkiError> {
        let mut found = Vec::new();
        for (path, block) in blocks {
            let expected = "whole: a certificate, revocation list or key in it is broken";
            let broken = || PkiError::Malformed { path: path.clone(), expected };
            let file = escape(path.as_os_str().as_encoded_bytes());
            let (what, view) = of_block(block, asked, now).ok_or_else(broken)?;
            found.push(Found { file, what, view });
        }
        let mut bundle = Bundle { found, now };
        if asked != Some(Purpose::ClientAuthority) {
            bundle.settle_authorities();
        }
        Ok(bundle)
    }

    /// Which authorities the gate is to trust: those that signed themselves; without such a one, those
    /// whose signer is not here.
    fn settle_authorities(&mut self) {
        let is_root = |cert: &X509Certificate<'_>| cert.subject() == cert.issuer();
        let authorities = self.certificates(Role::ClientAuthority);
        let roots = authorities.clone().any(is_root);
        let below: Vec<_> = authorities
            .filter(|cert| if roots { !is_root(cert) } else { self.signer(cert).is_some() })
            .map(|cert| cert.as_raw().to_vec())
            .collect();
        for one in &mut self.found {
            if let What::Certificate { parsed, role: role @ Role::ClientAuthority } = &mut one.what
                && below.iter().any(|raw| parsed.as_raw() == raw)
            {
                *role = Role::Intermediate;
            }
        }
    }

    fn certificates(
        &self,
        wanted: Role,
    ) -> impl Iterator<Item = &X509Certificate<'a>> + Clone + use<'_, 'a> {
        self.found.iter().filter_map(move |one| match &one.what {
            What::Certificate { parsed, role } if *role == wanted => Some(parsed.as_ref()),
            _ => None,
        })
    }

    /// Every certificate of an authority, whatever is asked for.
    fn authorities(&self) -> impl Iterator<Item = &X509Certificate<'a>> {
        self.found.iter().filter_map(|one| match &one.what {
            What::Certificate { parsed, .. } if parsed.is_ca() => Some(parsed.as_ref()),
            _ => None,
        })
    }

    /// The authority here that signed a certificate, other than itself.
    fn signer(&self, cert: &X509Certificate<'_>) -> Option<&X509Certificate<'a>> {
        self.authorities().find(|authority| {
            authority.subject() == cert.issuer()
                && authority.as_raw() != cert.as_raw()
                && cert.verify_signature(Some(authority.public_key())).is_ok()
        })
    }

    fn parts(&self) -> Vec<Part> {
        let part = |one: &Found<'a>| {
            let (role, verdict) = match &one.what {
                What::Certificate { parsed, role } => (*role, self.certificate(parsed, *role, one)),
                What::List { der, parsed, role: Role::RevocationList } => {
                    (Role::RevocationList, list::judge(self, der, parsed))
                }
                What::Key { role: Role::PrivateKey } => (Role::PrivateKey, self.key(&one.view)),
                What::List { .. } | What::Key { .. } => (Role::Unused, Verdict::default()),
            };
            let Verdict { problems, notes, identity } = verdict;
            let (file, view) = (one.file.clone(), one.view.clone());
            Part { file, role, problems, notes, identity, view }
        };
        self.found.iter().map(part).collect()
    }

    fn certificate(&self, cert: &X509Certificate<'_>, role: Role, one: &Found<'_>) -> Verdict {
        let View::Certificate(view) = &one.view else { return Verdict::default() };
        match role {
            Role::Client => client::judge(self, cert, view),
            Role::Unused => Verdict::default(),
            role => authority::judge(self, cert, view, role),
        }
    }

    fn key(&self, view: &View) -> Verdict {
        let View::PrivateKey(key) = view else { return Verdict::default() };
        let mut verdict = Verdict::default();
        if key.encrypted {
            verdict.notes.push("it is encrypted: whose it is was not looked at".into());
            return verdict;
        }
        let Some(public_key) = &key.public_key else {
            let what = "it cannot be used: RSA shorter than 2048 bits, or of an unusual kind";
            verdict.problems.push(what.into());
            return verdict;
        };
        let fits = |one: &&Found<'_>| match &one.view {
            View::Certificate(cert) => cert.public_key == *public_key,
            _ => false,
        };
        match self.found.iter().find(fits) {
            None => verdict.problems.push("it is the key of no certificate in these files".into()),
            Some(Found { what: What::Certificate { parsed, .. }, .. }) if parsed.is_ca() => {
                verdict.problems.push(
                    "it is an authority's own key: neither gate nor client may have it".into(),
                );
            }
            Some(_) => {}
        }
        verdict
    }
}

fn of_block(
    block: &Block,
    asked: Option<Purpose>,
    now: OffsetDateTime,
) -> Option<(What<'_>, View)> {
    match block {
        Block::Certificate(der) => {
            let (_, parsed) = X509Certificate::from_der(der).ok()?;
            let role = match asked {
                Some(Purpose::RevocationList) => Role::Unused,
                Some(Purpose::ClientAuthority) => Role::ClientAuthority,
                _ if parsed.is_ca() => Role::ClientAuthority,
                _ => Role::Client,
            };
            let view = View::Certificate(inspect_certificate(der, now)?);
            Some((What::Certificate { parsed: Box::new(parsed), role }, view))
        }
        Block::List(der) => {
            let (_, parsed) = CertificateRevocationList::from_der(der).ok()?;
            let role = match asked {
                None | Some(Purpose::RevocationList) => Role::RevocationList,
                _ => Role::Unused,
            };
            Some((What::List { der, parsed: Box::new(parsed), role }, list_view(der, now)?))
        }
        Block::Key(Key { label, der }) => {
            let role = match asked {
                None | Some(Purpose::Client) => Role::PrivateKey,
                _ => Role::Unused,
            };
            // one that cannot be used is not shown, and judged
            let unusable = PrivateKeyView { encrypted: false, key_type: None, public_key: None };
            let view = key_view(label, der).unwrap_or(View::PrivateKey(unusable));
            Some((What::Key { role }, view))
        }
    }
}
