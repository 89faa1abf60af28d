//! The files that decide whose certificates count: authorities and revocation lists, loaded as the gate loads them,
//! and shown as `tsmgate pki inspect` shows them. First byte even: what follows is both files, as PEM; odd: two bytes
//! say how long the authority is, as DER, and the list follows, in PEM too where the next bit is set.
#![no_main]

use std::path::Path;
use std::sync::LazyLock;

use data_encoding::BASE64;
use fuzz::{folder, is_visible};
use time::OffsetDateTime;
use time::macros::datetime;
use tsmgate_pki::inspect::inspect;
use tsmgate_pki::{Authority, InitOptions, IssueOptions};
use tsmgate_server::config::{self, Config};
use tsmgate_server::credentials::{EndingKind, load};

/// So that what is found is found again.
const NOW: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);
const MUCH_LATER: OffsetDateTime = datetime!(2100-01-01 12:00 UTC);
const AUTHORITIES: &str = "authorities.pem";
const LIST: &str = "list.crl";

/// A gate with a certificate of its own, made for this process.
static GATE: LazyLock<Config> = LazyLock::new(|| {
    let folder = folder();
    let authority = Authority::danger_init_at(&folder.join("ca"), InitOptions::default(), NOW);
    let names = ["gate.example.com".parse().expect("it is a name")];
    let server = authority.expect("a new one").server(&names, IssueOptions::default());
    let server = server.expect("its first certificate");
    let file = folder.join("tsmgated.toml");
    let text = format!(
        "[tls]\ncertificate = {:?}\nprivate_key = {:?}\nclient_authority = {AUTHORITIES:?}\n\
         revocation_list = {LIST:?}\n",
        server.certificate,
        server.private_key.expect("made with it"),
    );
    std::fs::write(&file, text).expect("the folder can be written");
    config::load(&file).expect("it is in order")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((how, bytes)) = fuzz::choice(bytes) else { return };
    let Some((authorities, list)) = files(how, bytes) else { return };
    let config = &*GATE;
    let [authority, lists] = [AUTHORITIES, LIST].map(|name| folder().join(name));
    std::fs::write(&authority, &authorities).expect("the folder can be written");
    std::fs::write(&lists, &list).expect("the folder can be written");
    match load(config, NOW) {
        Ok(credentials) => {
            assert!(credentials.clients.is_some(), "there is an authority");
            let has = |kind| credentials.endings().iter().any(|ending| ending.kind == kind);
            assert!(has(EndingKind::Server) && has(EndingKind::Authority));
            assert!(
                list.starts_with(b"0") || contains(&list, b"BEGIN X509 CRL"),
                "no list is none"
            );
            for sentence in [credentials.trouble(NOW), credentials.warnings(NOW)].concat() {
                assert!(is_visible(&sentence), "{sentence:?}");
            }
            for ending in credentials.endings() {
                assert!(is_visible(&ending.name), "{:?}", ending.name);
            }
            let endings = credentials.endings();
            let mut authorities = endings.iter().filter(|end| end.kind == EndingKind::Authority);
            if authorities.all(|end| end.at < MUCH_LATER) {
                let later = credentials.at(MUCH_LATER);
                assert!(later.clients.is_none(), "nobody gets in by an authority that has ended");
            }
        }
        Err(fault) => {
            let said = fault.to_string();
            assert!(is_visible(&said) && said.len() < 2048, "{said:?}");
        }
    }
    shown(&authority);
    shown(&lists);
});

fn files(how: u8, bytes: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    if how % 2 == 0 {
        return Some((bytes.to_vec(), bytes.to_vec()));
    }
    let (length, rest) = bytes.split_first_chunk()?;
    let (authority, list) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    let list = if how & 2 == 0 { list.to_vec() } else { pem("X509 CRL", list) };
    Some((pem("CERTIFICATE", authority), list))
}

fn pem(label: &str, der: &[u8]) -> Vec<u8> {
    let body = BASE64.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n").into_bytes()
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// What is shown of a file is visible, whoever wrote it.
fn shown(path: &Path) {
    match inspect(path, NOW) {
        Ok(views) => {
            let views = serde_json::to_value(views).expect("views can be written");
            visible(&views);
        }
        Err(fault) => assert!(is_visible(&fault.to_string())),
    }
}

fn visible(value: &serde_json::Value) {
    match value {
        serde_json::Value::String(text) => assert!(is_visible(text), "{text:?}"),
        serde_json::Value::Array(values) => values.iter().for_each(visible),
        serde_json::Value::Object(members) => members.values().for_each(visible),
        _ => {}
    }
}
