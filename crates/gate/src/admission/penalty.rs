//! Penalties in OpenSSH's manner (its `PerSourcePenalties`): each failure adds seconds, they run off
//! by themselves, and from a threshold on the source is banned until they have.
//!
//! Silence costs nothing: connections that are evicted or time out are bounded by their budget, and
//! punishing them would let a silent neighbour on the same jump host shut an honest client out.

use std::time::Duration;

use crate::bounded::Bounded;
use crate::network::Source;

/// Below this no ban; a few honest mistakes do not shut anybody out.
pub const THRESHOLD: Duration = Duration::from_secs(15);
/// No ban is longer.
pub const MOST: Duration = Duration::from_secs(600);

/// What costs a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offence {
    /// Bytes that are no TLS, or broken TLS.
    Garbage,
    /// No certificate, or one that is not accepted.
    BadCertificate,
    /// A secret that opens nothing.
    WrongSecret,
}

impl Offence {
    /// How much it adds. OpenSSH counts 5 s for a failed authentication and 10 s for a client whose
    /// connection it refuses for what it is.
    pub fn cost(self) -> Duration {
        match self {
            Self::Garbage => Duration::from_secs(10),
            Self::BadCertificate | Self::WrongSecret => Duration::from_secs(5),
        }
    }
}

/// When each source's penalties will have run off. Full, it forgets the one that runs off soonest, so
/// that no flood of others frees the loudest.
#[derive(Debug)]
pub struct Penalties {
    ends: Bounded<Source, Duration, Sentence>,
}

#[derive(Debug, Clone, Copy)]
struct Sentence {
    end: Duration,
    /// Once the threshold is reached the ban lasts to the end.
    banned: bool,
}

impl Penalties {
    /// For at most so many sources.
    pub fn new(sources: usize) -> Self {
        Self { ends: Bounded::new(sources) }
    }

    /// Whether the source is banned. Asking costs it nothing.
    pub fn banned(&self, source: Source, now: Duration) -> bool {
        self.ends.find(&source).is_some_and(|sentence| sentence.banned && sentence.end > now)
    }

    /// Adds an offence's cost to what is left; gives how long the ban is, where one begins.
    pub fn add(&mut self, source: Source, offence: Offence, now: Duration) -> Option<Duration> {
        self.ends.forget_below(now);
        let left = self.ends.find(&source).filter(|sentence| sentence.end > now);
        let already = left.is_some_and(|sentence| sentence.banned);
        let end = left.map_or(now, |sentence| sentence.end) + offence.cost();
        let end = end.min(now + MOST);
        let sentence = Sentence { end, banned: already || end >= now + THRESHOLD };
        self.ends.insert(source, end, sentence);
        (sentence.banned && !already).then_some(end - now)
    }

    /// Somebody proved himself from there: nothing is held against the source.
    pub fn forgive(&mut self, source: Source) {
        self.ends.remove(&source);
    }
}
