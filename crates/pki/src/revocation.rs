//! Revoking, and the revocation list. The index is the truth and the list its signed copy: the index
//! is written first, and every call here writes a new list with a higher number, so that running a
//! command again mends whatever an interrupted one left.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rcgen::{CertificateRevocationListParams, RevocationReason, RevokedCertParams, SerialNumber};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;

use crate::authority::Authority;
use crate::enrolment::{self, Service};
use crate::error::PkiError;
use crate::index::{Entry, Index, Kind, Reason, Revoked, State};
use crate::inspect::{self, View};
use crate::key;
use crate::name::{ClientName, ServerName};
use crate::profile::{CRL_DAYS, Life};
use crate::register::Register;
use crate::serial::Serial;
use crate::store::{self, Access, FolderLock, Place};

/// The name of an authority's revocation list, in its folder and where the gate reads it.
pub const LIST: &str = "clients.crl";

/// What to revoke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revokee {
    /// All live certificates of a client.
    Client(ClientName),
    /// All live certificates of a server, by its first name.
    Server(ServerName),
    /// The one certificate with this serial number, expired or not.
    Serial(Serial),
    /// The first certificate in a PEM or DER file. It need not be in the index, but this authority
    /// must have signed it.
    Certificate(PathBuf),
}

/// What a revocation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Serial numbers that were live and are now revoked.
    pub revoked: Vec<String>,
    /// Serial numbers that had been revoked before; their date and reason stay.
    pub already: Vec<String>,
    /// The list that says so.
    pub list: RevocationList,
}

/// What was done of a revocation without the authority's key: all but the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Serial numbers that were live and are now revoked.
    pub revoked: Vec<String>,
    /// Serial numbers that had been revoked before.
    pub already: Vec<String>,
}

/// Revokes several at once as far as that takes no key: on the index, and where an enrolment service
/// publishes, on the deny list of the gate; entries and invites of the names are taken out. The revocation
/// list is what is missing then.
///
/// # Errors
/// Those of [`Authority::revoke`].
pub fn cut(dir: &Path, what: &[Revokee], reason: Reason) -> Result<Cut, PkiError> {
    let register = Register::open(dir)?;
    let lock = register.lock()?;
    register.cut(&lock, what, reason).map(|(_, cut)| cut)
}

/// A revocation list that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationList {
    /// Where it is, PEM.
    pub path: PathBuf,
    /// Its number; each is higher than all before.
    pub number: u64,
    /// How many certificates are on it.
    pub entries: usize,
    /// From when it counts.
    pub this_update: OffsetDateTime,
    /// Until when it counts; past it the daemon refuses everybody.
    pub next_update: OffsetDateTime,
}

impl Authority {
    /// Revokes without a reason, and writes a new list. Revoking again changes nothing but the list's
    /// number and dates.
    ///
    /// # Errors
    /// [`PkiError::UnknownCertificate`], [`PkiError::ForeignCertificate`], [`PkiError::Malformed`],
    /// [`PkiError::File`].
    pub fn revoke(&self, what: &Revokee) -> Result<Revocation, PkiError> {
        self.revoke_because(std::slice::from_ref(what), Reason::Unspecified)
    }

    /// Revokes several at once, for a reason: all of them or, on an error, none.
    ///
    /// # Errors
    /// Those of [`Authority::revoke`].
    pub fn revoke_because(&self, what: &[Revokee], reason: Reason) -> Result<Revocation, PkiError> {
        let lock = self.lock()?;
        let (mut index, Cut { revoked, already }) = self.register.cut(&lock, what, reason)?;
        let list = self.write_crl(&lock, &mut index, CRL_DAYS)?;
        Ok(Revocation { revoked, already, list })
    }

    /// Writes a new revocation list of 90 days.
    ///
    /// # Errors
    /// [`PkiError::IndexLost`], [`PkiError::IndexDamaged`], [`PkiError::File`].
    pub fn issue_crl(&self) -> Result<RevocationList, PkiError> {
        self.issue_crl_of(CRL_DAYS)
    }

    /// Writes a new revocation list of so many days, 1 to 365.
    ///
    /// # Errors
    /// [`PkiError::BadLifetime`], and those of [`Authority::issue_crl`].
    pub fn issue_crl_of(&self, days: u16) -> Result<RevocationList, PkiError> {
        let lock = self.lock()?;
        self.write_crl(&lock, &mut self.index(&lock)?, days)
    }

    /// Whether somebody is revoked on the index and not on the list, or the list cannot be read: what [`cut`]
    /// leaves, and whoever was killed between the two. What the list has beyond an index, as when that came back
    /// from an older backup, does not count: nobody's revocation is to go by itself.
    ///
    /// # Errors
    /// [`PkiError::IndexLost`], [`PkiError::IndexDamaged`], [`PkiError::File`].
    pub fn list_lacks_somebody(&self) -> Result<bool, PkiError> {
        let index = self.index(&self.lock()?)?;
        let views = inspect::inspect(&self.folder().join(LIST), self.now()).unwrap_or_default();
        let Some(View::RevocationList(list)) = views.into_iter().next() else { return Ok(true) };
        let on_list: HashSet<_> = list.entries.into_iter().map(|out| out.serial_number).collect();
        let mut revoked = index.certificates.iter().filter(|entry| entry.revoked.is_some());
        Ok(revoked.any(|entry| !on_list.contains(&entry.serial.to_string())))
    }

    /// Saves the index with the next number, then the list. Entries stay on the list after their
    /// certificates expire: a daemon whose clock is behind must not let them in again.
    pub(crate) fn write_crl(
        &self,
        _lock: &FolderLock,
        index: &mut Index,
        days: u16,
    ) -> Result<RevocationList, PkiError> {
        let life = Life::of_days(self.now(), days)?;
        index.crl_number += 1;
        let revoked: Vec<_> = index.certificates.iter().filter_map(listed).collect();
        let entries = revoked.len();
        let pem = CertificateRevocationListParams {
            this_update: life.start,
            next_update: life.end,
            crl_number: SerialNumber::from(index.crl_number),
            issuing_distribution_point: None,
            revoked_certs: revoked,
            key_identifier_method: self.register.key_id(),
        }
        .signed_by(&self.issuer()?)
        .and_then(|list| list.pem())
        .map_err(|_| PkiError::Cryptography("sign the revocation list"))?;
        index.write(self.folder(), Place::Any)?;
        let path = self.folder().join(LIST);
        store::write(&path, pem.as_bytes(), Access::Public, Place::Any)?;
        if let Some(service) = Service::read(self.folder())? {
            service.published().list(pem.as_bytes())?;
        }
        Ok(RevocationList {
            path,
            number: index.crl_number,
            entries,
            this_update: life.start,
            next_update: life.end,
        })
    }
}

impl Register {
    /// Marks what is meant on the index, writes it, and lets the gate know.
    fn cut(
        &self,
        lock: &FolderLock,
        what: &[Revokee],
        reason: Reason,
    ) -> Result<(Index, Cut), PkiError> {
        let mut index = self.index(lock)?;
        let (mut revoked, mut already) = (Vec::new(), Vec::new());
        let mut targets = Vec::new();
        for revokee in what {
            let target = self.target(revokee, &mut index)?;
            let mut known = self.is_invited(&target)?;
            for entry in index.certificates.iter_mut().filter(|entry| target.is(entry)) {
                known = true;
                let serial = entry.serial.to_string();
                match (entry.state(self.now()), &target) {
                    (State::Revoked, _) if revoked.contains(&serial) => {}
                    (State::Revoked, _) => already.push(serial),
                    (State::Expired, Target::Name(..)) => {}
                    (State::Expired | State::Live, _) => {
                        entry.revoked = Some(Revoked { at: whole_seconds(self.now()), reason });
                        revoked.push(serial);
                    }
                }
            }
            if !known {
                return Err(PkiError::UnknownCertificate(target.shown()));
            }
            targets.push(target);
        }
        if reason == Reason::KeyCompromise {
            revoked.extend(self.with_the_same_keys(&mut index));
        }
        index.write(self.folder(), Place::Any)?;
        if let Some(service) = Service::read(self.folder())? {
            let published = service.published();
            published.deny(&index, self.now())?;
            for name in targets.iter().flat_map(|target| self.left_without(target, &index)) {
                published.dismiss(&name)?;
            }
        }
        for target in &targets {
            // who is out must not come in again by an invite
            if let Target::Name(Kind::Client, name) = target {
                enrolment::withdraw_under(lock, self.folder(), &name.parse()?)?;
            }
        }
        Ok((index, Cut { revoked, already }))
    }

    /// Whether it is a client that has an invite.
    fn is_invited(&self, target: &Target) -> Result<bool, PkiError> {
        let Target::Name(Kind::Client, name) = target else { return Ok(false) };
        Ok(enrolment::is_invited(self.folder(), &name.parse()?))
    }

    /// Revokes what else there is of keys that got out: renewing keeps a key. Gives the serial numbers.
    fn with_the_same_keys(&self, index: &mut Index) -> Vec<String> {
        let now = self.now();
        let out = |entry: &&Entry| index.key_is_compromised(&entry.public_key_sha256);
        let live = |entry: &&Entry| entry.state(now) == State::Live;
        let same: Vec<_> = index.certificates.iter().filter(live).filter(out).collect();
        let same: Vec<_> = same.into_iter().map(|entry| entry.serial.clone()).collect();
        for entry in index.certificates.iter_mut().filter(|entry| same.contains(&entry.serial)) {
            let reason = Reason::KeyCompromise;
            entry.revoked = Some(Revoked { at: whole_seconds(now), reason });
        }
        same.iter().map(Serial::to_string).collect()
    }

    /// The clients whose entries go: of a name all, of a serial number the one that has nothing else.
    fn left_without(&self, target: &Target, index: &Index) -> Vec<ClientName> {
        let clients = |entry: &&Entry| entry.kind == Kind::Client;
        let names = |entry: &Entry| entry.names.first().and_then(|name| name.parse().ok());
        let meant = index.certificates.iter().filter(clients).filter(|entry| target.is(entry));
        let mut names: Vec<ClientName> = meant.filter_map(names).collect();
        if let Target::Name(Kind::Client, name) = target {
            names.extend(name.parse());
        }
        names.retain(|name| index.live(Kind::Client, name.as_str(), self.now()).is_none());
        names.sort();
        names.dedup();
        names
    }

    /// Which entries are meant. A certificate that this authority signed and the index does not
    /// know is entered first, as when the index came back from an older backup.
    fn target(&self, revokee: &Revokee, index: &mut Index) -> Result<Target, PkiError> {
        Ok(match revokee {
            Revokee::Client(name) => Target::Name(Kind::Client, name.to_string()),
            Revokee::Server(name) => Target::Name(Kind::Server, name.to_string()),
            Revokee::Serial(serial) => Target::Serial(serial.clone()),
            Revokee::Certificate(path) => {
                let entry = self.read_entry(path)?;
                let serial = entry.serial.clone();
                if !index.certificates.iter().any(|known| known.serial == serial) {
                    index.certificates.push(entry);
                }
                Target::Serial(serial)
            }
        })
    }

    /// What the index would say of the first certificate in a file, once its signature is checked.
    fn read_entry(&self, path: &Path) -> Result<Entry, PkiError> {
        let malformed = || PkiError::Malformed { path: path.to_owned(), expected: "a certificate" };
        let contents = store::read(path)?;
        let der = inspect::first_certificate(&contents).ok_or_else(malformed)?;
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| malformed())?;
        let (_, ca) = parse_x509_pem(self.certificate_pem().as_bytes()).map_err(|_| malformed())?;
        let ca = ca.parse_x509().map_err(|_| malformed())?;
        let is_ours = !certificate.is_ca()
            && certificate.issuer().as_raw() == ca.subject().as_raw()
            && certificate.verify_signature(Some(ca.public_key())).is_ok();
        if !is_ours {
            return Err(PkiError::ForeignCertificate(path.to_owned()));
        }
        let view = inspect::CertificateView::of(&certificate, self.now());
        let is_client = view.extended_key_usage.iter().any(|usage| usage == "clientAuth");
        let names = view.names.iter().filter_map(|name| {
            let (_, name) = name.split_once(':')?;
            Some(name.strip_prefix("tsmgate://client/").unwrap_or(name).to_owned())
        });
        Ok(Entry {
            serial: Serial::from_bytes(certificate.raw_serial()),
            kind: if is_client { Kind::Client } else { Kind::Server },
            names: names.collect(),
            not_before: certificate.validity().not_before.to_datetime(),
            not_after: certificate.validity().not_after.to_datetime(),
            public_key_sha256: key::public_key_sha256(certificate.public_key().raw),
            revoked: None,
        })
    }
}

/// Which entries of the index are meant.
enum Target {
    Name(Kind, String),
    Serial(Serial),
}

impl Target {
    fn is(&self, entry: &Entry) -> bool {
        match self {
            Target::Name(kind, name) => entry.is_of(*kind, name),
            Target::Serial(serial) => entry.serial == *serial,
        }
    }

    fn shown(&self) -> String {
        match self {
            Target::Name(Kind::Client, name) => format!("client {name}"),
            Target::Name(Kind::Server, name) => format!("server {name}"),
            Target::Serial(serial) => format!("serial number {serial}"),
        }
    }
}

fn listed(entry: &Entry) -> Option<RevokedCertParams> {
    let revoked = entry.revoked.as_ref()?;
    Some(RevokedCertParams {
        serial_number: SerialNumber::from(entry.serial.to_bytes()),
        revocation_time: revoked.at,
        reason_code: match revoked.reason {
            Reason::Unspecified => None,
            Reason::KeyCompromise => Some(RevocationReason::KeyCompromise),
            Reason::AffiliationChanged => Some(RevocationReason::AffiliationChanged),
            Reason::Superseded => Some(RevocationReason::Superseded),
            Reason::CessationOfOperation => Some(RevocationReason::CessationOfOperation),
            Reason::PrivilegeWithdrawn => Some(RevocationReason::PrivilegeWithdrawn),
        },
        invalidity_date: None,
    })
}

fn whole_seconds(time: OffsetDateTime) -> OffsetDateTime {
    time.replace_nanosecond(0).unwrap_or(time)
}
