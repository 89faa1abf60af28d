//! Revocation lists: that they can be read, and are not over.

use time::OffsetDateTime;
use tsmgate_pki::time_text;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

use super::pem::{self, Holds};
use super::{File, Severity};

/// Judges the file by itself.
pub(super) fn judge(mut file: File<'_>, bytes: &[u8], now: OffsetDateTime) {
    let hint = "give the list as its authority publishes it, PEM or DER";
    let lists: Vec<Vec<u8>> = match pem::read(bytes) {
        Holds::Pem(blocks) => {
            let lists = blocks.iter().filter(|block| block.label == "X509 CRL");
            lists.map(|block| block.der.clone()).collect()
        }
        Holds::Damaged => Vec::new(),
        Holds::Other => vec![bytes.to_vec()],
    };
    if lists.is_empty() {
        file.found(Severity::Error, "holds no revocation list", hint);
    }
    for der in &lists {
        match CertificateRevocationList::from_der(der) {
            Ok(([], list)) => {
                let ends = list.next_update().map(|ends| ends.to_datetime());
                if let Some(ends) = ends.filter(|ends| *ends < now) {
                    let what = format!("has expired, {}", time_text(ends));
                    file.found(Severity::Warning, &what, "fetch it again from its authority");
                }
            }
            _ => {
                file.found(Severity::Error, "holds a revocation list that cannot be read", hint);
                return;
            }
        }
    }
}
