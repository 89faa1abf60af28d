//! An authority of one run: signs what it is asked to, for whatever name and time.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;

/// From when, and until when.
pub(crate) type Life = (OffsetDateTime, OffsetDateTime);

pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = named("authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()
    }

    /// A client's certificate for this key, and the authority's own after it.
    pub(crate) fn client(&self, name: &str, key: &impl PublicKeyData, life: Life) -> String {
        let mut params = named(name);
        let uri = format!("tsmgate://client/{name}").try_into().unwrap();
        params.subject_alt_names = vec![SanType::URI(uri)];
        self.issue(params, ExtendedKeyUsagePurpose::ClientAuth, key, life) + &self.pem
    }

    /// The same for the key of a request.
    pub(crate) fn sign(&self, name: &str, request: &str, life: Life) -> String {
        let request = CertificateSigningRequestParams::from_pem(request).unwrap();
        self.client(name, &request.public_key, life)
    }

    /// A server's certificate with its key.
    pub(crate) fn server(
        &self,
        name: &str,
        life: Life,
    ) -> (CertificateDer<'static>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = self.issue(params, ExtendedKeyUsagePurpose::ServerAuth, &key, life);
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        (CertificateDer::from_pem_slice(pem.as_bytes()).unwrap(), key)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
        key: &impl PublicKeyData,
        (begins, ends): Life,
    ) -> String {
        (params.not_before, params.not_after) = (begins, ends);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.signed_by(key, &self.issuer).unwrap().pem()
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
