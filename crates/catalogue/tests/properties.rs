//! Whatever bytes come in: no panic, and what is accepted is written from a row and checked values alone.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

#[path = "properties/laws.rs"]
mod laws;

use laws::holds;
use proptest::prelude::*;
use tsmgate_catalogue::api::find::find;
use tsmgate_catalogue::api::operation::{Method, Operation, Segment};
use tsmgate_catalogue::api::raw::find_or_raw;
use tsmgate_catalogue::api::table::OPERATIONS;
use tsmgate_catalogue::api::value::Kind;

/// A value of the kind.
fn value(kind: Kind) -> BoxedStrategy<String> {
    let number = any::<u32>().prop_map(|number| (number >> 1).to_string());
    match kind {
        Kind::JobId | Kind::Version | Kind::Seconds => number.boxed(),
        Kind::NodeId => "[a-zA-Z0-9_][a-zA-Z0-9_-]{0,63}".boxed(),
        Kind::ConfigurationKey => "[a-z0-9_]{1,9}(\\.[a-zA-Z0-9_-]{1,9}){0,5}".boxed(),
        Kind::FileName => "[a-zA-Z0-9_]{1,9}(\\.[a-zA-Z0-9_-]{1,9}){0,2}".boxed(),
        Kind::Flag => prop_oneof!["true", "false"].boxed(),
        Kind::JobStatus => prop_oneof!["Succeeded", "Failed", "Created", "Running"].boxed(),
    }
}

/// A good request for a row: method, target.
fn good() -> impl Strategy<Value = (&'static Operation, String)> {
    let rows: Vec<&'static Operation> = OPERATIONS.iter().collect();
    proptest::sample::select(rows).prop_flat_map(|row| {
        let path: Vec<_> = row
            .path
            .iter()
            .map(|part| match part {
                Segment::Literal(literal) => Just((*literal).to_owned()).boxed(),
                Segment::Typed(kind) => value(*kind),
            })
            .collect();
        let query: Vec<_> = row
            .query
            .iter()
            .map(|key| proptest::option::of(value(key.kind).prop_map(|v| (key.name, v))))
            .collect();
        (path, query).prop_map(move |(path, query)| {
            let query: Vec<_> =
                query.into_iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
            let mark = if query.is_empty() { "" } else { "?" };
            (row, format!("/api/0.5/{}{mark}{}", path.join("/"), query.join("&")))
        })
    })
}

/// A row's path as another reader could take it: any version or none, any case, other joints, endings, and
/// numbers written otherwise.
fn loose() -> impl Strategy<Value = String> {
    let literal = |literal: &'static str| {
        let signs = proptest::collection::vec((any::<bool>(), 0_u8..8), literal.len());
        (signs, "(\\.[a-z0-9]{1,4}){0,2}").prop_map(move |(signs, ending)| {
            let mut text = String::new();
            for (sign, (upper, joint)) in literal.chars().zip(signs) {
                text.push(if upper { sign.to_ascii_uppercase() } else { sign });
                text.push_str(match joint {
                    0 => "_",
                    1 => "-",
                    _ => "",
                });
            }
            text + &ending
        })
    };
    let typed = |kind| {
        let value = (value(kind), "(\\.[a-z]{1,4})?").prop_map(|(value, ending)| value + &ending);
        let number = "(0{0,3}|-|0x)[0-9]{1,30}(\\.[a-z0-9]{1,4})?";
        match kind {
            Kind::JobId | Kind::Version => prop_oneof![value, number].boxed(),
            _ => value.boxed(),
        }
    };
    let rows: Vec<&'static Operation> = OPERATIONS.iter().collect();
    let version = prop_oneof!["(/0\\.5)?", "/v?[0-9]{1,2}(\\.[0-9]{1,2}){0,2}", "/[a-z]{1,8}"];
    (version, proptest::sample::select(rows)).prop_flat_map(move |(version, row)| {
        let path = row.path.iter().map(|part| match part {
            Segment::Literal(text) => literal(text).boxed(),
            Segment::Typed(kind) => typed(*kind),
        });
        let path: Vec<_> = path.collect();
        let query = prop_oneof![Just(""), Just("?a=b"), Just("?jobTimeoutSeconds=1")];
        (path, query)
            .prop_map(move |(path, query)| format!("/api{version}/{}{query}", path.join("/")))
    })
}

/// Bytes that tricks are made of.
fn odd() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        proptest::sample::select(vec![
            "%", "%2e", "%2f", "..", "./", "/", "//", ";", "\\", "#", "?", "&", "=", "\0", "login",
            "ſ", "+", " ", "A", "0", "-", "api",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// R57: any bytes
    #[test]
    fn any_bytes_are_refused_or_plain(
        method in proptest::collection::vec(any::<u8>(), 0..6),
        target in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        holds(&method, &target);
        for method in Method::ALL {
            holds(method.name().as_bytes(), &target);
        }
    }

    /// R57: a good request is found, as itself
    #[test]
    fn good_requests_are_found((row, target) in good()) {
        let found = find(row.method.name().as_bytes(), target.as_bytes()).unwrap();
        prop_assert_eq!(found.operation(), Some(row));
        prop_assert_eq!(found.upstream(), target.as_str());
        holds(row.method.name().as_bytes(), target.as_bytes());
    }

    /// R57: no writing of a row's path is `raw`, by whatever method
    #[test]
    fn whatever_could_be_a_row_is_never_raw(target in loose()) {
        for method in Method::ALL {
            let any = find_or_raw(method.name().as_bytes(), target.as_bytes());
            let is_row = any.as_ref().is_ok_and(|found| found.operation().is_some());
            prop_assert!(any.is_err() || is_row, "{} {}", method.name(), target);
            if is_row {
                prop_assert_eq!(any, find(method.name().as_bytes(), target.as_bytes()));
            }
        }
    }

    /// R57: a good request with something odd put into it, or something taken out
    #[test]
    fn spoiled_requests_are_refused_or_plain(
        (row, target) in good(),
        spoils in proptest::collection::vec((any::<prop::sample::Index>(), odd(), 0_usize..3), 1..4),
    ) {
        let mut target = target.into_bytes();
        for (at, odd, less) in spoils {
            let at = at.index(target.len() + 1);
            let until = (at + less).min(target.len());
            target.splice(at..until, odd);
        }
        for method in Method::ALL {
            holds(method.name().as_bytes(), &target);
        }
        let _ = row;
    }
}
