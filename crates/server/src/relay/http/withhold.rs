//! Taking the gate's session out of bytes that are on their way to a caller.
//!
//! TSM is not known to repeat a cookie in an answer. Should it ever, in a body, a message or a stack trace,
//! no part of it that is worth having leaves: the cookie is looked for in pieces, of which each is painted
//! over where it stands, so that an answer keeps its length and its shape.

use aho_corasick::{AhoCorasick, BuildError, MatchKind};
use bytes::{Bytes, BytesMut};
use tsmgate_wire::Secret;

/// The length of a piece. Less than two of them cannot be told from other text, and are worth nothing.
const PIECE: usize = 16;
/// What stands where a part of a cookie stood.
const PAINT: u8 = b'*';

/// Knows a cookie by its pieces.
pub(crate) struct Withhold {
    /// Tells whether there is any, many bytes at a time.
    any: AhoCorasick,
    /// Finds all of them, byte by byte.
    all: AhoCorasick,
}

impl std::fmt::Debug for Withhold {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // the pieces are the secret
        formatter.write_str("Withhold")
    }
}

impl Withhold {
    /// For one secret. All of it is found, whatever its length; of a part, what covers a whole piece.
    ///
    /// # Errors
    /// It is longer than a search can be built for.
    pub(crate) fn of(secret: &Secret) -> Result<Self, BuildError> {
        let bytes = secret.expose().as_bytes();
        let last = bytes.get(bytes.len().saturating_sub(PIECE)..).unwrap_or(bytes);
        let whole = bytes.chunks(PIECE).filter(|piece| piece.len() == PIECE);
        let pieces: Vec<_> = whole.chain(std::iter::once(last)).collect();
        // only a search for the leftmost has the processor's vectors to help
        let any = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(&pieces)?;
        Ok(Self { any, all: AhoCorasick::new(&pieces)? })
    }

    /// Whether any of it is in there.
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        self.any.is_match(bytes)
    }

    /// The same for a whole answer, and tells the operator.
    pub(super) fn paint_answer(&self, answer: &mut [u8]) {
        if self.paint(answer) {
            complain();
        }
    }

    /// Paints over what is in there, and tells whether anything was.
    pub(crate) fn paint(&self, bytes: &mut [u8]) -> bool {
        // nearly always nothing, and that is found out much faster
        if !self.is_in(bytes) {
            return false;
        }
        // also those that overlap: the last piece begins inside of the one before it
        let found: Vec<_> = self.all.find_overlapping_iter(&*bytes).map(|f| f.range()).collect();
        for place in found {
            if let Some(part) = bytes.get_mut(place) {
                part.fill(PAINT);
            }
        }
        true
    }
}

/// Tells the operator of what must not be: nobody else learns of it.
pub(super) fn complain() {
    tracing::error!("TSM repeated the gate's session in an answer; it was painted over");
}

/// The same for an answer that comes in parts: what may be the beginning of a piece waits for the next.
/// Not for printing: what waits may be of the secret.
pub(super) struct Painter<'a> {
    withhold: &'a Withhold,
    /// The end of what came, at most a piece less a byte, as it came: a piece may begin in one that is
    /// painted over already.
    waiting: BytesMut,
    /// Which of its bytes are painted over all the same.
    painted: [bool; PIECE],
    /// Whether anything was found.
    pub(super) found: bool,
}

impl<'a> Painter<'a> {
    pub(super) fn new(withhold: &'a Withhold) -> Self {
        Self { withhold, waiting: BytesMut::new(), painted: [false; PIECE], found: false }
    }

    /// What can be passed on now that this part came.
    pub(super) fn pass(&mut self, part: Bytes) -> Bytes {
        let mut bytes = if self.waiting.is_empty() {
            // mostly the only owner, so that nothing is copied
            part.try_into_mut().unwrap_or_else(|part| BytesMut::from(part.as_ref()))
        } else {
            self.waiting.extend_from_slice(&part);
            std::mem::take(&mut self.waiting)
        };
        let passed = bytes.len().saturating_sub(PIECE - 1);
        let waiting = BytesMut::from(bytes.get(passed..).unwrap_or_default());
        self.found |= self.withhold.paint(&mut bytes);
        self.paint_again(&mut bytes);
        let end = bytes.split_off(passed);
        self.painted = [false; PIECE];
        for (painted, (now, came)) in self.painted.iter_mut().zip(end.iter().zip(&waiting)) {
            *painted = now != came;
        }
        self.waiting = waiting;
        bytes.freeze()
    }

    /// What waited, at the end of the answer.
    pub(super) fn rest(&mut self) -> Bytes {
        let mut bytes = std::mem::take(&mut self.waiting);
        self.paint_again(&mut bytes);
        bytes.freeze()
    }

    /// What was found when less of it was there.
    fn paint_again(&self, bytes: &mut [u8]) {
        for (byte, painted) in bytes.iter_mut().zip(self.painted) {
            if painted {
                *byte = PAINT;
            }
        }
    }
}

#[cfg(test)]
mod tests;
