//! Files in the shapes in which other issuers document theirs, made by `openssl` for each run: none of
//! the issuers themselves is at hand.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

use crate::rig::text;

pub(crate) const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";
pub(crate) const RSA: &str = "rsa:2048";
pub(crate) const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE\n\
     keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";
/// What all of them say by default of a machine's certificate.
pub(crate) const MACHINE: &str = "keyUsage=critical,digitalSignature\n\
     extendedKeyUsage=serverAuth,clientAuth\nauthorityKeyIdentifier=keyid\n";

/// A folder in which certificates are made: `NAME.crt` and `NAME.key` each.
pub(crate) struct Issuer(pub(crate) TempDir);

impl Issuer {
    pub(crate) fn new() -> Issuer {
        Issuer(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        fs::write(self.path(name), contents).unwrap();
    }

    pub(crate) fn openssl(&self, arguments: &str) {
        let mut openssl = Command::new("openssl");
        openssl.args(arguments.split_whitespace()).current_dir(self.0.path());
        let output = openssl.output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", text(&output.stderr));
    }

    /// An authority that signs itself.
    pub(crate) fn root(&self, name: &str, key: &str, extensions: &str) {
        self.request(name, key, extensions);
        self.openssl(&format!(
            "x509 -req -in {name}.csr -signkey {name}.key -days 3650 -extfile {name}.ext -out {name}.crt"
        ));
    }

    /// A certificate under another one; `signing` are more options of `openssl x509`.
    pub(crate) fn under(&self, by: &str, name: &str, key: &str, extensions: &str, signing: &str) {
        self.request(name, key, extensions);
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA {by}.crt -CAkey {by}.key -CAcreateserial -days 1 \
             -extfile {name}.ext -out {name}.crt {signing}"
        ));
    }

    fn request(&self, name: &str, key: &str, extensions: &str) {
        self.write(&format!("{name}.ext"), extensions);
        self.openssl(&format!(
            "req -new -newkey {key} -nodes -keyout {name}.key -out {name}.csr -subj /CN={name}"
        ));
    }

    /// `NAME.crl` of an authority, good for three days: as DER where that is asked for.
    pub(crate) fn list(&self, name: &str, form: &str) {
        self.write(
            "ca.cnf",
            "[ca]\ndefault_ca=it\n[it]\ndatabase=index\ncrlnumber=number\ndefault_md=sha256\n",
        );
        self.write("index", "");
        self.write("number", "01");
        self.openssl(&format!(
            "ca -config ca.cnf -gencrl -crldays 3 -cert {name}.crt -keyfile {name}.key -out {name}.pem"
        ));
        self.openssl(&format!("crl -in {name}.pem -outform {form} -out {name}.crl"));
    }
}
