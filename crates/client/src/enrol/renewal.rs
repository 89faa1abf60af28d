//! The next certificate of a host that has one: when it is due, asked for with the same key, judged, and put in the
//! place of the old one in one step. Whatever fails, the old one stays.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use tsmgate_pki::HolderKey;
use tsmgate_pki::enrolment::RenewRequest;

use super::{EnrolFailure, Leaf, Misfit, Service, Trust};
use crate::Address;
use crate::gate::TIMEOUT_MOST;
use crate::identity;
use crate::proxy::Proxy;
use crate::system::folder::{Lock, lock_folder};
use crate::system::mode::{Readers, write_whole};

/// Between two looks at a lock that another has.
const LOCK_EVERY: Duration = Duration::from_millis(50);

/// What a host that has joined holds, and where it is renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// Where the service is.
    pub authority: Address,
    /// The authority by which it is checked, and our certificate, PEM.
    pub authority_ca: PathBuf,
    /// Our certificate, PEM.
    pub certificate: PathBuf,
    /// Our key, PKCS#8 PEM without a passphrase.
    pub private_key: PathBuf,
    /// The address of this host to connect from.
    pub bind: Option<IpAddr>,
    /// A proxy on the way there.
    pub proxy: Option<Box<Proxy>>,
    /// The time of the whole attempt, and of waiting for another one.
    pub timeout: Duration,
}

/// When to renew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Now.
    Now,
    /// Where [`Leaf::due`] is past.
    Due,
}

/// What came of it.
#[derive(Debug)]
pub enum Renewal {
    /// There is a new certificate.
    Renewed(Leaf),
    /// There is time: this one is good.
    NotDue(Leaf),
}

impl Holding {
    /// The certificate that is there.
    ///
    /// # Errors
    /// [`EnrolFailure::Own`].
    pub fn leaf(&self) -> Result<Leaf, EnrolFailure> {
        let contents = identity::contents(&self.certificate)?;
        let unread =
            || identity::fault(&self.certificate, crate::failure::FileFault::NoCertificate);
        Leaf::read(&contents).ok_or_else(|| unread().into())
    }

    /// Gets the next certificate, one run at a time.
    ///
    /// # Errors
    /// Every [`EnrolFailure`]; the old certificate is where it was.
    pub async fn renew(&self, when: When) -> Result<Renewal, EnrolFailure> {
        // a link stays one: what it leads to is replaced
        let path = fs::canonicalize(&self.certificate).unwrap_or(self.certificate.clone());
        let folder = path.parent().unwrap_or(Path::new("."));
        let _lock = self.lock(folder).await?;
        let old = self.leaf()?;
        let now = OffsetDateTime::now_utc();
        let client = old.name().to_owned();
        if old.ends <= now {
            return Err(EnrolFailure::Ended { client, ended: old.ends, now });
        }
        if when == When::Due && now < old.due() {
            return Ok(Renewal::NotDue(old));
        }
        let key = HolderKey::read(&self.private_key)?;
        let roots = identity::authority(&self.authority_ca)?;
        let service = self.service(client);
        let given = service.renew(&RenewRequest { request: key.request()? }).await?;
        let misfit = |misfit| EnrolFailure::Misfit { peer: service.peer(), misfit };
        let new = Leaf::read(given.certificate.as_bytes());
        let new = new.ok_or_else(|| misfit(Misfit::Unreadable))?;
        let identity = old.own_identity().unwrap_or_else(|| Leaf::identity_of(old.name()));
        new.check(&identity, &key.identity(), roots).map_err(misfit)?;
        new.timely(OffsetDateTime::now_utc()).map_err(misfit)?;
        write_whole(folder, &path, given.certificate.as_bytes(), Readers::Everybody)
            .map_err(|error| EnrolFailure::Unwritten { path, kind: error.kind() })?;
        Ok(Renewal::Renewed(new))
    }

    fn service(&self, client: String) -> Service {
        let trust = Trust::Files {
            authority: self.authority_ca.clone(),
            certificate: self.certificate.clone(),
            private_key: self.private_key.clone(),
        };
        let (address, bind, proxy) = (self.authority.clone(), self.bind, self.proxy.clone());
        Service { address, trust, bind, proxy, timeout: self.timeout, client }
    }

    /// Waits for the folder, as long as an attempt may take.
    async fn lock(&self, folder: &Path) -> Result<Lock, EnrolFailure> {
        let deadline = Instant::now() + self.timeout.min(TIMEOUT_MOST);
        let failed = |error: io::Error| EnrolFailure::Unwritten {
            path: folder.to_owned(),
            kind: error.kind(),
        };
        loop {
            match lock_folder(folder).map_err(failed)? {
                Some(lock) => return Ok(lock),
                None if Instant::now() >= deadline => {
                    return Err(EnrolFailure::Busy(folder.to_owned()));
                }
                None => sleep(LOCK_EVERY).await,
            }
        }
    }
}
