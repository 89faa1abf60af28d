//! A text that must not be seen: wiped when dropped, never printed, read only by name.

use std::fmt;

use zeroize::Zeroizing;

/// A secret text, such as a cookie's value. Its `Debug` shows nothing, it has no `Display`, and its
/// memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over; the caller must not keep a copy.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Every place that calls this is a place a reviewer has to look at.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}
