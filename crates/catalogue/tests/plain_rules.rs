//! The quick way finds what the plain way finds: the same rules, written down without any shortcut, against
//! the ones that are in use, over names, texts and answers made of the pieces by which secrets are known.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use proptest::prelude::*;
use serde_json::{Value, json};
use tsmgate_catalogue::redaction::{MARKER, is_secret, redact};

/// The rules for names.
mod names {
    /// Secret wherever these letters stand in a name, with all that joins words left out: so `keyPassphrase`,
    /// `key_passphrase` and `ssl.key.passphrase` are alike.
    const LETTERS: &[&str] = &[
        "password",
        "passphrase",
        "passwd",
        "secret",
        "token",
        "credential",
        "private",
        "keytab",
        "keyvalue",
        // `ssl.key.file_bytes`, `searchserver.ssl.key.bytes`; the bytes of certificates are public
        "keyfilebytes",
        "keybytes",
        "keyfilecontent",
        "apikey",
        "accesskey",
        "secretkey",
        "masterkey",
        "encryptionkey",
        "signingkey",
        "sharedkey",
        "cookie",
        "authorization",
        "connectionstring",
        "productkey",
        "licensekey",
        "licencekey",
        "activationkey",
    ];

    /// Secret where these words stand, one after another, in a name.
    const WORDS: &[&str] = &[
        ".pass.",
        ".pwd.",
        ".pw.",
        ".pin.",
        ".psk.",
        ".salt.",
        ".seed.",
        ".jwt.",
        ".otp.",
        ".creds.",
        ".cred.",
        ".searchserver.ssl.",
        ".elasticserver.ssl.",
    ];

    /// Whether the values of this name are secret.
    pub(super) fn is_secret(name: &str) -> bool {
        let words = words(name);
        let letters: String = words.chars().filter(|c| *c != '.').collect();
        LETTERS.iter().any(|part| letters.contains(part))
            || WORDS.iter().any(|part| words.contains(part))
            || (letters.contains("serial")
                && (["license", "licence", "licensing"].iter().any(|part| letters.contains(part))
                    || ((words.ends_with(".serial.") || words.ends_with(".serials."))
                        && !letters.contains("cert"))))
    }

    /// Whether a text, below what is named `above`, is the name of something secret: letters, digits, `.`, `_`
    /// and `-`, and not long.
    pub(super) fn says_secret(above: &str, text: &str) -> bool {
        const LONGEST_NAME: usize = 128;
        let named = text.len() <= LONGEST_NAME && text.chars().all(is_of_name);
        named && (is_secret(text) || is_secret(&format!("{above}.{text}")))
    }

    /// Whether a text gives a secret beside its name: `-DtrustStorePassword=…`, `password: …`, JSON or XML inside
    /// of a text, `--password …`, `pgsql.adminpassword …`.
    pub(super) fn assigns_secret(text: &str) -> bool {
        let assigned = text.match_indices(['=', ':', '>']).any(|(at, _)| {
            let before = text.get(..at).unwrap_or_default();
            let before = before.trim_end_matches([' ', '\t', '"', '\'', '\\', ']', ')']);
            let name = before.rsplit(|c| !is_of_name(c)).next().unwrap_or_default();
            is_secret(name)
        });
        let mut words = text.split_whitespace().peekable();
        let mut followed = false;
        while let Some(word) = words.next() {
            let name = word.starts_with('-') || word.contains('.');
            followed |= name && words.peek().is_some() && is_secret(word);
        }
        assigned || followed
    }

    fn is_of_name(character: char) -> bool {
        character.is_alphanumeric() || matches!(character, '.' | '_' | '-')
    }

    /// The words of a name in lower case, with a dot before and after each: what is not a letter ends a word, and
    /// so does a capital after a small letter.
    fn words(name: &str) -> String {
        let mut words = String::with_capacity(name.len() + 8);
        words.push('.');
        let mut small_before = false;
        for character in name.chars() {
            let joins = !character.is_alphabetic() || (character.is_uppercase() && small_before);
            if joins && !words.ends_with('.') {
                words.push('.');
            }
            if character.is_alphabetic() {
                words.extend(character.to_lowercase());
            }
            small_before = character.is_lowercase();
        }
        if !words.ends_with('.') {
            words.push('.');
        }
        words
    }
}

/// The rules for texts.
mod looks {
    use super::names;

    /// `PRIVATE KEY` in base64, at each of the three places where it can begin.
    const PRIVATE_KEY_IN_BASE64: &[&str] = &["UFJJVkFURSBLRV", "BSSVZBVEUgS0VZ", "QUklWQVRFIEtFW"];

    /// Whether a text is secret by its look.
    pub(super) fn secret(text: &str) -> bool {
        text.contains("ENC(")
            || text.contains("PRIVATE KEY")
            || private_key_in_base64(text)
            || is_token(text)
            || has_password_in_address(text)
            || names::assigns_secret(text)
    }

    /// Base64 may be broken into lines.
    fn private_key_in_base64(text: &str) -> bool {
        let joined: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\\').collect();
        PRIVATE_KEY_IN_BASE64.iter().any(|part| joined.contains(part))
    }

    /// A JWT or JWE, as TSM's own cookie is: base64 of `{"`, and dots.
    fn is_token(text: &str) -> bool {
        let joined = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '=');
        text.split(|c| !joined(c)).any(|run| {
            let token = run.find("eyJ").and_then(|at| run.get(at..)).unwrap_or_default();
            token.matches('.').count() >= 2
        })
    }

    /// `scheme://user:password@host`.
    fn has_password_in_address(text: &str) -> bool {
        text.match_indices("://").any(|(at, found)| {
            let rest = text.get(at + found.len()..).unwrap_or_default();
            let authority = rest.split(['/', '?', '#', ' ', '"']).next().unwrap_or_default();
            authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
        })
    }
}

/// The way through an answer.
mod plain {
    use serde_json::{Map, Value};

    use super::{MARKER, looks, names};

    /// Members whose text is the name of what the other members of the object say, first to last.
    const NAMING: &[&str] = &[
        "key",
        "keyname",
        "configkey",
        "configurationkey",
        "name",
        "property",
        "propertyname",
        "setting",
        "parameter",
        "field",
        "id",
    ];

    /// Takes every secret out of an answer, and tells how many values were replaced by [`MARKER`].
    pub(super) fn redact(json: &mut Value) -> usize {
        walk(json, &mut String::new())
    }

    /// `name` is that of all members above.
    fn walk(json: &mut Value, name: &mut String) -> usize {
        match json {
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
            Value::String(text) => {
                if looks::secret(text) {
                    replace(json)
                } else {
                    0
                }
            }
            Value::Array(values) => {
                let above = nearest(name, name.len());
                let says = |value: &Value| {
                    value.as_str().is_some_and(|text| names::says_secret(above, text))
                };
                let said = values.iter().position(says);
                let each = values.iter_mut().enumerate();
                each.map(|(at, value)| match said {
                    Some(said) if said != at => replace(value),
                    _ => walk(value, name),
                })
                .sum()
            }
            Value::Object(members) => {
                let length = name.len();
                let said = naming(members, nearest(name, length));
                let mut count = 0;
                for (member, value) in members {
                    name.push('.');
                    name.push_str(member);
                    count += match &said {
                        Some(said) if said != member => replace(value),
                        None if names::is_secret(nearest(name, length)) => replace(value),
                        _ => walk(value, name),
                    };
                    name.truncate(length);
                }
                count
            }
        }
    }

    /// The name from a little before its newest member on. What stands further up was looked at when it was the
    /// newest; so the work stays in proportion to the answer, however deep it is and however long its names.
    fn nearest(name: &str, newest: usize) -> &str {
        const BEFORE: usize = 64;
        let from = (newest.saturating_sub(BEFORE)..=newest).find(|at| name.is_char_boundary(*at));
        name.get(from.unwrap_or(newest)..).unwrap_or(name)
    }

    /// The member that says that the others are secret.
    fn naming(members: &Map<String, Value>, above: &str) -> Option<String> {
        NAMING.iter().find_map(|naming| {
            let mut named = members.iter().filter(|(member, _)| squeezed(member) == *naming);
            let says =
                |value: &Value| value.as_str().is_some_and(|text| names::says_secret(above, text));
            named.find(|(_, value)| says(value)).map(|(member, _)| member.clone())
        })
    }

    fn squeezed(member: &str) -> String {
        member.chars().filter(|c| c.is_alphabetic()).flat_map(char::to_lowercase).collect()
    }

    /// Puts the marker in the place of all that can hold something.
    fn replace(value: &mut Value) -> usize {
        let nothing = matches!(value, Value::Null | Value::Bool(_));
        if nothing || value.as_str() == Some(MARKER) {
            return 0;
        }
        *value = Value::String(MARKER.to_owned());
        1
    }
}

/// Pieces of names: whole secret words, halves of them, and what stands between.
fn name() -> impl Strategy<Value = String> {
    let pieces = vec![
        "pass", "word", "Pass", "PASS", "phrase", "wd", "secret", "Secret", "token", "private",
        "key", "Key", "KEY", "file", "bytes", "value", "api", "tab", "pin", "pw", "salt", "s",
        "jwt", "search", "server", "ssl", "cert", "serial", "Serial", "serials", "number",
        "licens", "e", "ing", "product", "enabled", "port", "x", "2", "0", ".", ".", ".", "_", "-",
        "ſ", "K", "É", "ß", "İ",
    ];
    proptest::collection::vec(proptest::sample::select(pieces), 0..7).prop_map(|all| all.concat())
}

/// Texts of names and what gives names a value.
fn text() -> impl Strategy<Value = String> {
    let pieces = vec![
        "=",
        ":",
        ">",
        " ",
        "\t",
        "\n",
        "\"",
        "\\\"",
        "'",
        "]",
        ")",
        "--",
        "-D",
        "<",
        "/",
        "://",
        "@",
        "u:p@",
        "ENC(",
        "ENC",
        "(",
        "PRIVATE",
        " KEY",
        "PRIVATE KEY",
        "eyJ",
        ".",
        "..",
        "a.b.c",
        "UFJJVkFU",
        "RSBLRV",
        "BSSVZBVEUgS0VZ",
        "QUklWQVRF",
        "IEtFW",
        "hunter2",
        "é",
        "\u{a0}",
        "\u{2028}",
    ];
    let piece = prop_oneof![name(), proptest::sample::select(pieces).prop_map(str::to_owned),];
    proptest::collection::vec(piece, 0..8).prop_map(|all| all.concat())
}

fn answer() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u32>().prop_map(Value::from),
        name().prop_map(Value::from),
        text().prop_map(Value::from),
        Just(json!(MARKER)),
    ];
    let naming = ["key", "Name", "config_key", "property-name", "id", "field"];
    let member = prop_oneof![
        name(),
        proptest::sample::select(naming.to_vec()).prop_map(str::to_owned),
        "[a-z]{60,70}",
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        let object = proptest::collection::btree_map(member.clone(), inner.clone(), 0..5);
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(Value::from),
            object.prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Whether everything that is taken out of one is taken out of the other.
fn takes_no_less(less: &Value, more: &Value) -> bool {
    match (less, more) {
        (_, Value::String(text)) if text == MARKER => true,
        (Value::Array(less), Value::Array(more)) => {
            less.iter().zip(more).all(|(less, more)| takes_no_less(less, more))
        }
        (Value::Object(less), Value::Object(more)) => {
            less.iter().all(|(member, less)| takes_no_less(less, &more[member]))
        }
        _ => less == more,
    }
}

/// Whether a member that names what is beside it holds more than a text, or is one that the plain rules do
/// not have.
fn names_at_a_distance(answer: &Value) -> bool {
    const NAMING: &[&str] = &["key", "configkey", "name", "propertyname", "id", "field"];
    match answer {
        Value::Array(values) => values.iter().any(names_at_a_distance),
        Value::Object(members) => members.iter().any(|(member, value)| {
            let letters: String = member.chars().filter(|c| c.is_alphabetic()).collect();
            let letters = letters.to_lowercase();
            let several = letters.strip_suffix('s').is_some_and(|one| NAMING.contains(&one));
            let more = NAMING.contains(&&*letters) && !value.is_string();
            several || more || letters == "k" || names_at_a_distance(value)
        }),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn names_and_texts_are_the_same(name in name(), text in text()) {
        prop_assert_eq!(is_secret(&name), names::is_secret(&name));
        prop_assert_eq!(redact(&mut json!(text)) == 1, text != MARKER && looks::secret(&text));
    }

    #[test]
    fn answers_are_the_same_or_lose_more(answer in answer()) {
        let (mut quick, mut plain) = (answer.clone(), answer.clone());
        let counts = (redact(&mut quick), plain::redact(&mut plain));
        prop_assert!(takes_no_less(&plain, &quick), "{} and {}", plain, quick);
        if !names_at_a_distance(&answer) {
            prop_assert_eq!((counts.0, quick), (counts.1, plain));
        }
    }
}
