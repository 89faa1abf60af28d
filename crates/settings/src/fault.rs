//! What is wrong with a configuration, and where: `FILE:LINE:COLUMN: what`, and one hint.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::files::{self, FileFault};
use tsmgate_text::escape;

/// A fault in the configuration.
#[derive(Debug)]
pub enum ConfigFault {
    /// A file cannot be taken.
    File(FileFault),
    /// A file's contents are wrong.
    Contents {
        /// Which file.
        path: PathBuf,
        /// Line and column, from 1, where it is.
        place: Option<(usize, usize)>,
        /// What is wrong.
        message: String,
    },
}

impl ConfigFault {
    /// A fault of a whole file.
    pub fn whole(path: &Path, message: impl Into<String>) -> Self {
        let message = escape(message.into());
        Self::Contents { path: path.to_owned(), place: None, message }
    }

    /// A fault at a place of a file's text.
    pub fn at(
        path: &Path,
        contents: &str,
        span: &Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        let place = Some(place(contents, span.start));
        let message = escape(message.into());
        Self::Contents { path: path.to_owned(), place, message }
    }
}

impl From<FileFault> for ConfigFault {
    fn from(fault: FileFault) -> Self {
        Self::File(fault)
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(fault) => fault.fmt(formatter),
            Self::Contents { path, place: Some((line, column)), message } => {
                write!(formatter, "{}:{line}:{column}: {message}", path.display())
            }
            Self::Contents { path, place: None, message } => {
                write!(formatter, "{}: {message}", path.display())
            }
        }
    }
}

impl std::error::Error for ConfigFault {}

/// Reads TOML text; an unknown key names the nearest known one.
///
/// # Errors
/// It is not TOML, or not of this shape; with line and column.
pub fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, ConfigFault> {
    toml::from_str(text).map_err(|error| {
        let message = with_nearest(error.message());
        match error.span() {
            Some(span) => ConfigFault::at(path, text, &span, message),
            None => ConfigFault::whole(path, message),
        }
    })
}

/// The text of the file at `path`, which nobody else may have written.
///
/// # Errors
/// It is missing, others could have written it, or it is not text.
pub fn read_text(path: &Path) -> Result<String, ConfigFault> {
    let bytes = files::read(path, files::Kind::Open)?;
    String::from_utf8(bytes).map_err(|_| ConfigFault::whole(path, "the file is not UTF-8 text"))
}

/// Line and column, from 1, of a byte of a text. Columns count characters.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// ``unknown field `a`, expected one of `b`, `c` `` becomes ``unknown key `a`; did you mean `b`?``
fn with_nearest(message: &str) -> String {
    let Some(rest) = message.strip_prefix("unknown field ") else {
        return escape(message);
    };
    let mut quoted = rest.split('`').skip(1).step_by(2);
    let unknown = escape(quoted.next().unwrap_or_default());
    match nearest(&unknown, quoted.clone()) {
        Some(known) => format!("unknown key `{unknown}`; did you mean `{known}`?"),
        None => {
            let known: Vec<_> = quoted.collect();
            format!("unknown key `{unknown}`; known here: {}", known.join(", "))
        }
    }
}

/// The known word that takes the fewest edits, if that is fewer than half of the word.
pub fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| (edits(word, candidate), candidate))
        .min()
        .filter(|(edits, _)| *edits * 2 < word.chars().count().max(2))
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (line, letter) in from.chars().enumerate() {
        let mut next = vec![line + 1];
        for (above, other) in row.windows(2).zip(&to) {
            let [diagonal, up] = above else { continue };
            let left = next.last().copied().unwrap_or_default();
            let change = diagonal + usize::from(*other != letter);
            next.push(change.min(up + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
