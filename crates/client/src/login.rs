//! What a successful login is.

use std::time::{Duration, SystemTime};

use tsmgate_wire::Cookie;

/// A granted session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// The user TSM says the session is of; the peer's text, to be escaped where it is shown.
    pub username: String,
    /// The session cookie, a secret: it is a TSM superuser until it ends.
    pub cookie: Cookie,
    /// When the session was asked for, by this host's clock.
    pub asked: SystemTime,
}

impl Login {
    /// When the cookie ends. Counted from the asking, so that it is never later than TSM means it.
    pub fn expires(&self) -> SystemTime {
        self.asked + Duration::from_secs(u64::from(self.cookie.max_age()))
    }
}
