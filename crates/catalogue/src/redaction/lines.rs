//! Secrets in the lines that a command prints: settings as `key: value`, `key=value` or in columns, arguments
//! that are repeated in a complaint, private keys over several lines. From where a secret begins, the rest of
//! its line is taken: rather too much than too little.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::names::{Names, is_of_name};
use super::{MARKER, looks, redact_text};

/// A private key is this many lines long at most; what is longer was none.
const KEY_LINES: u32 = 512;
/// Names are not longer than this, in bytes.
const NAME_LIMIT: usize = 128;
/// So much of a line is kept, in bytes, to find what goes on in its next piece.
const TAIL: usize = 512;
/// A secret of fewer bytes is not looked for by itself: it would be found everywhere.
const SHORTEST: usize = 4;

/// Takes the secrets out of one line, which is looked at by itself.
pub fn redact_line(line: &str) -> Cow<'_, str> {
    let mut names = Names::default();
    if let Some(json) = in_json(line) {
        return json;
    }
    // the lines of a table are blanks
    let plain = line.replace('|', " ");
    if let Some(from) = secret_value(&plain, &mut names) {
        return marked_from(line, from);
    }
    by_look(line)
}

/// Takes the secrets out of lines, one after another: also such as reach over several.
#[derive(Default)]
pub struct Lines {
    /// Values that are known, and secret wherever they stand.
    secrets: Vec<Zeroizing<String>>,
    /// How many more lines of a private key there can be.
    key_lines: u32,
    /// The line before ended with the name of a secret, whose value may be the next.
    value_follows: bool,
    /// The setting that the lines are about, by a line that said its name, is a secret.
    about_secret: bool,
    /// The end of the unfinished line that the next piece goes on.
    tail: Zeroizing<String>,
    /// Something of the unfinished line was taken out, and so all that follows of it is.
    taken: bool,
}

impl Lines {
    /// For the output of a command that was given these secrets, which are taken out wherever they stand.
    pub fn hiding<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let long = secrets.into_iter().filter(|secret| secret.len() >= SHORTEST);
        let secrets = long.map(|secret| Zeroizing::new(secret.to_owned())).collect();
        Self { secrets, ..Self::default() }
    }

    /// The next line, without its end.
    pub fn line<'a>(&mut self, line: &'a str) -> Cow<'a, str> {
        self.piece(line, true)
    }

    /// The next piece of a line that is too long to be held whole; `ends` where the line ends with it. What
    /// begins in one piece and ends in the next is taken out of the later one alone.
    pub fn piece<'a>(&mut self, piece: &'a str, ends: bool) -> Cow<'a, str> {
        let goes_on = !self.tail.is_empty() || self.taken;
        let shown = if goes_on { self.later_piece(piece) } else { self.beginning(piece) };
        if ends {
            self.tail = Zeroizing::default();
            self.taken = false;
        } else {
            self.taken |= matches!(shown, Cow::Owned(_));
            let mut tail = format!("{}{piece}", *self.tail);
            let from = (tail.len().saturating_sub(TAIL)..).find(|at| tail.is_char_boundary(*at));
            tail.drain(..from.unwrap_or_default());
            self.tail = Zeroizing::new(tail);
        }
        shown
    }

    fn later_piece<'a>(&mut self, piece: &'a str) -> Cow<'a, str> {
        let together = Zeroizing::new(format!("{}{piece}", *self.tail));
        let secret = self.taken
            || self.key_lines > 0
            || matches!(self.known(&together), Cow::Owned(_))
            || matches!(redact_line(&together), Cow::Owned(_));
        if secret { MARKER.into() } else { piece.into() }
    }

    fn beginning<'a>(&mut self, line: &'a str) -> Cow<'a, str> {
        if self.key_lines > 0 {
            let ends = line.contains("-----END");
            self.key_lines = if ends { 0 } else { self.key_lines - 1 };
            return MARKER.into();
        }
        if let Some((_, after)) = line.split_once("-----BEGIN ")
            && after.split("-----").next().is_some_and(|what| what.contains("PRIVATE KEY"))
        {
            self.key_lines = if after.contains("-----END") { 0 } else { KEY_LINES };
            self.value_follows = false;
            return MARKER.into();
        }
        let follows = std::mem::replace(&mut self.value_follows, ends_with_name(line));
        if follows && !line.trim().is_empty() && !is_setting(line) {
            return MARKER.into();
        }
        if let Some(from) = self.of_setting(line) {
            return marked_from(line, from);
        }
        match self.known(line) {
            Cow::Borrowed(line) => redact_line(line),
            Cow::Owned(line) => redact_line(&line).into_owned().into(),
        }
    }

    /// Where the value begins in a line as `New value: …` of a setting whose name an earlier line said to be that
    /// of a secret (`Key: pgsql.adminpassword`).
    fn of_setting(&mut self, line: &str) -> Option<usize> {
        const QUOTES: [char; 7] = ['"', '\'', ' ', ',', '|', '*', '-'];
        let (name, value) = line.split_once([':', '='])?;
        let name = name.trim_matches(QUOTES).to_ascii_lowercase();
        let last = name.rsplit(' ').next().unwrap_or_default();
        if matches!(last, "key" | "name" | "setting" | "property") {
            let value = value.trim_matches(QUOTES);
            self.about_secret = value.len() <= NAME_LIMIT && super::is_secret(value);
            return None;
        }
        let of_it = ["value", "old", "new", "current", "pending", "from", "to"].contains(&last);
        let from = line.len() - value.len();
        (self.about_secret && of_it).then(|| value_at(line, from)).flatten()
    }

    /// The known secrets taken out.
    fn known<'a>(&self, line: &'a str) -> Cow<'a, str> {
        let mut line = Cow::Borrowed(line);
        for secret in &self.secrets {
            if line.contains(secret.as_str()) {
                line = line.replace(secret.as_str(), MARKER).into();
            }
        }
        line
    }
}

/// A line that says a name and something of it, so that it is not the value of the name in the line before.
fn is_setting(line: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._- ".contains(&byte);
    line.trim().split_once([':', '=']).is_some_and(|(name, value)| {
        let value = value.trim_matches(['=', ' ']);
        !name.is_empty()
            && name.bytes().all(plain)
            && !value.is_empty()
            && line.contains([' ', '='])
    })
}

/// A line that is a JSON document.
fn in_json(line: &str) -> Option<Cow<'_, str>> {
    if !line.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let (json, count) = redact_text(line.as_bytes()).ok()?;
    Some(if count == 0 { line.into() } else { String::from_utf8(json).ok()?.into() })
}

/// Where the value begins that stands beside the name of a secret.
fn secret_value(line: &str, names: &mut Names) -> Option<usize> {
    let after_sign = after_sign(line, names);
    let after_word = after_word(line, names);
    let after_gap = after_gap(line, names);
    after_sign.into_iter().chain(after_word).chain(after_gap).min()
}

/// `name: value`, `name=value`, `"name": "value"`, `<name>value`.
fn after_sign(line: &str, names: &mut Names) -> Option<usize> {
    let mut first = true;
    line.match_indices([':', '=', '>']).find_map(|(at, sign)| {
        let before = line.get(..at)?.trim_end_matches([' ', '\t', '"', '\'', '\\', ']', ')']);
        let name = before.rsplit(|c| !is_of_name(c)).next().unwrap_or_default();
        // a name of several words, as people are shown it
        let whole = std::mem::take(&mut first).then(|| before.trim_start());
        let secret = [Some(name), whole]
            .into_iter()
            .flatten()
            .any(|name| name.len() <= NAME_LIMIT && names.is_secret(name));
        secret.then(|| value_at(line, at + sign.len())).flatten()
    })
}

/// `--name value`, `pgsql.name value`, and columns.
fn after_word(line: &str, names: &mut Names) -> Option<usize> {
    let mut words = words(line).peekable();
    let mut first = true;
    while let Some((at, word)) = words.next() {
        let Some((next, following)) = words.peek().copied() else { break };
        let inner =
            word.trim_matches(['.', ',', ';', '"', '\'', '`', '(', ')', '[', ']', '{', '}']);
        let named = inner.starts_with('-') || inner.contains(['.', '_']);
        let column = std::mem::take(&mut first) && {
            let gap = line.get(at + word.len()..next).unwrap_or_default();
            let pair = words.clone().count() == 1 && !following.ends_with('.');
            gap.len() > 1 || gap.contains('\t') || pair
        };
        if (named || column)
            && inner.len() <= NAME_LIMIT
            && inner.chars().all(is_of_name)
            && !following.starts_with(['=', ':'])
            && names.is_secret(inner)
            && let Some(value) = value_at(line, next)
        {
            return Some(value);
        }
    }
    None
}

/// Some words, a gap as columns have it, and a value.
fn after_gap(line: &str, names: &mut Names) -> Option<usize> {
    let text = line.trim_start();
    let begin = line.len() - text.len();
    let gap = text.find("  ").or_else(|| text.find('\t'))?;
    let name = text.get(..gap)?.trim_matches(['*', '-', ' ']);
    let secret = name.len() <= NAME_LIMIT && !name.is_empty() && names.is_secret(name);
    secret.then(|| value_at(line, begin + gap)).flatten()
}

/// Words and where they begin.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> + Clone {
    let start = line.as_ptr().addr();
    line.split_whitespace().map(move |word| (word.as_ptr().addr() - start, word))
}

/// Where the value begins that stands from `at` on, where it can be a secret: `true`, `false` and nothing at
/// all hold none.
fn value_at(line: &str, at: usize) -> Option<usize> {
    let rest = line.get(at..)?;
    let value = rest.trim_start();
    let plain = value.trim_matches([' ', '\t', '"', '\'', ',', ';', '}', '{', '[', ']']);
    let harmless = matches!(plain, "" | "true" | "false" | "null") || value.starts_with(MARKER);
    (!harmless).then(|| at + (rest.len() - value.len()))
}

fn marked_from(line: &str, from: usize) -> Cow<'_, str> {
    format!("{}{MARKER}", line.get(..from).unwrap_or_default()).into()
}

/// Words that are secret by their look; where that is none of them alone, the line.
fn by_look(line: &str) -> Cow<'_, str> {
    if !looks::itself(line) {
        return line.into();
    }
    let Some((from, _)) = words(line).find(|(_, word)| looks::itself(word)) else {
        return MARKER.into();
    };
    // what is left of it is not looked at again: it may be the secret's own rest
    marked_from(line, from)
}

/// Whether a line is the name of a secret and a sign after which its value is awaited.
fn ends_with_name(line: &str) -> bool {
    let line = line.trim();
    let name = line.strip_suffix([':', '=']).map(|name| name.trim_matches([' ', '"', '\'']));
    name.is_some_and(|name| name.len() <= NAME_LIMIT && super::is_secret(name))
}
