//! Several checks of a client's chain, each for certificates with names of its own: an authority that
//! may vouch for one trust domain is not asked about another's.

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

use crate::config::namespace::{Namespace, hold};
use crate::identify::read_leaf;

/// The names that some authorities may vouch for, where that is limited.
pub(super) type Scope = Option<Arc<[Namespace]>>;

/// See the room's first lines.
#[derive(Debug)]
pub(super) struct Scoped {
    first: Arc<dyn ClientCertVerifier>,
    parts: Vec<(Scope, Arc<dyn ClientCertVerifier>)>,
}

impl Scoped {
    /// One check of these; none of none.
    pub(super) fn of(
        parts: Vec<(Scope, Arc<dyn ClientCertVerifier>)>,
    ) -> Option<Arc<dyn ClientCertVerifier>> {
        let (_, first) = parts.first()?;
        let first = Arc::clone(first);
        // the common case, in which there is nothing to ask
        match parts.as_slice() {
            [(None, _)] => Some(first),
            _ => Some(Arc::new(Self { first, parts })),
        }
    }
}

impl ClientCertVerifier for Scoped {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// Good where one check says so and none that it is revoked: an authority may stand in two files, with its
    /// list and without. Of what is wrong otherwise, what an authority knows goes before that another one knows
    /// nothing.
    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let unknown = Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let claim = read_leaf(leaf).map_err(|_| CertificateError::BadEncoding)?;
        let mut wrong = unknown.clone();
        let mut good = None;
        for (scope, verifier) in &self.parts {
            if scope.as_ref().is_some_and(|names| !hold(names, &claim.leaf)) {
                continue;
            }
            match verifier.verify_client_cert(leaf, intermediates, now) {
                Ok(verified) => good = Some(verified),
                Err(error @ Error::InvalidCertificate(CertificateError::Revoked)) => {
                    return Err(error);
                }
                Err(error) if wrong == unknown => wrong = error,
                Err(_) => {}
            }
        }
        good.ok_or(wrong)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.first.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.first.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.first.supported_verify_schemes()
    }
}
