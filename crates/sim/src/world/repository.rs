//! The repository's own certificate, which the server makes when its TLS is switched on.
//!
//! Documented: it is made on the server and can be fetched only while that TLS is on. Seen: the keys that say
//! for how long and with which key. When it is made is a guess: as the change is applied.

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use time::{Duration, OffsetDateTime};

use super::World;

/// Seen: the life of the certificate where the key `pgsql.ssl.cert.days` says nothing.
const DAYS: i64 = 3650;

impl World {
    /// Makes the certificate where it is due, and forgets it where it is not.
    ///
    /// # Errors
    /// It could not be made.
    pub(super) fn keep_repository_certificate(&mut self) -> Result<(), String> {
        let setting = |key: &str| self.store.applied().get(key).map_or("", String::as_str);
        if setting("pgsql.ssl.enabled") != "true" {
            self.repository = None;
            return Ok(());
        }
        if self.repository.is_some() {
            return Ok(());
        }
        let days = setting("pgsql.ssl.cert.days").parse().unwrap_or(DAYS);
        let made = make(self.clock.now(), days);
        let made = made.map_err(|error| format!("Making the certificate failed: {error}."))?;
        self.repository = Some(made);
        Ok(())
    }
}

/// Seen: `rsa:2048`, and that is what it is. The names in it are made up; the key is thrown away.
fn make(now: OffsetDateTime, days: i64) -> Result<String, rcgen::Error> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, "pgsql");
    params.distinguished_name = subject;
    params.not_before = now;
    params.not_after = now + Duration::days(days);
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    Ok(params.self_signed(&key)?.pem())
}
