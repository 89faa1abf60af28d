//! Whose clients count: the authorities of `tls.client_authority` and their revocation lists.
//!
//! The TLS library trusts a root for ever, so that its end is ours to see to. It does look at a list's
//! next update, for every certificate and at that moment.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer};
use time::OffsetDateTime;
use tsmgate_text::escape;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

use super::{CredentialsFault, ENDING_SOON, Ending, EndingKind, certificates, contents, day};
use crate::config::{ExpiredList, Tls};
use crate::files::{self, Kind};

/// Authorities and lists as their files had them.
#[derive(Debug)]
pub(super) struct Trust {
    path: PathBuf,
    authorities: Vec<Authority>,
    lists: Vec<List>,
    expired_list: ExpiredList,
}

#[derive(Debug)]
struct Authority {
    certificate: CertificateDer<'static>,
    name: String,
    raw_name: Vec<u8>,
    is_authority: bool,
    until: OffsetDateTime,
}

#[derive(Debug)]
struct List {
    path: PathBuf,
    list: CertificateRevocationListDer<'static>,
    issuer: String,
    raw_issuer: Vec<u8>,
    this: OffsetDateTime,
    next: Option<OffsetDateTime>,
}

impl Trust {
    /// Reads the authorities' file, and the lists that the configuration names.
    ///
    /// # Errors
    /// A file is missing, unsafe, empty or broken.
    pub(super) fn load(path: &Path, tls: &Tls) -> Result<Self, CredentialsFault> {
        let authorities: Vec<_> = certificates(path)?
            .into_iter()
            .map(|certificate| Authority::read(path, certificate))
            .collect::<Result<_, _>>()?;
        if authorities.is_empty() {
            return Err(contents(path, "there is no certificate in it"));
        }
        let mut lists = Vec::new();
        for path in &tls.revocation_lists {
            for list in load_lists(path)? {
                lists.push(List::read(path, list)?);
            }
        }
        Ok(Self { path: path.to_owned(), authorities, lists, expired_list: tls.expired_list })
    }

    /// What checks a client's chain at `now`: authorities that have ended are not in it.
    ///
    /// # Errors
    /// All have ended, or one cannot be used.
    pub(super) fn verifier(
        &self,
        provider: &Arc<CryptoProvider>,
        now: OffsetDateTime,
    ) -> Result<Arc<dyn ClientCertVerifier>, CredentialsFault> {
        let mut roots = RootCertStore::empty();
        for authority in self.authorities.iter().filter(|authority| now <= authority.until) {
            roots
                .add(authority.certificate.clone())
                .map_err(|error| contents(&self.path, format!("not an authority: {error}")))?;
        }
        if roots.is_empty() {
            let last = self.authorities.iter().map(|authority| authority.until).max();
            let last = last.map(day).unwrap_or_default();
            return Err(contents(&self.path, format!("the authority expired on {last}")));
        }
        let mut verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                // a list of authority names tells strangers whom we trust, and costs bytes
                .clear_root_hint_subjects()
                .with_crls(self.lists.iter().map(|list| list.list.clone()));
        if self.expired_list == ExpiredList::Refuse {
            verifier = verifier.enforce_revocation_expiration();
        }
        let path = self.lists.first().map_or(&self.path, |list| &list.path);
        verifier.build().map_err(|error| contents(path, error.to_string()))
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
        let path = self.path.display();
        let ended = self.authorities.iter().filter(|authority| now > authority.until);
        let mut trouble: Vec<_> = ended
            .map(|Authority { name, until, .. }| {
                let until = day(*until);
                format!("{path}: the authority {name} expired on {until}; it does not count")
            })
            .collect();
        if self.expired_list == ExpiredList::Refuse {
            let past = self.lists.iter().filter(|list| list.past(now));
            let then = "every certificate of its issuer is refused";
            trouble.extend(past.map(|list| list.past_sentence(then)));
        }
        trouble
    }

    /// What is odd, or will be in the way soon, each a sentence.
    pub(super) fn warnings(&self, now: OffsetDateTime) -> Vec<String> {
        let path = self.path.display();
        let mut warnings = Vec::new();
        for Authority { name, is_authority, until, .. } in &self.authorities {
            if !is_authority {
                warnings.push(format!("{path}: {name} is not an authority: it vouches for nobody"));
            }
            if now <= *until && *until - now < ENDING_SOON {
                warnings.push(format!("{path}: the authority {name} ends on {}", day(*until)));
            }
        }
        let spoken_for =
            |authority: &Authority| self.lists.iter().any(|l| l.raw_issuer == authority.raw_name);
        let mut counting = self.authorities.iter().filter(|authority| now <= authority.until);
        if !self.lists.is_empty() && !counting.all(spoken_for) {
            let what =
                "no revocation list speaks for an authority in it: its certificates are refused";
            warnings.push(format!("{path}: {what}"));
        }
        warnings.extend(self.lists.iter().filter_map(|list| list.warning(self.expired_list, now)));
        warnings
    }
}

impl Authority {
    fn read(path: &Path, certificate: CertificateDer<'static>) -> Result<Self, CredentialsFault> {
        let (_, parsed) = X509Certificate::from_der(&certificate)
            .map_err(|error| contents(path, format!("a broken certificate: {error}")))?;
        let name = escape(parsed.subject().to_string());
        let raw_name = parsed.subject().as_raw().to_vec();
        let is_authority = parsed.is_ca();
        let until = parsed.validity().not_after.to_datetime();
        Ok(Self { name, raw_name, is_authority, until, certificate })
    }
}

impl List {
    fn read(
        path: &Path,
        list: CertificateRevocationListDer<'static>,
    ) -> Result<Self, CredentialsFault> {
        let (_, parsed) = CertificateRevocationList::from_der(&list)
            .map_err(|error| contents(path, format!("a broken revocation list: {error}")))?;
        let issuer = escape(parsed.issuer().to_string());
        let raw_issuer = parsed.issuer().as_raw().to_vec();
        let this = parsed.last_update().to_datetime();
        let next = parsed.next_update().map(|next| next.to_datetime());
        Ok(Self { path: path.to_owned(), issuer, raw_issuer, this, next, list })
    }

    fn past(&self, now: OffsetDateTime) -> bool {
        self.next.is_some_and(|next| now > next)
    }

    fn past_sentence(&self, then: &str) -> String {
        let next = self.next.map(day).unwrap_or_default();
        format!("{}: the revocation list expired on {next}: {then}", self.path.display())
    }

    /// From half of its life on a list that nobody renews is a lock-out to come.
    fn warning(&self, expired: ExpiredList, now: OffsetDateTime) -> Option<String> {
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
fn load_lists(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, CredentialsFault> {
    let bytes = files::read(path, Kind::Open)?;
    let lists: Vec<CertificateRevocationListDer<'static>> = if bytes.starts_with(b"0") {
        vec![bytes.into()]
    } else {
        CertificateRevocationListDer::pem_slice_iter(&bytes)
            .collect::<Result<_, _>>()
            .map_err(|error| contents(path, format!("broken PEM: {error}")))?
    };
    if lists.is_empty() {
        return Err(contents(path, "there is no revocation list in it"));
    }
    Ok(lists)
}
