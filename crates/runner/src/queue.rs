//! Whose turn it is: one command that changes anything at a time, in the order in which they came; some that only
//! read beside it. Nothing here but the decision.

/// One command that was taken and is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Whether it changes anything.
    pub changes: bool,
    /// Whether it waits; else it runs, or its job does.
    pub waits: bool,
}

/// Those that may begin now, by their place in the order of arrival, where `reading` may read at once.
pub fn next(places: &[Place], reading: usize) -> Vec<usize> {
    let runs = |changes: bool| {
        places.iter().filter(|place| !place.waits && place.changes == changes).count()
    };
    let mut change = runs(true) == 0;
    let mut room = reading.saturating_sub(runs(false));
    let mut turns = Vec::new();
    for (index, place) in places.iter().enumerate().filter(|(_, place)| place.waits) {
        if place.changes && change {
            change = false;
            turns.push(index);
        } else if !place.changes && room > 0 {
            room -= 1;
            turns.push(index);
        }
    }
    turns
}

/// How many that change anything run, or wait before the one at `index`. One that only reads waits for none of
/// them.
pub fn ahead(places: &[Place], index: usize) -> u32 {
    let changes = |place: &&Place| place.changes;
    let before = match places.get(index) {
        Some(place) if !place.changes => 0,
        // one that runs came before, whatever its place
        _ => places.iter().take(index).filter(changes).count(),
    };
    u32::try_from(before).unwrap_or(u32::MAX)
}

/// How many wait.
pub fn waiting(places: &[Place]) -> usize {
    places.iter().filter(|place| place.waits).count()
}

#[cfg(test)]
mod tests;
