//! The check of a client's chain, by the authorities that count at that moment.
//!
//! What is right from one authority's beginning or end to the next is made once; a chain that is checked
//! later than that, for whatever reason nobody made another, gets a check of its own. What was found good
//! meanwhile is [`Remembered`].

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use time::OffsetDateTime;

use super::CredentialsFault;
use super::remembered::Remembered;
use super::trust::Trust;
use crate::identify::end;

/// See the room's first lines.
#[derive(Debug)]
pub(super) struct Dated {
    trust: Arc<Trust>,
    provider: Arc<CryptoProvider>,
    steady: Arc<dyn ClientCertVerifier>,
    /// Between these `steady` is right.
    between: (Option<OffsetDateTime>, Option<OffsetDateTime>),
    /// What `steady` has said yes to.
    remembered: Remembered,
}

impl Dated {
    /// The check as of `now`.
    ///
    /// # Errors
    /// No authority counts at `now`, or one cannot be used.
    pub(super) fn new(
        trust: &Arc<Trust>,
        provider: &Arc<CryptoProvider>,
        now: OffsetDateTime,
    ) -> Result<Self, CredentialsFault> {
        Ok(Self {
            steady: trust.verifier(provider, now)?,
            between: trust.steady(now),
            trust: Arc::clone(trust),
            provider: Arc::clone(provider),
            remembered: Remembered::default(),
        })
    }

    fn is_steady(&self, now: OffsetDateTime) -> bool {
        let (after, before) = self.between;
        after.is_none_or(|after| after <= now) && before.is_none_or(|before| now < before)
    }

    /// The next moment after `now` at which a chain that is good may no longer be, in seconds since 1970: one of
    /// its certificates ends, an authority begins or ends, or a list is due. None where that cannot be said.
    fn next_change(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        now: OffsetDateTime,
    ) -> Option<u64> {
        let ends = std::iter::once(leaf).chain(above).map(|certificate| end(certificate));
        let ends = ends.collect::<Option<Vec<_>>>()?;
        let others = self.trust.endings().into_iter().map(|ending| ending.at.unix_timestamp());
        let others = others.chain(self.between.1.map(OffsetDateTime::unix_timestamp));
        let next = ends.into_iter().chain(others).filter(|at| *at >= now.unix_timestamp()).min();
        next.and_then(|at| at.try_into().ok())
    }
}

impl ClientCertVerifier for Dated {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.steady.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let time = OffsetDateTime::from_unix_timestamp(seconds).ok();
        if let Some(time) = time.filter(|time| self.is_steady(*time)) {
            if self.remembered.knows(leaf, intermediates, now.as_secs()) {
                return Ok(ClientCertVerified::assertion());
            }
            let verified = self.steady.verify_client_cert(leaf, intermediates, now)?;
            if let Some(until) = self.next_change(leaf, intermediates, time) {
                self.remembered.add(leaf, intermediates, now.as_secs(), until);
            }
            return Ok(verified);
        }
        let verifier = time.and_then(|time| self.trust.verifier(&self.provider, time).ok());
        let verifier =
            verifier.ok_or(Error::InvalidCertificate(CertificateError::UnknownIssuer))?;
        verifier.verify_client_cert(leaf, intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.steady.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.steady.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.steady.supported_verify_schemes()
    }
}
