//! What the tests of this crate share: a folder that goes away, and the OpenSSL command, whose word
//! counts for more than our own.
#![allow(dead_code, reason = "each test file is a program of its own and uses a part")]
#![allow(clippy::unwrap_used, reason = "in a test a failed unwrap is a failed test")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tsmgate_pki::{Authority, ClientName, InitOptions, IssueOptions, Issued, ServerName};

/// A folder for one test, and an authority in it.
pub(crate) struct Place {
    /// The folder; `ca` in it is the authority's.
    pub(crate) folder: TempDir,
    /// The authority.
    pub(crate) authority: Authority,
}

impl Place {
    pub(crate) fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::init(&folder.path().join("ca"), InitOptions::default()).unwrap();
        Place { folder, authority }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn in_ca(&self, name: &str) -> PathBuf {
        self.path("ca").join(name)
    }

    pub(crate) fn client(&self, name: &str) -> Issued {
        self.authority.client(&client(name), IssueOptions::default()).unwrap()
    }

    /// What `openssl verify` says, with the authority trusted and strictness on.
    pub(crate) fn verify(&self, more: &[&str], certificate: &Path) -> (bool, String) {
        let ca = self.authority.certificate();
        let mut args = vec!["verify", "-x509_strict", "-CAfile", ca.to_str().unwrap()];
        args.extend(more);
        args.push(certificate.to_str().unwrap());
        try_openssl(&args)
    }
}

pub(crate) fn client(name: &str) -> ClientName {
    name.parse().unwrap()
}

pub(crate) fn server(name: &str) -> ServerName {
    name.parse().unwrap()
}

pub(crate) fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// Runs OpenSSL; whether it said yes, and all it said.
pub(crate) fn try_openssl(args: &[&str]) -> (bool, String) {
    let output = Command::new("openssl").args(args).output().expect("openssl is installed");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

/// Runs OpenSSL, which must say yes.
pub(crate) fn openssl(args: &[&str]) -> String {
    let (good, said) = try_openssl(args);
    assert!(good, "openssl {args:?}: {said}");
    said
}

/// Runs OpenSSL on one file.
pub(crate) fn openssl_on(args: &[&str], file: &Path) -> String {
    openssl(&[args, &["-in", file.to_str().unwrap()]].concat())
}

/// The names of all files in a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<String> {
    let names = folder.read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}
