//! Cold logins at a fixed rate, whoever answers late: each is measured from when it was due, so that one
//! that is held up counts for all that wait behind it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::client::{Client, DEADLINE, Failure};
use crate::interrupt;
use crate::target::Target;

/// One each: 200 a second.
const EVERY: Duration = Duration::from_millis(5);
/// That many are under way at once, at most.
const AT_ONCE: usize = 64;

/// What came of them.
#[derive(Debug, Default)]
pub struct Came {
    /// How long the good ones took.
    pub took: Vec<Duration>,
    /// Why the others failed.
    pub lost: Vec<Failure>,
}

/// Latency at that rate; none may be lost.
pub fn turn(target: &mut Target, logins: u32) -> anyhow::Result<()> {
    let came = load(&target.client, target.recipe.port, logins, || Ok(()))?;
    if let Some(failure) = came.lost.first() {
        bail!(target.blame(&failure.to_string()));
    }
    let mut took: Vec<_> = came.took.iter().map(|took| took.as_secs_f64() * 1e6).collect();
    took.sort_by(f64::total_cmp);
    target.figures.p50.push(percentile(&took, 50));
    target.figures.p99.push(percentile(&took, 99));
    Ok(())
}

/// That rate of logins; `meanwhile` is done when a quarter of them was due.
///
/// # Errors
/// A cookie was wrong, or `meanwhile` failed.
pub fn load(
    client: &Client,
    port: u16,
    logins: u32,
    meanwhile: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<Came> {
    let (begun, next) = (Instant::now() + EVERY, AtomicU32::new(0));
    let mut all = Came::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE.min(logins as usize))
            .map(|_| scope.spawn(|| work(client, port, logins, begun, &next)))
            .collect();
        sleep_until(begun + EVERY * (logins / 4));
        let done = meanwhile();
        for worker in workers {
            let came = worker.join().expect("a worker does not panic");
            all.took.extend(came.took);
            all.lost.extend(came.lost);
        }
        done
    })?;
    interrupt::check()?;
    match all.lost.iter().find(|failure| matches!(failure, Failure::Wrong(_))) {
        Some(wrong) => bail!("{wrong}"),
        None => Ok(all),
    }
}

/// Takes one login after the other, as they are due.
fn work(client: &Client, port: u16, logins: u32, begun: Instant, next: &AtomicU32) -> Came {
    let mut came = Came::default();
    loop {
        let mine = next.fetch_add(1, Ordering::Relaxed);
        if mine >= logins || interrupt::check().is_err() {
            return came;
        }
        let due = begun + EVERY * mine;
        sleep_until(due);
        let session = client.connect(port, Instant::now() + DEADLINE);
        match session.and_then(|mut session| session.call(client)) {
            Ok(()) => came.took.push(due.elapsed()),
            Err(failure) => came.lost.push(failure),
        }
    }
}

fn sleep_until(due: Instant) {
    thread::sleep(due.saturating_duration_since(Instant::now()));
}

/// Of sorted values.
fn percentile(sorted: &[f64], which: usize) -> f64 {
    sorted.get(sorted.len() * which / 100).copied().unwrap_or(f64::NAN)
}
