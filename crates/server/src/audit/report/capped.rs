//! A table with at most so many rows: what comes on top is added up in one, called others.
//!
//! First come, first kept. A flood of names costs memory for the first of them and is counted in full.

use std::collections::BTreeMap;

/// The rows by name or by several, and the one of all others.
#[derive(Debug)]
pub(super) struct Capped<V, K = String> {
    most: usize,
    rows: BTreeMap<K, V>,
    others: Option<V>,
}

impl<V: Default, K: Ord> Capped<V, K> {
    /// No rows yet, and never more than `most` beside the others.
    pub(super) fn new(most: usize) -> Self {
        Self { most, rows: BTreeMap::new(), others: None }
    }

    /// The row that a name is counted in.
    pub(super) fn row(&mut self, name: K) -> &mut V {
        if self.rows.len() < self.most || self.rows.contains_key(&name) {
            self.rows.entry(name).or_default()
        } else {
            self.others.get_or_insert_default()
        }
    }

    /// The named rows, and the others where there are any.
    pub(super) fn into_rows(self) -> (BTreeMap<K, V>, Option<V>) {
        (self.rows, self.others)
    }
}
