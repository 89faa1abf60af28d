//! Authorities, certificates and revocation lists, made for each run: good ones, and every kind of bad
//! one that a test asks for.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams,
    CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};

/// A certificate with its key, and whatever stands between it and its authority.
#[derive(Debug)]
pub struct Identity {
    /// PEM, leaf first.
    pub chain: String,
    /// PEM.
    pub key: String,
    /// The leaf's serial number, lower-case hexadecimal.
    pub serial: String,
}

impl Identity {
    /// The chain for rustls.
    pub fn certificates(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.chain.as_bytes()).map(Result::unwrap).collect()
    }

    /// The key for rustls.
    pub fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap()
    }

    /// This chain with another's key.
    pub fn with_key_of(&self, other: &Self) -> Self {
        Self { chain: self.chain.clone(), key: other.key.clone(), serial: self.serial.clone() }
    }
}

/// An authority that signs whatever it is asked to.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// The certificates between it and the root, PEM.
    above: String,
}

impl Authority {
    /// A root.
    pub fn new(name: &str) -> Self {
        Self::new_with(name, |_| {})
    }

    /// The same, spoiled by `change`.
    pub fn new_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority_params(name);
        change(&mut params);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap());
        Self { issuer: issuer.unwrap(), above: String::new() }
    }

    /// An authority under this one; `change` may spoil it.
    pub fn intermediate(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = authority_params(name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::signed_by(params, key, &self.issuer).unwrap();
        let above = format!("{}{}", issuer.as_ref().pem(), self.above);
        Self { issuer, above }
    }

    /// Its own certificate, PEM.
    pub fn pem(&self) -> String {
        self.certificate().pem()
    }

    /// Its private key, PEM, for tools that make what rcgen will not.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Its own certificate's serial number.
    pub fn serial(&self) -> String {
        serial_of(self.certificate().der())
    }

    fn certificate(&self) -> &Certificate {
        self.issuer.as_ref()
    }

    /// A certificate as the house issues it to a client of that name.
    pub fn client(&self, name: &str) -> Identity {
        self.client_with(name, |_| {})
    }

    /// The same, spoiled by `change`.
    pub fn client_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = leaf_params(ExtendedKeyUsagePurpose::ClientAuth);
        let uri = format!("tsmgate://client/{name}");
        params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        params.distinguished_name = common_name(name);
        change(&mut params);
        self.issue(params, &KeyPair::generate().unwrap())
    }

    /// A certificate for `localhost`, 127.0.0.1 and ::1; `change` may spoil it.
    pub fn server(&self, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = leaf_params(ExtendedKeyUsagePurpose::ServerAuth);
        params.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into().unwrap()),
            SanType::IpAddress([127, 0, 0, 1].into()),
            SanType::IpAddress(std::net::Ipv6Addr::LOCALHOST.into()),
        ];
        change(&mut params);
        self.issue(params, &KeyPair::generate().unwrap())
    }

    /// Signs anything.
    pub fn issue(&self, params: CertificateParams, key: &KeyPair) -> Identity {
        let certificate = params.signed_by(key, &self.issuer).unwrap();
        let chain = format!("{}{}", certificate.pem(), self.above);
        Identity { chain, key: key.serialize_pem(), serial: serial_of(certificate.der()) }
    }

    /// A revocation list with these serial numbers, good for a day from now.
    pub fn revocation_list(&self, serials: &[&str]) -> String {
        let now = OffsetDateTime::now_utc();
        self.revocation_list_of(serials, now - Duration::MINUTE, now + Duration::DAY)
    }

    /// A revocation list of any time.
    pub fn revocation_list_of(
        &self,
        serials: &[&str],
        this: OffsetDateTime,
        next: OffsetDateTime,
    ) -> String {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(
                data_encoding::HEXLOWER.decode(even(serial).as_bytes()).unwrap(),
            ),
            revocation_time: this,
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: this,
            next_update: next,
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.issuer).unwrap().pem().unwrap()
    }
}

fn even(serial: &str) -> String {
    if serial.len().is_multiple_of(2) { serial.to_owned() } else { format!("0{serial}") }
}

fn serial_of(der: &[u8]) -> String {
    tsmgate_server::identify::read_serial(der).unwrap()
}

/// A distinguished name of nothing but a common name.
pub fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = common_name(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    valid_around_now(&mut params);
    params
}

fn leaf_params(usage: ExtendedKeyUsagePurpose) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    valid_around_now(&mut params);
    params
}

/// A day before and after now: tests may move the clock by hours.
fn valid_around_now(params: &mut CertificateParams) {
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::DAY;
    params.not_after = now + Duration::DAY * 60;
}
