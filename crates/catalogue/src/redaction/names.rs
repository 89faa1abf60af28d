//! Names whose values are secret: one table.
//!
//! From the configuration of a real server (2019.2.2: `pgsql.adminpassword`, `pgsql.readonly_password`,
//! `pgsql.remote_password`, `grpc.request.secret`, `grpc.response.secret`, `zookeeper.tsm.password`,
//! `wgserver.saml.key.passphrase`, `searchserver.ssl.*`, `elasticserver.ssl.*`, the active key of `crypto.*`),
//! and, by words, whatever else is named in that manner. A name with such a word and a harmless value, as a
//! time limit of tokens, is taken as well.

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
