//! SHA-256, for the chain of the audit and for what certificates are known by.

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}
