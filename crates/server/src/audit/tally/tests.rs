//! The bounds of the tally, with time moved by hand.

use std::time::Duration;

use tsmgate_gate::clock::{Clock, Hand};
use tsmgate_gate::reason::Reason;

use super::{KEYS, LINES_PER_SECOND, Origin, Proof, Tally, Verdict, WINDOW};

fn tally() -> (Tally, Hand) {
    let (clock, hand) = Clock::by_hand();
    (Tally::new(clock), hand)
}

fn client(name: &str) -> Origin {
    Origin::Client(name.into())
}

fn stranger(number: u32) -> Origin {
    Origin::of(std::net::Ipv4Addr::from_bits(number).into())
}

fn sums(tally: &Tally, all: bool) -> Vec<String> {
    let mut sums: Vec<_> = tally.due(all).iter().map(|sum| sum.fields().to_owned()).collect();
    sums.sort();
    sums
}

/// R44: of an origin and reason the first is a line, the others of its minute are one sum
#[test]
fn the_first_is_a_line_and_the_others_a_sum() {
    let (tally, hand) = tally();
    let over_rate = |wait| Reason::ClientOverRate(Duration::from_secs(wait));
    assert_eq!(tally.count(client("a"), over_rate(1), Proof::Key), Verdict::Record);
    for wait in 2..100 {
        assert_eq!(tally.count(client("a"), over_rate(wait), Proof::Key), Verdict::Counted);
    }
    // another reason, another origin: each its own
    assert_eq!(tally.count(client("a"), Reason::ClientInFlight, Proof::Key), Verdict::Record);
    assert_eq!(tally.count(client("b"), over_rate(1), Proof::Key), Verdict::Record);
    assert_eq!(tally.count(stranger(1), Reason::SourceBanned, Proof::Key), Verdict::Record);
    hand.advance(WINDOW - Duration::from_millis(1));
    assert!(sums(&tally, false).is_empty());
    hand.advance(Duration::from_millis(1));
    let sums = sums(&tally, false);
    assert_eq!(sums.len(), 1, "what came once has been told: {sums:?}");
    for part in ["client_over_rate", "\"tsmgate.count\":98", "\"client.user.name\":\"a\""] {
        assert!(sums[0].contains(part), "{sums:?}");
    }
    assert!(sums[0].contains(&format!("\"event.duration\":{}", WINDOW.as_nanos())), "{sums:?}");
    // and then from the beginning
    assert_eq!(tally.count(client("a"), over_rate(1), Proof::Key), Verdict::Record);
}

/// R44: no more than a hundred lines a second, whoever is refused; what is over is one sum
#[test]
fn lines_of_a_second_are_bounded() {
    let (tally, hand) = tally();
    let count = |from: u32, to: u32| {
        (from..to)
            .filter(|&number| {
                tally.count(stranger(number), Reason::AddressNotListed, Proof::Key)
                    == Verdict::Record
            })
            .count()
    };
    assert_eq!(count(0, 5000), LINES_PER_SECOND as usize);
    hand.advance(Duration::from_secs(1));
    let suppressed = sums(&tally, false);
    assert_eq!(suppressed.len(), 1);
    assert!(suppressed[0].contains("refusals_beyond_the_line_limit"), "{suppressed:?}");
    assert!(suppressed[0].contains("\"tsmgate.count\":4900"), "{suppressed:?}");
    assert!(sums(&tally, false).is_empty(), "told once");
    assert_eq!(count(5000, 5300), LINES_PER_SECOND as usize, "a new second");
}

/// R44: sums share the lines of a second, wait for the next, and none is forgotten
#[test]
fn sums_wait_for_their_turn() {
    let (tally, hand) = tally();
    for second in 0..3 {
        for number in 0..LINES_PER_SECOND {
            for _ in 0..3 {
                tally.count(stranger(1000 * second + number), Reason::AddressNotListed, Proof::Key);
            }
        }
        hand.advance(Duration::from_secs(1));
    }
    hand.advance(WINDOW);
    let mut told = Vec::new();
    for _ in 0..3 {
        let now = sums(&tally, false);
        assert!(now.len() <= LINES_PER_SECOND as usize);
        told.extend(now);
        hand.advance(Duration::from_secs(1));
    }
    assert_eq!(told.len(), 300);
    assert!(told.iter().all(|sum| sum.contains("\"tsmgate.count\":2")));
}

/// R44: the table of origins is bounded, and when it is full the rest is one sum
#[test]
fn the_table_is_bounded() {
    let (tally, hand) = tally();
    let mut number = 0;
    for _ in 0..KEYS / LINES_PER_SECOND as usize + 2 {
        for _ in 0..LINES_PER_SECOND {
            tally.count(stranger(number), Reason::AddressNotListed, Proof::Key);
            number += 1;
        }
        // less than a window in all would not be enough: the clock moves by what a second needs
        hand.advance(Duration::from_secs(1));
    }
    let kept = tally.state.lock().unwrap().sums.len();
    assert_eq!(kept, KEYS);
    assert_eq!(
        tally.count(stranger(u32::MAX), Reason::AddressNotListed, Proof::Key),
        Verdict::Counted
    );
    let over = u64::from(number) - KEYS as u64 + 1;
    let sums = sums(&tally, true);
    assert!(sums.iter().any(|sum| sum.contains(&format!("\"tsmgate.count\":{over}"))));
}

/// R44: at the end all sums are told, due or not
#[test]
fn the_end_tells_all() {
    let (tally, _hand) = tally();
    for number in 0..50 {
        tally.count(stranger(number), Reason::AddressNotListed, Proof::Key);
        tally.count(stranger(number), Reason::AddressNotListed, Proof::Key);
    }
    assert_eq!(sums(&tally, true).len(), 50);
    assert!(sums(&tally, true).is_empty());
}

/// R44: strangers take no more than their share, so that what is refused to the proven is still told
#[test]
fn strangers_do_not_silence_those_who_proved_a_key() {
    let (tally, _hand) = tally();
    let lines = |reason, proof, from: u32| {
        (from..from + 1000)
            .filter(|&number| tally.count(stranger(number), reason, proof) == Verdict::Record)
            .count()
    };
    let all = LINES_PER_SECOND as usize;
    assert_eq!(lines(Reason::AddressNotListed, Proof::None, 0), all / 2);
    assert_eq!(lines(Reason::HandshakeGarbage, Proof::None, 1000), all / 4);
    assert_eq!(lines(Reason::ClientUnknown, Proof::Key, 2000), all / 4);
}
