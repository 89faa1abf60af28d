//! Counts over time, in at most sixty slots of one width: where more time has to fit, slots are merged.
//!
//! Widths are a ladder on which each step is a multiple of the one before, and all slots begin at the
//! same moments (days at midnight UTC, weeks on Monday), so that the slots of two timelines are either
//! the same or one holds the other.

use std::collections::BTreeMap;

use super::figures::Counts;

/// The most slots of a timeline.
const SLOTS: i64 = 60;
/// The widths of a slot in seconds: a quarter of an hour to a week; four times as much from there on.
const WIDTHS: [i64; 7] = [900, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800];
/// Monday, 5 January 1970.
const ORIGIN: i64 = 4 * 86_400;

/// Counts by slot.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    width: i64,
    /// First and last slot that is covered, whether anything is in it or not.
    range: Option<(i64, i64)>,
    slots: BTreeMap<i64, Counts>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { width: WIDTHS.into_iter().next().unwrap_or(1), range: None, slots: BTreeMap::new() }
    }
}

impl Timeline {
    /// Makes it reach to this moment, in seconds since 1970.
    pub(super) fn cover(&mut self, at: i64) {
        loop {
            let slot = self.slot(at);
            let (low, high) =
                self.range.map_or((slot, slot), |(low, high)| (low.min(slot), high.max(slot)));
            if high - low < SLOTS {
                self.range = Some((low, high));
                return;
            }
            self.widen();
        }
    }

    /// Counts something at a moment.
    pub(super) fn add(&mut self, at: i64, counts: Counts) {
        self.cover(at);
        self.slots.entry(self.slot(at)).or_default().add(counts);
    }

    /// The width of a slot, in seconds.
    pub(super) fn width(&self) -> i64 {
        self.width
    }

    /// All slots that `whole` covers, in order: when each begins, and this timeline's counts in it.
    /// `whole` must cover each moment of this one.
    pub(super) fn within(mut self, whole: &Self) -> Vec<(i64, Counts)> {
        while self.width < whole.width {
            self.widen();
        }
        let Some((low, high)) = whole.range else { return Vec::new() };
        let counts = |slot: i64| self.slots.get(&slot).copied().unwrap_or_default();
        (low..=high).map(|slot| (ORIGIN + slot * whole.width, counts(slot))).collect()
    }

    fn slot(&self, at: i64) -> i64 {
        (at - ORIGIN).div_euclid(self.width)
    }

    fn widen(&mut self) {
        let next = WIDTHS.into_iter().find(|&width| width > self.width).unwrap_or(self.width * 4);
        let factor = next / self.width;
        let merged = |slot: i64| slot.div_euclid(factor);
        self.range = self.range.map(|(low, high)| (merged(low), merged(high)));
        for (slot, counts) in std::mem::take(&mut self.slots) {
            self.slots.entry(merged(slot)).or_default().add(counts);
        }
        self.width = next;
    }
}
