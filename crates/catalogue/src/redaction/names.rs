//! Names whose values are secret: one table.
//!
//! From the configuration of a real server (2019.2.2: `pgsql.adminpassword`, `pgsql.readonly_password`,
//! `pgsql.remote_password`, `grpc.request.secret`, `grpc.response.secret`, `zookeeper.tsm.password`,
//! `wgserver.saml.key.passphrase`, `searchserver.ssl.*`, `elasticserver.ssl.*`, the active key of `crypto.*`),
//! and, by words, whatever else is named in that manner. A name with such a word and a harmless value, as a
//! time limit of tokens, is taken as well.

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

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

static LETTERS_ANYWHERE: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| any_of(LETTERS));
/// The letters of every rule: a name without any of them is no secret's, and most are without.
static ANYTHING: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let words = WORDS.iter().map(|words| words.replace('.', ""));
    let letters = LETTERS.iter().map(|letters| (*letters).to_owned());
    AhoCorasick::new(words.chain(letters).chain([SERIAL.to_owned()])).ok()
});
static WORDS_ANYWHERE: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| any_of(WORDS));

const SERIAL: &str = "serial";

/// Room in which names are written as they are compared, kept from one to the next.
#[derive(Default)]
pub(super) struct Names {
    /// The letters in lower case.
    letters: Vec<u8>,
    /// The same as words, with a dot before and after each.
    words: Vec<u8>,
}

impl Names {
    /// Whether the values of this name are secret.
    pub(super) fn is_secret(&mut self, name: &str) -> bool {
        self.is_secret_below("", name)
    }

    /// Whether the values of what is named `name` are, where all above it is named `above`.
    fn is_secret_below(&mut self, above: &str, name: &str) -> bool {
        if !self.could_be_secret(above, name) {
            return false;
        }
        if finds(&LETTERS_ANYWHERE, &self.letters) {
            return true;
        }
        self.read_words(above, name);
        finds(&WORDS_ANYWHERE, &self.words) || self.is_serial_of_licence()
    }

    /// `false` only where neither the whole nor any piece of it, between signs that are no letters, is
    /// the name of something secret.
    pub(super) fn could_be_secret(&mut self, above: &str, name: &str) -> bool {
        self.letters.clear();
        read_letters(above, &mut self.letters);
        read_letters(name, &mut self.letters);
        finds(&ANYTHING, &self.letters)
    }

    /// Whether a text, below what is named `above`, is the name of something secret: letters, digits, `.`,
    /// `_` and `-`, and not long.
    pub(super) fn says_secret(&mut self, above: &str, text: &str) -> bool {
        const LONGEST_NAME: usize = 128;
        let named = text.len() <= LONGEST_NAME && text.chars().all(is_of_name);
        named
            && self.could_be_secret(above, text)
            && (self.is_secret(text) || self.is_secret_below(above, text))
    }

    /// Whether a text gives a secret beside its name: `-DtrustStorePassword=…`, `password: …`, JSON or XML
    /// inside of a text, `--password …`, `pgsql.adminpassword …`.
    pub(super) fn assigns_secret(&mut self, text: &str) -> bool {
        let assigns = |byte: u8| matches!(byte, b'=' | b':' | b'>');
        let names = |byte: u8| matches!(byte, b'.' | b'-');
        let could = text.bytes().any(assigns)
            || (text.bytes().any(names) && text.contains(char::is_whitespace));
        if !could || !self.could_be_secret("", text) {
            return false;
        }
        let assigned = text.match_indices(['=', ':', '>']).any(|(at, _)| {
            let before = text.get(..at).unwrap_or_default();
            let before = before.trim_end_matches([' ', '\t', '"', '\'', '\\', ']', ')']);
            let name = before.rsplit(|c| !is_of_name(c)).next().unwrap_or_default();
            self.is_secret(name)
        });
        let mut words = text.split_whitespace().peekable();
        let mut followed = false;
        while let Some(word) = words.next() {
            let name = word.starts_with('-') || word.contains('.');
            followed |= name && words.peek().is_some() && self.is_secret(word);
        }
        assigned || followed
    }

    /// `serial` without more, where no certificate is named; any serial where a licence is.
    fn is_serial_of_licence(&self) -> bool {
        if !holds(&self.letters, SERIAL.as_bytes()) {
            return false;
        }
        let plain = self.words.ends_with(b".serial.") || self.words.ends_with(b".serials.");
        let licence = holds(&self.letters, b"license")
            || holds(&self.letters, b"licence")
            || holds(&self.letters, b"licensing");
        licence || (plain && !holds(&self.letters, b"cert"))
    }

    /// Takes down the words of a name: what is not a letter ends a word, and so does a capital after a small
    /// letter.
    fn read_words(&mut self, above: &str, name: &str) {
        self.words.clear();
        self.words.push(b'.');
        let mut small_before = false;
        let joint = if above.is_empty() { "" } else { "." };
        for character in [above, joint, name].into_iter().flat_map(str::chars) {
            let joins = !character.is_alphabetic() || (character.is_uppercase() && small_before);
            if joins {
                self.end_word();
            }
            lower(character, &mut self.words);
            small_before = character.is_lowercase();
        }
        self.end_word();
    }

    fn end_word(&mut self) {
        if self.words.last() != Some(&b'.') {
            self.words.push(b'.');
        }
    }
}

/// Adds the letters of a text in lower case, without all that joins them.
fn read_letters(text: &str, letters: &mut Vec<u8>) {
    if text.is_ascii() {
        let all = text.bytes().filter(u8::is_ascii_alphabetic);
        letters.extend(all.map(|byte| byte.to_ascii_lowercase()));
    } else {
        text.chars().for_each(|character| lower(character, letters));
    }
}

/// Adds a letter in lower case; nothing for what is none.
fn lower(character: char, to: &mut Vec<u8>) {
    if character.is_alphabetic() {
        for letter in character.to_lowercase() {
            to.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

pub(super) fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '.' | '_' | '-')
}

/// One of a few short texts: that cannot fail to build, and where it did, everything would be taken for secret.
pub(super) fn any_of(texts: &[&str]) -> Option<AhoCorasick> {
    AhoCorasick::new(texts).ok()
}

/// Whether one of the texts is in it.
pub(super) fn finds(texts: &Option<AhoCorasick>, within: &[u8]) -> bool {
    texts.as_ref().is_none_or(|texts| texts.is_match(within))
}

fn holds(letters: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(letters, part).is_some()
}
