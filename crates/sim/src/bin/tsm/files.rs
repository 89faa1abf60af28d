//! The files that a command is given: read with this program's own rights, by the path as it stands.
//!
//! It looks at what a file is, and no closer: whether the real one compares a key with its certificate is not
//! known.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use data_encoding::BASE64;
use rustls_pki_types::pem::{self, SectionKind};
use serde_json::Value;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use crate::failure::Failure;

/// The largest file, in bytes.
const FILE_LIMIT: u64 = 64 * 1024 * 1024;

/// A file that goes along.
pub(crate) struct Local {
    /// Its name without folders, which is all that the server ever shows of the path (documented).
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

impl Local {
    /// Reads any file.
    pub(crate) fn read(path: &str) -> Result<Self, Failure> {
        let failed =
            |error: std::io::Error| Failure::failed(format!("Cannot read '{path}': {error}."));
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(failed)?;
        file.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > FILE_LIMIT {
            return Err(Failure::failed(format!("The file '{path}' is too large.")));
        }
        let name = Path::new(path).file_name().unwrap_or_default();
        Ok(Self { name: name.to_string_lossy().into_owned(), bytes })
    }

    /// Reads one or more certificates in PEM. Documented: nothing else will do.
    pub(crate) fn certificates(path: &str) -> Result<Self, Failure> {
        let file = Self::read(path)?;
        let is_certificate = |der: &[u8]| X509Certificate::from_der(der).is_ok();
        let sections = file.sections();
        let good = sections.as_ref().is_some_and(|sections| {
            sections
                .iter()
                .all(|(kind, der)| *kind == SectionKind::Certificate && is_certificate(der))
        });
        if good {
            return Ok(file);
        }
        Err(Failure::failed(format!(
            "The file '{path}' is not a valid PEM-encoded x509 certificate."
        )))
    }

    /// Reads a private key in PEM, sealed or not.
    pub(crate) fn private_key(path: &str) -> Result<Self, Failure> {
        let file = Self::read(path)?;
        let text = String::from_utf8_lossy(&file.bytes);
        let whole = ["PRIVATE KEY", "RSA PRIVATE KEY", "DSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
            .iter()
            .any(|label| {
                let begins = text.find(&format!("-----BEGIN {label}-----"));
                let ends = text.find(&format!("-----END {label}-----"));
                begins.zip(ends).is_some_and(|(begins, ends)| begins < ends)
            });
        if whole {
            return Ok(file);
        }
        Err(Failure::failed(format!("The file '{path}' is not a valid private key file.")))
    }

    /// Seen: files in the configuration are base64 of what they are.
    pub(crate) fn base64(&self) -> Value {
        Value::String(BASE64.encode(&self.bytes))
    }

    /// The parts of a PEM file; `None` where it is none or has none.
    fn sections(&self) -> Option<Vec<(SectionKind, Vec<u8>)>> {
        let mut rest = self.bytes.as_slice();
        let mut sections = Vec::new();
        while let Some(section) = pem::from_buf(&mut rest).ok()? {
            sections.push(section);
        }
        (!sections.is_empty()).then_some(sections)
    }
}
