//! What is in a file: PEM blocks, or DER. Only labels are told, and certificates taken out; a key's bytes are
//! wiped.

use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use zeroize::Zeroize;

/// What a file holds.
pub(super) enum Holds {
    /// PEM blocks.
    Pem(Vec<Block>),
    /// PEM that cannot be read.
    Damaged,
    /// No PEM.
    Other,
}

/// One PEM block, wiped when it goes.
pub(super) struct Block {
    pub(super) label: String,
    pub(super) der: Vec<u8>,
}

impl Drop for Block {
    fn drop(&mut self) {
        self.der.zeroize();
    }
}

impl Block {
    pub(super) fn is_certificate(&self) -> bool {
        matches!(&*self.label, "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE")
    }

    pub(super) fn is_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }
}

/// Reads a file.
pub(super) fn read(bytes: &[u8]) -> Holds {
    if !bytes.windows(11).any(|window| window == b"-----BEGIN ") {
        return Holds::Other;
    }
    let mut blocks = Vec::new();
    for block in Pem::iter_from_buffer(bytes) {
        match block {
            Ok(Pem { label, contents }) => blocks.push(Block { label, der: contents }),
            Err(_) => return Holds::Damaged,
        }
    }
    Holds::Pem(blocks)
}

/// Whether these bytes are one certificate in DER and nothing else.
pub(super) fn is_certificate(der: &[u8]) -> bool {
    X509Certificate::from_der(der).is_ok_and(|(rest, _)| rest.is_empty())
}
