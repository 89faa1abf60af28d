//! Values of each kind: what is taken, and what is not because it is no such thing, could be read as an option,
//! or would leave its line or its folder.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use tsmgate_catalogue::command::{Kind, VALUE_LIMIT};

#[test]
fn values_are_of_their_kinds() {
    let long = "x".repeat(VALUE_LIMIT + 1);
    let cases: &[(Kind, &[&str], &[&str])] = &[
        (Kind::Boolean, &["true", "false"], &["", "True", "1", "yes", "true "]),
        (
            Kind::Host,
            &[
                "tabpy",
                "tabpy.example.com",
                "tabpy.example.com.",
                "a_b",
                "10.0.0.7",
                "::1",
                "fe80::1",
            ],
            &[
                "",
                ".",
                "-x",
                "x-",
                "a..b",
                "a b",
                "a/b",
                "a:9004",
                "10.1",
                "1.2.3.256",
                "[::1]",
                "x\n",
                "ü",
                "--help",
            ],
        ),
        (
            Kind::Port,
            &["1", "9004", "65535"],
            &["", "0", "65536", "09004", "+1", "-1", " 1", "1 ", "٣"],
        ),
        (
            Kind::Seconds,
            &["1", "1800", "4294967295"],
            &["", "0", "01", "-1", "1.5", "4294967296", "60s"],
        ),
        (Kind::Milliseconds, &["0", "1000"], &["", "00", "-1", "1e3", "x"]),
        (
            Kind::Protocols,
            &["all", "all -SSLv2 -SSLv3", "all, -SSLv2, -SSLv3", "-SSLv3", "+TLSv1.2,+TLSv1.3"],
            &["", " ", ",", "-", "--help", "all;x", "all\n-SSLv2", "-SSLv3 --force", "$(id)"],
        ),
        (
            Kind::Text,
            &["a", "a b", "ä", "it's"],
            &["", "-a", "--help", "a\nb", "a\0", "\u{7f}", "\u{9b}31m", &long],
        ),
        (Kind::Secret, &["a", "-a", "--help", "ä ö"], &["", "a\nb", "a\r", "a\0", &long]),
        (
            Kind::FileName,
            &["logs.zip", "ts_backup"],
            &["", ".", "..", "a/b", "/etc/x", "-a", "a\n", "../a"],
        ),
        (Kind::Flag, &[], &["", "true"]),
        (Kind::FetchFile, &[], &["", "/tmp/x"]),
    ];
    for (kind, good, bad) in cases {
        for value in *good {
            assert_eq!(kind.judge(value), Ok(()), "{kind:?} {value:?}");
        }
        for value in *bad {
            let fault = kind.judge(value).unwrap_err();
            assert!(value.len() < 4 || !fault.contains(value), "{kind:?} {value:?} {fault}");
        }
    }
}
