//! Revocation lists: read, and judged before they count.
//!
//! A list is asked for its signature and its age here. The TLS library looks at the signature only when
//! it meets a client, and of two lists with one issuer only at the first.

use std::path::{Path, PathBuf};

use rustls::crypto::CryptoProvider;
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;
use tsmgate_text::escape;
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::trust::Authority;
use super::{CredentialsFault, broken_pem, contents, day};
use crate::config::{ExpiredList, ListFile};
use tsmgate_settings::files::{self, FILE_LIMIT, Kind, Owners};

/// A revocation list, and what of it is asked again and again.
#[derive(Debug, Clone)]
pub(super) struct List {
    pub(super) path: PathBuf,
    pub(super) list: CertificateRevocationListDer<'static>,
    pub(super) issuer: String,
    pub(super) raw_issuer: Vec<u8>,
    this: OffsetDateTime,
    pub(super) next: Option<OffsetDateTime>,
    /// Its number, as an unsigned integer without leading zeros, where it has one.
    number: Option<Vec<u8>>,
    /// It speaks for a part of its issuer's certificates only.
    is_part: bool,
    /// It stands in a file that another user may write.
    pub(super) is_foreign: bool,
}

/// The lists of some files.
pub(super) struct Lists {
    pub(super) lists: Vec<List>,
    /// Files of which the last list that was good goes on counting, each a sentence.
    pub(super) kept: Vec<String>,
}

/// The lists of these files, each signed by the authority it names, where that is one of ours: a list of
/// an authority in between is checked when a client shows that one.
///
/// A file that another user may write is not allowed to keep the others from counting: where it is no good
/// any more, or older than it was, its lists of `before` stay; and what it says of an issuer of whom another
/// file has a list is left out.
///
/// # Errors
/// A file is missing, unsafe or broken, has no list in it, or one that nobody of ours signed; or two
/// lists have one issuer.
pub(super) fn load(
    files: &[ListFile],
    authorities: &[Authority],
    provider: &CryptoProvider,
    before: &[List],
) -> Result<Lists, CredentialsFault> {
    let (mut lists, mut kept): (Vec<List>, _) = (Vec::new(), Vec::new());
    for file in files {
        let of_file = of_file(file, authorities, provider);
        if file.owner.is_none() {
            for list in of_file? {
                add(&mut lists, list)?;
            }
            continue;
        }
        let old: Vec<_> = before.iter().filter(|list| list.path == file.path).collect();
        let newer = |of_file: &Vec<List>| {
            let older = |list: &List| old.iter().any(|before| list.is_older_than(before));
            !of_file.iter().any(older)
        };
        let good = match of_file {
            Ok(of_file) if newer(&of_file) => of_file,
            // nothing of it was ever good: that is not the same as that nobody is revoked
            Err(fault) if old.is_empty() => return Err(fault),
            of_file => {
                let why = of_file.map_or_else(
                    |fault| fault.to_string(),
                    |_| format!("{}: the list is older than the one in force", file.path.display()),
                );
                kept.push(format!("{why}; the last one that was good goes on counting"));
                old.into_iter().cloned().collect()
            }
        };
        lists.extend(
            good.into_iter()
                .filter_map(|list| {
                    let spoken = lists.iter().any(|other| other.raw_issuer == list.raw_issuer);
                    (!spoken).then_some(List { is_foreign: true, ..list })
                })
                .collect::<Vec<_>>(),
        );
    }
    Ok(Lists { lists, kept })
}

fn of_file(
    file: &ListFile,
    authorities: &[Authority],
    provider: &CryptoProvider,
) -> Result<Vec<List>, CredentialsFault> {
    read(file)?.into_iter().map(|der| List::read(&file.path, der, authorities, provider)).collect()
}

/// One more list: another of the same issuer is a fault, but not the same again.
fn add(lists: &mut Vec<List>, list: List) -> Result<(), CredentialsFault> {
    if lists.iter().any(|other| other.list == list.list) {
        return Ok(());
    }
    let twin = |other: &&List| other.raw_issuer == list.raw_issuer && !other.is_part;
    if let Some(other) = lists.iter().find(twin).filter(|_| !list.is_part) {
        let other = other.path.display();
        let what =
            format!("two lists of {}: keep the newer one (the other is in {other})", list.issuer);
        return Err(contents(&list.path, what));
    }
    lists.push(list);
    Ok(())
}

impl List {
    fn read(
        path: &Path,
        list: CertificateRevocationListDer<'static>,
        authorities: &[Authority],
        provider: &CryptoProvider,
    ) -> Result<Self, CredentialsFault> {
        let (_, parsed) = CertificateRevocationList::from_der(&list)
            .map_err(|error| contents(path, format!("a broken revocation list: {error}")))?;
        let issuer = escape(parsed.issuer().to_string());
        let raw_issuer = parsed.issuer().as_raw().to_vec();
        let mut namesakes =
            authorities.iter().filter(|authority| authority.raw_name == raw_issuer).peekable();
        let known = namesakes.peek().is_some();
        let signed = |authority: &Authority| {
            let (message, signature) =
                (parsed.tbs_cert_list.as_ref(), &parsed.signature_value.data);
            let algorithms = provider.signature_verification_algorithms.all.iter();
            let mut algorithms = algorithms.map(|algorithm| {
                algorithm.verify_signature(&authority.public_key, message, signature)
            });
            algorithms.any(|verified| verified.is_ok())
        };
        match namesakes.find(|authority| signed(authority)) {
            None if known => {
                let what = format!(
                    "the list of {issuer} is not signed by the authority of that name: it is damaged, \
                     or another authority's"
                );
                return Err(contents(path, what));
            }
            Some(authority) if !authority.may_sign_lists => {
                let what = format!("the key usage of {issuer} does not allow it to sign lists");
                return Err(contents(path, what));
            }
            _ => {}
        }
        let this = parsed.last_update().to_datetime();
        let next = parsed.next_update().map(|next| next.to_datetime());
        let number = parsed.crl_number().map(|number| number.to_bytes_be());
        let part = |extension: &ParsedExtension<'_>| {
            matches!(extension, ParsedExtension::IssuingDistributionPoint(_))
        };
        let is_part = parsed.extensions().iter().any(|e| part(e.parsed_extension()));
        let path = path.to_owned();
        Ok(Self { path, issuer, raw_issuer, this, next, number, is_part, is_foreign: false, list })
    }

    /// Whether this one is older than another of the same issuer: to take it would let those in again
    /// who were revoked since.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        if self.raw_issuer != other.raw_issuer || self.is_part || other.is_part {
            return false;
        }
        match (&self.number, &other.number) {
            // without leading zeros the longer number is the greater one
            (Some(ours), Some(theirs)) if ours != theirs => {
                (ours.len(), ours) < (theirs.len(), theirs)
            }
            _ => self.this < other.this,
        }
    }

    /// Whether its next update is over.
    pub(super) fn past(&self, now: OffsetDateTime) -> bool {
        self.next.is_some_and(|next| now > next)
    }

    /// That it is, in a sentence.
    pub(super) fn past_sentence(&self, then: &str) -> String {
        let next = self.next.map(day).unwrap_or_default();
        format!("{}: the revocation list expired on {next}: {then}", self.path.display())
    }

    /// From half of its life on a list that nobody renews is a lock-out to come.
    pub(super) fn warning(&self, expired: ExpiredList, now: OffsetDateTime) -> Option<String> {
        let path = self.path.display();
        let Some(next) = self.next else {
            return Some(format!("{path}: the revocation list does not say when the next is due"));
        };
        if self.past(now) {
            let then = "it goes on counting (expired_revocation_list = \"warn\")";
            return (expired == ExpiredList::Warn).then(|| self.past_sentence(then));
        }
        let half = self.this + (next - self.this) / 2;
        (now > half)
            .then(|| format!("{path}: the revocation list ends on {}; issue a new one", day(next)))
    }
}

/// The lists of one file. Not even one is a fault: an empty set of lists would switch the check off.
fn read(file: &ListFile) -> Result<Vec<CertificateRevocationListDer<'static>>, CredentialsFault> {
    let path = &file.path;
    let bytes = match file.owner {
        None => files::read(path, Kind::Open)?,
        Some(owner) => Owners(&[files::us(), owner]).read(path, FILE_LIMIT)?,
    };
    let lists: Vec<CertificateRevocationListDer<'static>> = if bytes.starts_with(b"0") {
        vec![bytes.into()]
    } else {
        CertificateRevocationListDer::pem_slice_iter(&bytes)
            .collect::<Result<_, _>>()
            .map_err(|error| broken_pem(path, &error))?
    };
    if lists.is_empty() {
        return Err(contents(path, "there is no revocation list in it"));
    }
    Ok(lists)
}
