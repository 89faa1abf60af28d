//! All parts of an import together: what each is for, who signed whom, and the judges of each.

use std::path::PathBuf;

use time::OffsetDateTime;
use tsmgate_text::escape;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::read::{Block, Key};
use super::{Part, Purpose, Role, authority, client, list};
use crate::error::PkiError;
use crate::inspect::{PrivateKeyView, View, inspect_certificate, key_view, list_view};

/// A part before it is judged.
pub(super) struct Found<'a> {
    file: String,
    pub(super) what: What<'a>,
    view: View,
}

pub(super) enum What<'a> {
    Certificate { parsed: Box<X509Certificate<'a>>, role: Role },
    List { der: &'a [u8], parsed: Box<CertificateRevocationList<'a>>, role: Role },
    Key { role: Role },
}

/// All parts, for judgements that take more than one.
pub(super) struct Bundle<'a> {
    pub(super) found: Vec<Found<'a>>,
    pub(super) now: OffsetDateTime,
}

/// What the judges say of a part.
#[derive(Default)]
pub(super) struct Verdict {
    pub(super) problems: Vec<String>,
    pub(super) notes: Vec<String>,
    pub(super) identity: Option<String>,
}

impl<'a> Bundle<'a> {
    pub(super) fn of(
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

    pub(super) fn certificates(
        &self,
        wanted: Role,
    ) -> impl Iterator<Item = &X509Certificate<'a>> + Clone + use<'_, 'a> {
        self.found.iter().filter_map(move |one| match &one.what {
            What::Certificate { parsed, role } if *role == wanted => Some(parsed.as_ref()),
            _ => None,
        })
    }

    /// Every certificate of an authority, whatever is asked for.
    pub(super) fn authorities(&self) -> impl Iterator<Item = &X509Certificate<'a>> {
        self.found.iter().filter_map(|one| match &one.what {
            What::Certificate { parsed, .. } if parsed.is_ca() => Some(parsed.as_ref()),
            _ => None,
        })
    }

    /// The authority here that signed a certificate, other than itself.
    pub(super) fn signer(&self, cert: &X509Certificate<'_>) -> Option<&X509Certificate<'a>> {
        self.authorities().find(|authority| {
            authority.subject() == cert.issuer()
                && authority.as_raw() != cert.as_raw()
                && cert.verify_signature(Some(authority.public_key())).is_ok()
        })
    }

    pub(super) fn parts(&self) -> Vec<Part> {
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
