//! The table beside the vendor's `tsm security` page, retyped here from the page and from nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::collections::BTreeSet;

use tsmgate_catalogue::command::arguments::GLOBAL;
use tsmgate_catalogue::command::{Catalogue, Command, Effect, Kind, Mark};

/// An option as the page has it: short and long name, what stands for its value, whether the page says that it
/// is required (in its text or by its synopsis), and the default that it names.
type Option_ = (&'static str, &'static str, &'static str, bool, &'static str);

const OPTIONAL: bool = false;
const REQUIRED: bool = true;

/// The 14 headings, in the page's order.
const PAGE: &[(&str, &[Option_])] = &[
    ("security custom-cert add", &[("c", "cert-file", "<file.crt>", REQUIRED, "")]),
    ("security custom-cert delete", &[]),
    ("security custom-cert list", &[]),
    ("security external-ssl disable", &[]),
    (
        "security external-ssl enable",
        &[
            ("", "cert-file", "<file.crt>", REQUIRED, ""),
            ("", "key-file", "<file.key>", REQUIRED, ""),
            ("", "chain-file", "<chainfile.crt>", OPTIONAL, ""),
            // the name itself is lost in the page's text; what it says of it is not
            ("", "passphrase", "<secret>", OPTIONAL, ""),
            ("", "protocols", "<list protocols>", OPTIONAL, "all, -SSLv2, -SSLv3"),
        ],
    ),
    ("security external-ssl list", &[]),
    (
        "security regenerate-internal-tokens",
        &[("", "request-timeout", "<timeout in seconds>", OPTIONAL, "1800")],
    ),
    ("security repository-ssl disable", &[]),
    ("security repository-ssl enable", &[("i", "internal-only", "", OPTIONAL, "")]),
    // a later edition of the page calls it required
    ("security repository-ssl get-certificate-file", &[("f", "file", "<path>", REQUIRED, "")]),
    ("security repository-ssl list", &[]),
    ("security vizql-extsvc-ssl disable", &[]),
    (
        "security vizql-extsvc-ssl enable",
        &[
            ("", "connection-type", "rserve-secure, rserve, tabpy-secure, tabpy", REQUIRED, ""),
            ("", "extsvc-host", "<host_name>", REQUIRED, ""),
            ("", "extsvc-port", "<port_number>", REQUIRED, ""),
            ("cf", "cert-file", "<file.crt>", OPTIONAL, ""),
            ("", "extsvc-username", "<user_name>", OPTIONAL, ""),
            ("", "extsvc-password", "<password>", OPTIONAL, ""),
            ("", "connect-timeout-ms", "<milliseconds>", OPTIONAL, "1000"),
            ("", "script-disabled", "<true | false>", OPTIONAL, "true"),
        ],
    ),
    ("security vizql-extsvc-ssl list", &[]),
];

/// What the page calls a value of each kind.
fn placeholder(kind: &Kind, long: &str) -> String {
    match kind {
        Kind::Flag => String::new(),
        Kind::Boolean => "<true | false>".to_owned(),
        Kind::Choice(words) => words.join(", "),
        Kind::Text => "<user_name>".to_owned(),
        Kind::Host => "<host_name>".to_owned(),
        Kind::Port => "<port_number>".to_owned(),
        Kind::Seconds => "<timeout in seconds>".to_owned(),
        Kind::Milliseconds => "<milliseconds>".to_owned(),
        Kind::Protocols => "<list protocols>".to_owned(),
        Kind::SendFile(_) => match long {
            "chain-file" => "<chainfile.crt>".to_owned(),
            "key-file" => "<file.key>".to_owned(),
            _ => "<file.crt>".to_owned(),
        },
        Kind::FetchFile => "<path>".to_owned(),
        Kind::Secret if long.ends_with("password") => "<password>".to_owned(),
        Kind::Secret => "<secret>".to_owned(),
        Kind::FileName => "<name>".to_owned(),
    }
}

#[test]
fn the_table_has_what_the_page_has() {
    assert_eq!(PAGE.len(), 14);
    for (path, page) in PAGE {
        let command = Catalogue::official().find(path).unwrap();
        let table: Vec<_> = command
            .options
            .iter()
            .map(|option| {
                let short = option.short.as_deref().unwrap_or_default();
                let default = option.default.as_deref().unwrap_or_default();
                let value = placeholder(&option.kind, &option.long);
                (short, &*option.long, value, option.required, default)
            })
            .collect();
        let page: Vec<_> = page
            .iter()
            .map(|(short, long, value, required, default)| {
                (*short, *long, (*value).to_owned(), *required, *default)
            })
            .collect();
        assert_eq!(table, page, "{path}");
        assert_eq!(command.mark, Mark::Documented);
        assert_eq!(command.permission, path.replace(' ', "."));
    }
}

#[test]
fn the_global_options_are_the_page_s() {
    let names: Vec<_> = GLOBAL.iter().map(|name| (name.short, name.long, name.value)).collect();
    assert_eq!(
        names,
        [
            (Some("h"), "help", false),
            (Some("u"), "username", true),
            (Some("p"), "password", true),
            (Some("s"), "server", true),
            (None, "trust-admin-controller-cert", false),
        ]
    );
}

#[test]
fn lists_read_and_what_the_page_says_changes_is_no_reader() {
    for (path, _) in PAGE {
        let command = Catalogue::official().find(path).unwrap();
        let reads = path.ends_with(" list") || path.ends_with(" get-certificate-file");
        assert_eq!(command.effect == Effect::Reads, reads, "{path}");
        assert_eq!(command.effect.changes(), !reads, "{path}");
        assert_eq!(command.waits(), *path == "security regenerate-internal-tokens");
        let until = path.contains("vizql").then_some("2020.2");
        assert_eq!(command.until.as_deref(), until, "{path}");
        if path.ends_with(" list") {
            assert!(command.prints_secrets, "{path}");
        }
    }
}

#[test]
fn rows_are_unambiguous_and_say_where_they_are_from() {
    let commands = Catalogue::official().commands();
    let mut paths = BTreeSet::new();
    for command in commands {
        assert!(paths.insert(&command.path), "{}", command.path);
        assert!(!command.source.is_empty() && !command.summary.is_empty(), "{}", command.path);
        let words: Vec<_> = command.words().collect();
        for other in commands {
            let others: Vec<_> = other.words().collect();
            let begins = others.len() > words.len() && others[..words.len()] == words[..];
            assert!(!begins, "{} begins {}", command.path, other.path);
        }
        let mut names = BTreeSet::new();
        let mut shorts = BTreeSet::new();
        for option in &command.options {
            let place = format!("{} --{}", command.path, option.long);
            assert!(names.insert(&option.long), "{place}");
            assert!(option.short.as_ref().is_none_or(|short| shorts.insert(short)), "{place}");
            let global = |name: &&tsmgate_catalogue::command::arguments::Name<'_>| {
                name.long == option.long
                    || (name.short.is_some() && name.short == option.short.as_deref())
            };
            assert!(GLOBAL.iter().find(global).is_none(), "{place}");
            assert!(!option.summary.is_empty(), "{place}");
            for other in &option.conflicts {
                let other = command.option(other).unwrap();
                assert!(other.conflicts.contains(&option.long), "{place}");
            }
            // the page writes this one with commas, and that is taken too
            if let Some(default) = &option.default {
                assert_eq!(option.kind.judge(default), Ok(()), "{place}");
            }
        }
        assert_eq!(command.ignores_prompt, command.option("ignore-prompt").is_some());
    }
}

#[test]
fn the_table_is_read_back_as_it_was_written() {
    let commands = Catalogue::official().commands();
    let written = serde_json::to_string(commands).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Command>>(&written).unwrap(), commands);
}

#[test]
fn what_goes_with_settings_is_there_under_its_permission() {
    let permission = |path: &str| Catalogue::official().find(path).unwrap().permission.clone();
    assert_eq!(permission("pending-changes apply"), "pending-changes.apply");
    assert_eq!(permission("maintenance backup"), "backup.create");
    assert_eq!(permission("maintenance cleanup"), "maintenance.cleanup");
    assert_eq!(permission("maintenance ziplogs"), "maintenance.ziplogs");
    assert_eq!(permission("authentication mutual-ssl enable"), "authentication.mutual-ssl.enable");
    assert_eq!(permission("security kms set-mode aws"), "security.kms.set-mode.aws");
    // the runner's own, and what carries credentials away
    for path in ["jobs reconnect", "login", "security authorize-credential-migration"] {
        assert_eq!(Catalogue::official().find(path), None);
    }
}
