//! The times of a cookie jar.

use std::time::Duration;

use super::{LOOK_EVERY, MOST, Pace};

fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

#[test]
fn a_session_is_renewed_at_three_quarters_of_its_time() {
    let mut pace = Pace::default();
    assert!(!pace.was_filled() && pace.left(seconds(9)).is_none(), "the first login is at once");
    pace.filled(seconds(1000), 7200, seconds(1002));
    assert_eq!(pace.left(seconds(1002)), Some(LOOK_EVERY));
    assert_eq!(pace.left(seconds(6390)), Some(seconds(10)));
    assert_eq!(pace.left(seconds(6400)), None);
    // a host that slept
    assert_eq!(pace.left(seconds(60_000)), None);
    assert!(!pace.is_over(seconds(8199)) && pace.is_over(seconds(8200)));
}

#[test]
fn a_session_that_is_over_at_once_is_not_renewed_at_once() {
    let mut pace = Pace::default();
    pace.filled(seconds(100), 1, seconds(102));
    assert_eq!(pace.left(seconds(102)), Some(seconds(1)));
}

#[test]
fn failures_are_tried_again_ever_later_up_to_a_bound_and_at_once_after_a_success() {
    let mut pace = Pace::default();
    pace.filled(seconds(0), 7200, seconds(0));
    let now = seconds(5400);
    for whole in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
        pace.failed(now);
        let left = pace.left(now).unwrap();
        assert!(left >= seconds(whole) / 2 && left <= seconds(whole), "{left:?} of {whole} s");
    }
    for _ in 0..100 {
        pace.failed(now);
    }
    assert!(pace.left(now).unwrap() <= MOST);
    // the end of the session is not slept over
    pace.failed(seconds(7199));
    assert!(pace.left(seconds(7199)).unwrap() <= seconds(1));
    pace.filled(now, 7200, now);
    pace.failed(now);
    assert!(pace.left(now).unwrap() <= seconds(1));
}
