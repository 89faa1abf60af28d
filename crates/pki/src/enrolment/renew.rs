//! Renewing: the certificate before is the ticket to the next one. It stays good until it ends: programs that
//! hold it need not be restarted, and a renewal that gets lost costs nothing.

use std::net::IpAddr;

use time::Duration;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::fault::EnrolFault;
use super::join::Joined;
use super::wire::RenewRequest;
use crate::authority::Authority;
use crate::index::{Index, Kind, State};
use crate::key::public_key_sha256;
use crate::name::ClientName;
use crate::request;
use crate::serial::Serial;

/// The most live certificates of one name: a loop that renews for ever is stopped here.
pub const LIVE_MOST: usize = 16;

impl Authority {
    /// Gives the holder of a certificate the next one, with a life of one second to
    /// [`super::LIFE_MOST`]. `leaf` is the certificate, DER, whose key and chain the connection has proved;
    /// `source` where it came from.
    ///
    /// # Errors
    /// It was not issued here, is over or revoked, its entry is gone or for other networks, or it was renewed
    /// too often.
    pub fn renew(
        &self,
        leaf: &[u8],
        source: IpAddr,
        ask: &RenewRequest,
        life: Duration,
    ) -> Result<Joined, EnrolFault> {
        let (_, leaf) =
            X509Certificate::from_der(leaf).map_err(|_| EnrolFault::CertificateUnknown)?;
        let lock = self.lock()?;
        let mut index = self.index(&lock)?;
        let name = self.holder(&index, &leaf)?;
        let grants = self.published()?.grants(&name)?;
        let grants = grants.ok_or_else(|| EnrolFault::NotEnrolled(name.to_string()))?;
        if !grants.hold(source) {
            return Err(EnrolFault::NetworkRefused(name.to_string()));
        }
        let live = |index: &Index| {
            let live = index.certificates.iter().filter(|entry| {
                entry.is_of(Kind::Client, name.as_str()) && entry.state(self.now()) == State::Live
            });
            live.count()
        };
        if live(&index) >= LIVE_MOST {
            return Err(EnrolFault::TooManyCertificates(name.to_string()));
        }
        let key = request::proved_key(&ask.request)?;
        self.enrol(&lock, &mut index, &name, &key, &grants, life)
    }

    /// Whose certificate it is: the index decides, whatever is written in it.
    fn holder(&self, index: &Index, leaf: &X509Certificate<'_>) -> Result<ClientName, EnrolFault> {
        let serial = Serial::from_bytes(leaf.raw_serial());
        let key = public_key_sha256(leaf.public_key().raw);
        let entry = index.certificates.iter().find(|entry| {
            entry.kind == Kind::Client && entry.serial == serial && entry.public_key_sha256 == key
        });
        let entry = entry.ok_or(EnrolFault::CertificateUnknown)?;
        match entry.state(self.now()) {
            // whoever has a key that got out must not have a new one certified by it
            State::Live if index.key_is_compromised(&key) => {
                return Err(EnrolFault::CertificateRevoked);
            }
            State::Live => {}
            State::Revoked => return Err(EnrolFault::CertificateRevoked),
            State::Expired => return Err(EnrolFault::CertificateExpired(entry.not_after)),
        }
        let name = entry.names.first().and_then(|name| name.parse().ok());
        name.ok_or(EnrolFault::CertificateUnknown)
    }
}
