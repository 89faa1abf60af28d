//! A table that never grows past its bound: the entry of the lowest rank makes room.
//!
//! What the rank is decides what overflow does: time of last use drops the longest unused, end of a
//! ban drops the ban that ends soonest, so that a flood of new names never frees the loudest.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;

/// A table of at most `bound` entries. Keys are hashed with a random seed.
#[derive(Debug)]
pub struct Bounded<K, R, V> {
    bound: usize,
    entries: HashMap<K, (R, V)>,
    order: BTreeSet<(R, K)>,
}

impl<K: Copy + Eq + Hash + Ord, R: Copy + Ord, V> Bounded<K, R, V> {
    /// An empty table. A bound of zero keeps nothing.
    pub fn new(bound: usize) -> Self {
        Self { bound, entries: HashMap::new(), order: BTreeSet::new() }
    }

    /// The value of a key.
    pub fn find(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// Sets rank and value of a key; where the table is full, the lowest rank leaves, which may be
    /// this one.
    pub fn insert(&mut self, key: K, rank: R, value: V) {
        if let Some((old, _)) = self.entries.insert(key, (rank, value)) {
            self.order.remove(&(old, key));
        }
        self.order.insert((rank, key));
        while self.entries.len() > self.bound {
            let Some((_, lowest)) = self.order.pop_first() else { break };
            self.entries.remove(&lowest);
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let (rank, value) = self.entries.remove(key)?;
        self.order.remove(&(rank, *key));
        Some(value)
    }

    /// Drops every entry whose rank is below `rank`.
    pub fn forget_below(&mut self, rank: R) {
        while self.order.first().is_some_and(|(lowest, _)| *lowest < rank) {
            if let Some((_, key)) = self.order.pop_first() {
                self.entries.remove(&key);
            }
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
