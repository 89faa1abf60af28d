//! Chains that were found good under these very credentials: who comes again is not checked anew while
//! nothing has changed. The bytes are the same, so are the authorities and their lists, and nothing of all
//! that has begun or run out since.
//!
//! It remembers what is good and nothing else, so that only holders of good certificates fill it; that the
//! key is theirs is proved anew each time, and who they are is asked anew each time. New credentials begin
//! with an empty one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use rustls::pki_types::CertificateDer;

/// Chains that are remembered; with one more it begins anew.
const MOST: usize = 1024;
/// The longest chain that is, in bytes.
const LONGEST: usize = 8 * 1024;

/// See the room's first lines.
#[derive(Debug, Default)]
pub(super) struct Remembered(Mutex<HashMap<Vec<u8>, Good>>);

/// What stood above a leaf, and when that was good: from the moment of its check to before the next at which
/// anything begins or ends, in seconds since 1970.
#[derive(Debug)]
struct Good {
    above: Vec<CertificateDer<'static>>,
    from: u64,
    until: u64,
}

impl Remembered {
    /// Whether exactly this chain is good at `now`.
    pub(super) fn knows(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        now: u64,
    ) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(leaf.as_ref())
            .is_some_and(|good| good.above == above && (good.from..good.until).contains(&now))
    }

    /// Remembers a chain that was found good at `from`, and is before `until`.
    pub(super) fn add(
        &self,
        leaf: &CertificateDer<'_>,
        above: &[CertificateDer<'_>],
        from: u64,
        until: u64,
    ) {
        let length = leaf.len() + above.iter().map(|certificate| certificate.len()).sum::<usize>();
        if length > LONGEST {
            return;
        }
        let above = above.iter().map(|certificate| certificate.clone().into_owned()).collect();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(leaf.to_vec(), Good { above, from, until });
    }
}
