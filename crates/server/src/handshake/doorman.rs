//! The client certificate verifier of one connection.
//!
//! Chain, time, revocation and signature are webpki's to check. Then the leaf's usage is, which webpki
//! leaves open; and once the peer proved that it holds the key, the deny list and the policy decide
//! who it is. The policy itself stays in `gate`; here it is only asked, and the answer kept.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use tsmgate_gate::permit::Caller;
use tsmgate_gate::policy::{Leaf, Policy};
use tsmgate_gate::reason::Reason;

use super::Refused;
use crate::identify;

/// Verifies one connection's client and remembers what it found.
#[derive(Debug)]
pub(super) struct Doorman {
    chain: Arc<dyn ClientCertVerifier>,
    policy: Arc<Policy>,
    address: IpAddr,
    findings: Mutex<Findings>,
}

/// What is known of the peer so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) leaf: Option<Arc<Leaf>>,
    key_proved: bool,
    reason: Option<Reason>,
    pub(super) caller: Option<Caller>,
}

impl Findings {
    /// The refusal: for the doorman's reason where it has one, else for `otherwise`.
    pub(super) fn refused(self, otherwise: Reason) -> Refused {
        Refused {
            reason: self.reason.unwrap_or(otherwise),
            leaf: self.leaf,
            key_proved: self.key_proved,
            stream: None,
        }
    }
}

impl Doorman {
    pub(super) fn new(
        chain: Arc<dyn ClientCertVerifier>,
        policy: Arc<Policy>,
        address: IpAddr,
    ) -> Self {
        Self { chain, policy, address, findings: Mutex::default() }
    }

    /// Takes out what was found.
    pub(super) fn findings(&self) -> Findings {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Findings> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a refusal and gives the error whose alert says no more than it must.
    fn refuse(&self, reason: Reason) -> Error {
        self.lock().reason = Some(reason);
        Error::InvalidCertificate(match reason {
            Reason::CertificateRevoked => CertificateError::Revoked,
            Reason::CertificateUsage => CertificateError::InvalidPurpose,
            Reason::CertificateInvalid => CertificateError::BadEncoding,
            _ => CertificateError::ApplicationVerificationFailure,
        })
    }
}

impl ClientCertVerifier for Doorman {
    fn client_auth_mandatory(&self) -> bool {
        true
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let claim = identify::read_leaf(leaf).map(|claim| {
            self.lock().leaf = Some(Arc::new(claim.leaf));
            claim.for_clients
        });
        let verified =
            self.chain.verify_client_cert(leaf, intermediates, now).inspect_err(|error| {
                self.lock().reason = Some(chain_reason(error));
            })?;
        if !claim.map_err(|reason| self.refuse(reason))? {
            return Err(self.refuse(Reason::CertificateUsage));
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not offered".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let proved = self
            .chain
            .verify_tls13_signature(message, certificate, signature)
            .inspect_err(|_| {
                self.lock().reason = Some(Reason::KeyNotProved);
            })?;
        let leaf = {
            let mut findings = self.lock();
            findings.key_proved = true;
            findings.leaf.clone()
        };
        let leaf = leaf.ok_or_else(|| self.refuse(Reason::CertificateInvalid))?;
        let caller = Caller::identify(&self.policy, leaf, self.address)
            .map_err(|reason| self.refuse(reason))?;
        self.lock().caller = Some(caller);
        Ok(proved)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// What webpki found wrong with the chain.
pub(crate) fn chain_reason(error: &Error) -> Reason {
    use CertificateError as Fault;
    let fault = match error {
        Error::InvalidCertificate(fault) => fault,
        // a list that nobody of that name signed speaks for no issuer, and is not the peer's doing
        Error::InvalidCertRevocationList(_) => return Reason::RevocationUnknown,
        _ => return Reason::CertificateInvalid,
    };
    match fault {
        Fault::Expired
        | Fault::ExpiredContext { .. }
        | Fault::NotValidYet
        | Fault::NotValidYetContext { .. } => Reason::CertificateExpired,
        Fault::Revoked => Reason::CertificateRevoked,
        Fault::UnknownRevocationStatus => Reason::RevocationUnknown,
        Fault::ExpiredRevocationList | Fault::ExpiredRevocationListContext { .. } => {
            Reason::RevocationListExpired
        }
        Fault::InvalidPurpose | Fault::InvalidPurposeContext { .. } => Reason::CertificateUsage,
        _ => Reason::CertificateInvalid,
    }
}
