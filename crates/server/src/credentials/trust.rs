//! Whose clients count: the authorities of `tls.client_authority` and their revocation lists.
//!
//! The TLS library trusts a root for ever, so that its time is ours to see to, whenever a chain is checked.
//! It does look at a list's next update, for every certificate and at that moment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use tsmgate_text::escape;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::lists::{self, List, Lists};
use super::scoped::{Scope, Scoped};
use super::{CredentialsFault, ENDING_SOON, Ending, EndingKind, certificates, contents, day};
use crate::config::{ClientAuthorities, ExpiredList, Tls};

/// What a list does that has run out.
const REFUSED: &str = "every certificate of its issuer is refused";

/// Authorities and lists as their files had them.
#[derive(Debug)]
pub(super) struct Trust {
    authorities: Vec<Authority>,
    lists: Vec<List>,
    /// Files of which an earlier list counts, each a sentence.
    kept: Vec<String>,
    expired_list: ExpiredList,
}

/// A certificate of the authorities' file.
#[derive(Debug)]
pub(super) struct Authority {
    path: PathBuf,
    /// What it may vouch for.
    scope: Scope,
    /// No list is asked about it.
    unlisted: bool,
    pub(super) certificate: CertificateDer<'static>,
    pub(super) name: String,
    pub(super) raw_name: Vec<u8>,
    /// The key of its SubjectPublicKeyInfo, without the algorithm.
    pub(super) public_key: Vec<u8>,
    /// Its key usage says so, or it has none.
    pub(super) may_sign_lists: bool,
    is_authority: bool,
    from: OffsetDateTime,
    pub(super) until: OffsetDateTime,
}

impl Trust {
    /// Reads the authorities' files, and the lists that the configuration names, while `current` is in force.
    ///
    /// # Errors
    /// A file is missing, unsafe, empty or broken, or a list is not what it says it is.
    pub(super) fn load(
        files: &[ClientAuthorities],
        tls: &Tls,
        provider: &CryptoProvider,
        current: Option<&Self>,
    ) -> Result<Self, CredentialsFault> {
        let mut authorities = Vec::new();
        for ClientAuthorities { path, names, unlisted } in files {
            let certificates = certificates(path)?;
            if certificates.is_empty() {
                return Err(contents(path, "there is no certificate in it"));
            }
            for certificate in certificates {
                let authority = Authority::read(path, certificate)?;
                let (scope, unlisted) = (names.clone(), *unlisted);
                authorities.push(Authority { scope, unlisted, ..authority });
            }
        }
        let before = current.map_or(&[][..], |current| current.lists.as_slice());
        let Lists { lists, kept } =
            lists::load(&tls.revocation_lists, &authorities, provider, before)?;
        Ok(Self { authorities, lists, kept, expired_list: tls.expired_list })
    }

    /// Whether a file is to be tried again, for what is in it now does not count.
    pub(super) fn keeps_an_earlier_list(&self) -> bool {
        !self.kept.is_empty()
    }

    /// Whether a list that has run out is in everybody's way: another user's is not, where there are authorities
    /// of whom it does not speak.
    fn is_in_the_way(&self, list: &List) -> bool {
        let spoken_for = |authority: &Authority| authority.raw_name == list.raw_issuer;
        !list.is_foreign || self.authorities.iter().all(spoken_for)
    }

    /// A list that is older than the one of its issuer in `current`, in a sentence.
    pub(super) fn older_list(&self, current: &Self) -> Option<String> {
        let old = |list: &&List| current.lists.iter().any(|other| list.is_older_than(other));
        let list = self.lists.iter().find(old)?;
        let path = list.path.display();
        Some(format!(
            "{path}: the list is older than the one in force, and would let in again who was revoked \
             since; if that is meant, restart tsmgated"
        ))
    }

    /// The times around `now` between which no authority begins or ends.
    pub(super) fn steady(
        &self,
        now: OffsetDateTime,
    ) -> (Option<OffsetDateTime>, Option<OffsetDateTime>) {
        let times = self.authorities.iter().flat_map(|authority| [authority.from, authority.until]);
        let before = times.clone().filter(|time| *time <= now).max();
        (before, times.filter(|time| *time > now).min())
    }

    /// What checks a client's chain at `now`: authorities that have ended are not in it, nor those that
    /// have not begun.
    ///
    /// # Errors
    /// All have ended, or one cannot be used.
    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
        now: OffsetDateTime,
    ) -> Result<Arc<dyn ClientCertVerifier>, CredentialsFault> {
        let mut scopes: Vec<(Scope, bool, RootCertStore)> = Vec::new();
        for authority in self.authorities.iter().filter(|authority| authority.counts(now)) {
            let Authority { path, scope, unlisted, certificate, .. } = authority;
            let same = |(other, unlisted_too, _): &&mut (Scope, bool, RootCertStore)| {
                (other, unlisted_too) == (scope, unlisted)
            };
            let added = match scopes.iter_mut().find(same) {
                Some((.., roots)) => roots.add(certificate.clone()),
                None => {
                    let mut roots = RootCertStore::empty();
                    let added = roots.add(certificate.clone());
                    scopes.push((scope.clone(), *unlisted, roots));
                    added
                }
            };
            added.map_err(|error| contents(path, format!("not an authority: {error}")))?;
        }
        let mut parts = Vec::new();
        for (scope, unlisted, roots) in scopes {
            let lists = if unlisted { &[] } else { self.lists.as_slice() };
            parts.push((scope, self.check(roots, lists, provider)?));
        }
        Scoped::of(parts).ok_or_else(|| {
            let last = self.authorities.iter().max_by_key(|authority| authority.until);
            let what = last.map(|last| last.absent(now)).unwrap_or_default();
            contents(self.path(), what)
        })
    }

    /// The check of a chain under some of the authorities, with their lists.
    fn check(
        &self,
        roots: RootCertStore,
        lists: &[List],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, CredentialsFault> {
        let mut verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                // a list of authority names tells strangers whom we trust, and costs bytes
                .clear_root_hint_subjects()
                .with_crls(lists.iter().map(|list| list.list.clone()));
        if self.expired_list == ExpiredList::Refuse {
            verifier = verifier.enforce_revocation_expiration();
        }
        let path = lists.first().map_or(self.path(), |list| &list.path);
        verifier.build().map_err(|error| contents(path, error.to_string()))
    }

    /// The first file of authorities; there is one.
    fn path(&self) -> &Path {
        self.authorities.first().map_or(Path::new(""), |authority| &authority.path)
    }

    /// The end of each authority and each list.
    pub(super) fn endings(&self) -> Vec<Ending> {
        let authorities = self.authorities.iter().map(|authority| Ending {
            kind: EndingKind::Authority,
            name: authority.name.clone(),
            at: authority.until,
        });
        let lists = self.lists.iter().filter_map(|list| {
            let kind = EndingKind::RevocationList;
            list.next.map(|at| Ending { kind, name: list.issuer.clone(), at })
        });
        authorities.chain(lists).collect()
    }

    /// Whether a list is past its next update and refuses everybody of its issuer for it.
    pub(super) fn list_expired(&self, now: OffsetDateTime) -> bool {
        self.expired_list == ExpiredList::Refuse && self.lists.iter().any(|list| list.past(now))
    }

    /// What refuses certificates at `now`, each a sentence.
    pub(super) fn trouble(&self, now: OffsetDateTime) -> Vec<String> {
        let absent = self.authorities.iter().filter(|authority| !authority.counts(now));
        let mut trouble: Vec<_> = absent
            .map(|authority| {
                format!(
                    "{}: {}; it does not count",
                    authority.path.display(),
                    authority.absent(now)
                )
            })
            .collect();
        let spoken_for =
            |authority: &Authority| self.lists.iter().any(|l| l.raw_issuer == authority.raw_name);
        let mut counting = self.authorities.iter().filter(|authority| authority.counts(now));
        if let Some(unspoken) =
            counting.find(|authority| !authority.unlisted && !spoken_for(authority))
            && !self.lists.is_empty()
        {
            let (path, name) = (unspoken.path.display(), &unspoken.name);
            let what = "no revocation list speaks for it, and its certificates are refused";
            trouble.push(format!("{path}: the authority {name}: {what}"));
        }
        if self.expired_list == ExpiredList::Refuse {
            let past = self.lists.iter().filter(|list| list.past(now));
            let past = past.filter(|list| self.is_in_the_way(list));
            trouble.extend(past.map(|list| list.past_sentence(REFUSED)));
        }
        trouble
    }

    /// What is odd, or will be in the way soon, each a sentence.
    pub(super) fn warnings(&self, now: OffsetDateTime) -> Vec<String> {
        let mut warnings = Vec::new();
        for Authority { path, name, is_authority, until, .. } in &self.authorities {
            let path = path.display();
            if !is_authority {
                warnings.push(format!("{path}: {name} is not an authority: it vouches for nobody"));
            }
            if now <= *until && *until - now < ENDING_SOON {
                warnings.push(format!("{path}: the authority {name} ends on {}", day(*until)));
            }
        }
        warnings.extend(self.lists.iter().filter_map(|list| list.warning(self.expired_list, now)));
        if self.expired_list == ExpiredList::Refuse {
            let past = self.lists.iter().filter(|list| list.past(now) && !self.is_in_the_way(list));
            warnings.extend(past.map(|list| list.past_sentence(REFUSED)));
        }
        warnings.extend(self.kept.iter().cloned());
        warnings
    }
}

impl Authority {
    /// What a certificate of the file at `path` says.
    ///
    /// # Errors
    /// It is broken.
    pub(super) fn read(
        path: &Path,
        certificate: CertificateDer<'static>,
    ) -> Result<Self, CredentialsFault> {
        let (_, parsed) = X509Certificate::from_der(&certificate)
            .map_err(|error| contents(path, format!("a broken certificate: {error}")))?;
        let name = escape(parsed.subject().to_string());
        let raw_name = parsed.subject().as_raw().to_vec();
        let public_key = parsed.public_key().subject_public_key.data.to_vec();
        let usage = parsed.key_usage().ok().flatten();
        let may_sign_lists = usage.is_none_or(|usage| usage.value.crl_sign());
        let is_authority = parsed.is_ca();
        let validity = parsed.validity();
        let (from, until) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
        Ok(Self {
            path: path.to_owned(),
            scope: None,
            unlisted: false,
            name,
            raw_name,
            public_key,
            may_sign_lists,
            is_authority,
            from,
            until,
            certificate,
        })
    }

    /// Whether `now` is within its time.
    pub(super) fn counts(&self, now: OffsetDateTime) -> bool {
        self.from <= now && now <= self.until
    }

    /// Why it does not count at `now`.
    pub(super) fn absent(&self, now: OffsetDateTime) -> String {
        let name = &self.name;
        match now < self.from {
            true => format!("the authority {name} is not valid before {}", day(self.from)),
            false => format!("the authority {name} expired on {}", day(self.until)),
        }
    }
}
