//! What one target came to: a value for each of its turns.

use std::time::Duration;

/// All figures of a target. What was not measured is empty.
#[derive(Debug, Default)]
pub struct Figures {
    /// CPU microseconds of a cold login.
    pub cold: Vec<f64>,
    /// The same with the post-quantum key exchange.
    pub cold_post_quantum: Vec<f64>,
    /// Microseconds of a cold login at a fixed rate, from when it was due: the middle of a round.
    pub p50: Vec<f64>,
    /// The same, of which one in a hundred is slower.
    pub p99: Vec<f64>,
    /// KiB for each idle connection that proved itself.
    pub idle: Vec<f64>,
    /// Logins a second on a kept connection.
    pub kept_rate: Vec<f64>,
    /// CPU microseconds of each.
    pub kept_cpu: Vec<f64>,
    /// Logins lost at a reload.
    pub reload: Vec<Losses>,
    /// Logins lost at a stop and a new start.
    pub restart: Vec<Losses>,
    /// How long an honest client waited while strangers from another address held their connections;
    /// none: it was locked out.
    pub waited: Vec<Option<Duration>>,
    /// The same, the strangers having its own address.
    pub waited_beside: Vec<Option<Duration>>,
}

/// What an interruption came to.
#[derive(Debug, Clone, Copy)]
pub struct Losses {
    /// Logins that failed.
    pub lost: usize,
    /// Of so many.
    pub of: usize,
    /// The longest that one took that did not.
    pub longest: Duration,
}

/// What a program came to that logs in once, in milliseconds: a value for each round.
#[derive(Debug, Default)]
pub struct Program {
    /// From its start to its end.
    pub wall: Vec<f64>,
    /// CPU time.
    pub cpu: Vec<f64>,
}
