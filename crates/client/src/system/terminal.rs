//! What a terminal says of itself.

use std::os::fd::AsFd;

use rustix::termios::tcgetwinsize;

/// How wide this terminal is, in columns; none if it is no terminal or does not say.
pub(crate) fn width(stream: impl AsFd) -> Option<usize> {
    let size = tcgetwinsize(stream).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}
