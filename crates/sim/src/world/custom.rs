//! The one custom certificate, which the server trusts beside the usual ones.
//!
//! Documented: there is one place for it, PEM and DER are taken, it is kept by the Client File Service and
//! does not come out again. Not known: whether it counts at once; a switch of the simulator says so.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use data_encoding::HEXLOWER;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::World;
use super::keys::CUSTOM_CERTIFICATE;

/// Why a custom certificate is not taken or not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotChanged {
    /// There is one already.
    Taken,
    /// It is none.
    NoCertificate,
    /// There is none.
    Nothing,
}

/// What is told of the custom certificate.
#[derive(Debug)]
pub(crate) struct Details {
    pub(crate) file_name: String,
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) serial: String,
    pub(crate) not_before: String,
    pub(crate) not_after: String,
    pub(crate) fingerprint: String,
}

impl World {
    /// Puts a certificate into the place, if it is free, also of one that is merely staged.
    pub(crate) fn add_custom(
        &mut self,
        name: &str,
        bytes: Vec<u8>,
        at_once: bool,
    ) -> Result<(), NotChanged> {
        if !self.custom_to_come().is_empty() || !self.custom_now().is_empty() {
            return Err(NotChanged::Taken);
        }
        details(name, &bytes).ok_or(NotChanged::NoCertificate)?;
        let id = self.files.keep(name, bytes);
        self.set_custom(Some(id), at_once);
        Ok(())
    }

    /// Empties the place.
    pub(crate) fn delete_custom(&mut self, at_once: bool) -> Result<(), NotChanged> {
        if self.custom_to_come().is_empty() {
            return Err(NotChanged::Nothing);
        }
        self.set_custom(None, at_once);
        Ok(())
    }

    /// What is in the place now. Guess: as everywhere, what is staged is not shown.
    pub(crate) fn custom(&self) -> Option<Details> {
        let file = self.files.find(self.custom_now())?;
        details(&file.name, &file.bytes)
    }

    fn set_custom(&mut self, id: Option<String>, at_once: bool) {
        if at_once {
            self.store.put(CUSTOM_CERTIFICATE, id.as_deref().unwrap_or_default());
        } else {
            let change = BTreeMap::from([(CUSTOM_CERTIFICATE.to_owned(), id)]);
            // the key is among the known ones
            let _ = self.store.stage(change, true);
        }
    }

    fn custom_now(&self) -> &str {
        self.store.applied().get(CUSTOM_CERTIFICATE).map_or("", String::as_str)
    }

    fn custom_to_come(&self) -> &str {
        self.store.coming(CUSTOM_CERTIFICATE).map_or("", String::as_str)
    }
}

/// What there is to tell of a certificate, PEM or DER; `None` where it is none.
fn details(name: &str, bytes: &[u8]) -> Option<Details> {
    let from_pem = CertificateDer::from_pem_slice(bytes).ok();
    let der = from_pem.as_ref().map_or(bytes, |der| der.as_ref());
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then(|| Details {
        file_name: name.to_owned(),
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        serial: certificate.raw_serial_as_string(),
        not_before: certificate.validity().not_before.to_string(),
        not_after: certificate.validity().not_after.to_string(),
        fingerprint: HEXLOWER.encode(digest::digest(&digest::SHA256, der).as_ref()),
    })
}
