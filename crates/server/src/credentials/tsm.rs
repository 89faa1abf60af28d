//! How TSM's HTTPS controller proves itself to us: it is the one certificate that is pinned, or an
//! authority of a file of ours issued it for the name that we call it by.
//!
//! There is no third way, and no switch that leaves it unchecked. In both, the key of the certificate is
//! proven in each handshake: a session is not resumed, for that skips the look at the certificate.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::version::{TLS12, TLS13};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, NoKeyLog, OtherError,
    RootCertStore, SignatureScheme,
};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::trust::Authority;
use super::{CredentialsFault, ENDING_SOON, certificates, contents, day, provider_with_tls12};
use crate::config::{Api, ApiTrust};
use crate::digest::sha256;

mod distrust;

pub use distrust::{NotPinned, distrust};

/// TSM's side of the credentials: what checks its controller, made into a configuration for TLS.
#[derive(Debug)]
pub(super) struct Controller {
    /// What [`super::Credentials::tsm`] is.
    pub(super) config: Arc<ClientConfig>,
    check: Check,
}

#[derive(Debug)]
enum Check {
    Pinned(Arc<Pinned>),
    Vouched(Arc<Vouched>),
}

impl Controller {
    /// Reads what the check takes. Where that is what it was, it is the one of `current`: connections
    /// that were made under it are as good as new ones.
    ///
    /// # Errors
    /// The authorities' file is missing, unsafe, empty or broken.
    pub(super) fn load(
        api: &Api,
        current: Option<&Arc<Self>>,
    ) -> Result<Arc<Self>, CredentialsFault> {
        let provider = Arc::new(provider_with_tls12());
        let check = match &api.trust {
            ApiTrust::Pin(pin) => Check::Pinned(Arc::new(Pinned::new(*pin, &provider))),
            ApiTrust::Authority(path) => {
                let mut authorities = Vec::new();
                for certificate in certificates(path)? {
                    // asked for now: when it is needed it is too late to say so
                    RootCertStore::empty()
                        .add(certificate.clone())
                        .map_err(|error| contents(path, format!("not an authority: {error}")))?;
                    authorities.push(Authority::read(path, certificate)?);
                }
                if authorities.is_empty() {
                    return Err(contents(path, "there is no certificate in it"));
                }
                let file = path.display().to_string();
                Check::Vouched(Arc::new(Vouched { file, authorities, schemes: schemes(&provider) }))
            }
        };
        match current {
            Some(current) if current.check.is_like(&check) => Ok(Arc::clone(current)),
            _ => Ok(Arc::new(Self { config: Arc::new(config(&check, provider)?), check })),
        }
    }

    /// When the pinned certificate ends, where there is one and it was shown.
    pub(super) fn pinned_until(&self) -> Option<OffsetDateTime> {
        match &self.check {
            Check::Pinned(pinned) => pinned.end(),
            Check::Vouched(_) => None,
        }
    }

    /// What is odd about TSM's side at `now`, each a sentence.
    pub(super) fn warnings(&self, now: OffsetDateTime) -> Vec<String> {
        match &self.check {
            Check::Pinned(pinned) => pinned.warning(now).into_iter().collect(),
            Check::Vouched(vouched) => vouched.warnings(now),
        }
    }
}

impl Check {
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pinned(ours), Self::Pinned(theirs)) => ours.pin == theirs.pin,
            (Self::Vouched(ours), Self::Vouched(theirs)) => {
                let of = |vouched: &Vouched| -> Vec<_> {
                    vouched.authorities.iter().map(|one| one.certificate.clone()).collect()
                };
                ours.file == theirs.file && of(ours) == of(theirs)
            }
            _ => false,
        }
    }
}

/// TLS 1.2 as well, and towards TSM alone: a controller of 2019 on Java 8 may know nothing newer. No ALPN:
/// it may know nothing of that either, and speaks HTTP/1.1 in any case.
fn config(check: &Check, provider: Arc<CryptoProvider>) -> Result<ClientConfig, CredentialsFault> {
    let verifier: Arc<dyn ServerCertVerifier> = match check {
        Check::Pinned(pinned) => Arc::clone(pinned) as _,
        Check::Vouched(vouched) => Arc::clone(vouched) as _,
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(|error| contents("tsm.api".as_ref(), error.to_string()))?
        // "dangerous" is what the library calls any check that is not its own
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.key_log = Arc::new(NoKeyLog {});
    Ok(config)
}

fn schemes(provider: &CryptoProvider) -> WebPkiSupportedAlgorithms {
    provider.signature_verification_algorithms
}

/// It is exactly this certificate. So neither its name nor its end matter: both say for whom and how long
/// an authority vouches, and here nobody vouches. What matters is that the other side has its key.
#[derive(Debug)]
struct Pinned {
    pin: [u8; 32],
    schemes: WebPkiSupportedAlgorithms,
    /// When it ends: known once it was shown.
    end: Mutex<Option<OffsetDateTime>>,
}

impl Pinned {
    fn new(pin: [u8; 32], provider: &CryptoProvider) -> Self {
        Self { pin, schemes: schemes(provider), end: Mutex::new(None) }
    }

    fn end(&self) -> Option<OffsetDateTime> {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn warning(&self, now: OffsetDateTime) -> Option<String> {
        let end = self.end()?;
        let on = day(end);
        if now > end {
            return Some(format!(
                "tsm.api: the pinned certificate expired on {on}; it counts all the same, for it is \
                 exactly that one. TSM's own tools refuse it: when TSM has a new one, `tsmgated \
                 trust-tsm` pins that"
            ));
        }
        (end - now < ENDING_SOON).then(|| {
            format!(
                "tsm.api: the pinned certificate ends on {on}; when TSM has a new one, `tsmgated \
                 trust-tsm` pins that"
            )
        })
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let shown = sha256(leaf);
        if shown != self.pin {
            let error = NotPinned { shown };
            return Err(CertificateError::Other(OtherError(Arc::new(error))).into());
        }
        if let Ok((_, parsed)) = X509Certificate::from_der(leaf) {
            let end = parsed.validity().not_after.to_datetime();
            *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.supported_schemes()
    }
}

/// An authority of ours issued it, for this name, and both are within their time. The library trusts a
/// root for ever, so that its time is ours to see to.
#[derive(Debug)]
struct Vouched {
    file: String,
    authorities: Vec<Authority>,
    schemes: WebPkiSupportedAlgorithms,
}

impl Vouched {
    fn warnings(&self, now: OffsetDateTime) -> Vec<String> {
        let file = &self.file;
        let say = |authority: &Authority| {
            if !authority.counts(now) {
                return Some(format!("{file}: {}; it vouches for no TSM", authority.absent(now)));
            }
            let (name, end) = (&authority.name, day(authority.until));
            (authority.until - now < ENDING_SOON)
                .then(|| format!("{file}: the authority {name} ends on {end}"))
        };
        self.authorities.iter().filter_map(say).collect()
    }
}

impl ServerCertVerifier for Vouched {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        let time = OffsetDateTime::from_unix_timestamp(seconds);
        let time = time.map_err(|_| Error::FailedToGetCurrentTime)?;
        let mut roots = RootCertStore::empty();
        for authority in self.authorities.iter().filter(|authority| authority.counts(time)) {
            roots.add(authority.certificate.clone())?;
        }
        let parsed = ParsedCertificate::try_from(leaf)?;
        let (intermediates, all) = (intermediates, self.schemes.all);
        verify_server_cert_signed_by_trust_anchor(&parsed, &roots, intermediates, now, all)?;
        verify_server_name(&parsed, name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.schemes)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.schemes)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.supported_schemes()
    }
}
