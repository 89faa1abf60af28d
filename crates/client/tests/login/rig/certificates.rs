//! An authority, a server and a client, made for one test and gone with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use time::{Duration, OffsetDateTime};

/// `ca.pem`, `server.pem`, `server.key`, `client.pem`, `client.key` in a folder.
pub(crate) struct Certificates {
    folder: TempDir,
}

/// What is to be made.
pub(crate) struct Recipe {
    /// The authority's name.
    pub(crate) authority: &'static str,
    /// The name of the server.
    pub(crate) server: &'static str,
    /// When the server's certificate is valid, in days from today.
    pub(crate) days: std::ops::Range<i64>,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { authority: "authority", server: "localhost", days: -1..1 }
    }
}

impl Certificates {
    /// A server named `localhost`, valid today.
    pub(crate) fn new() -> Self {
        Self::of(&Recipe::default())
    }

    pub(crate) fn of(recipe: &Recipe) -> Self {
        let made = Self { folder: tempfile::tempdir().unwrap() };
        let mut authority = named(recipe.authority, Vec::new());
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        made.write("ca.pem", &authority.self_signed(&key).unwrap().pem(), 0o644);
        let issuer = Issuer::new(authority, key);

        let mut server = named("server", vec![recipe.server.to_owned()]);
        server.not_before = OffsetDateTime::now_utc() + Duration::days(recipe.days.start);
        server.not_after = OffsetDateTime::now_utc() + Duration::days(recipe.days.end);
        made.issue("server", server, ExtendedKeyUsagePurpose::ServerAuth, &issuer);
        let client = named("client", Vec::new());
        made.issue("client", client, ExtendedKeyUsagePurpose::ClientAuth, &issuer);
        made
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn chain(&self, name: &str) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(self.path(name)).unwrap().map(Result::unwrap).collect()
    }

    pub(crate) fn key(&self, name: &str) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(self.path(name)).unwrap()
    }

    fn issue(
        &self,
        name: &str,
        mut params: CertificateParams,
        usage: ExtendedKeyUsagePurpose,
        issuer: &Issuer<'_, KeyPair>,
    ) {
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        self.write(&format!("{name}.pem"), &certificate.pem(), 0o644);
        self.write(&format!("{name}.key"), &key.serialize_pem(), 0o600);
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
}

fn named(name: &str, alternatives: Vec<String>) -> CertificateParams {
    let mut params = CertificateParams::new(alternatives).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
