//! The budget of connections that have not proved themselves yet.
//!
//! It never says no: the newest comes in, and the oldest goes, first of the same source where that
//! has its fill, else of the heaviest source. So silent strangers delay an honest client from
//! elsewhere by nothing, and one from their own source by no more than one eviction.

use std::collections::{BTreeMap, HashMap};

use crate::network::Source;

/// Who is in it, by source, oldest first. `T` is dropped when its connection has to go.
#[derive(Debug)]
pub struct UnprovenBudget<T> {
    most: usize,
    most_per_source: usize,
    next: u64,
    count: usize,
    by_source: HashMap<Source, BTreeMap<u64, T>>,
}

impl<T> UnprovenBudget<T> {
    /// Room for so many in all, and of one source; both at least one.
    pub fn new(most: usize, most_per_source: usize) -> Self {
        Self {
            most: most.max(1),
            most_per_source: most_per_source.max(1),
            next: 0,
            count: 0,
            by_source: HashMap::new(),
        }
    }

    /// Takes a connection in: its number, and the handle of the one that had to go for it.
    pub fn enter(&mut self, source: Source, handle: T) -> (u64, Option<T>) {
        let own = self.by_source.get(&source).map_or(0, BTreeMap::len);
        let evicted = if own >= self.most_per_source {
            self.evict_oldest(source)
        } else if self.count >= self.most {
            self.heaviest().and_then(|heaviest| self.evict_oldest(heaviest))
        } else {
            None
        };
        let number = self.next;
        self.next += 1;
        self.count += 1;
        self.by_source.entry(source).or_default().insert(number, handle);
        (number, evicted)
    }

    /// Takes a connection out; `None` where it is out already.
    pub fn leave(&mut self, source: Source, number: u64) -> Option<T> {
        let connections = self.by_source.get_mut(&source)?;
        let handle = connections.remove(&number)?;
        if connections.is_empty() {
            self.by_source.remove(&source);
        }
        self.count -= 1;
        Some(handle)
    }

    /// How many are in it.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether nobody is in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The source with the most connections; of several the one whose oldest is oldest.
    fn heaviest(&self) -> Option<Source> {
        let weight = |connections: &BTreeMap<u64, T>| {
            let oldest = connections.first_key_value().map_or(u64::MAX, |(&number, _)| number);
            (connections.len(), std::cmp::Reverse(oldest))
        };
        self.by_source
            .iter()
            .max_by_key(|(_, connections)| weight(connections))
            .map(|(&source, _)| source)
    }

    fn evict_oldest(&mut self, source: Source) -> Option<T> {
        let (&number, _) = self.by_source.get(&source)?.first_key_value()?;
        self.leave(source, number)
    }
}
