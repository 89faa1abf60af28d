//! What can be known of an order before it is sent: whether its certificates, keys and settings fit each
//! other, are valid today, and are strong enough to be taken.
//!
//! Files are somebody's, so every part of them that is shown is escaped, and of a key nothing is shown. What is
//! not understood is said to be so, and never guessed. Nothing here does I/O.

use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use tsmgate_catalogue::command::{Command, FileKind, Kind, Opt, Text};
use zeroize::Zeroizing;

use crate::failure::shown;

mod certificate;
mod chain;
mod key;
mod pem;
mod revocation;
mod settings;
#[cfg(test)]
mod tests;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It cannot work.
    Error,
    /// It may not work, or not for long.
    Warning,
    /// Worth knowing.
    Note,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What, in one visible line.
    pub what: String,
    /// What can be done about it, in one line.
    pub hint: String,
}

/// One option of an order, as it was given.
pub struct Input {
    option: String,
    what: What,
}

enum What {
    File { kind: FileKind, path: PathBuf, bytes: Zeroizing<Vec<u8>> },
    Value(String),
    Secret(Text),
}

impl Input {
    /// A file, and what was read of it.
    pub fn file(option: &Opt, kind: FileKind, path: PathBuf, bytes: Zeroizing<Vec<u8>>) -> Self {
        Self { option: option.long.clone().into_owned(), what: What::File { kind, path, bytes } }
    }

    /// A value that may be shown.
    pub fn value(option: &Opt, value: &str) -> Self {
        Self { option: option.long.clone().into_owned(), what: What::Value(value.to_owned()) }
    }

    /// A secret; a passphrase is tried on its key, and nothing else is done with it.
    pub fn secret(option: &Opt, secret: Text) -> Self {
        Self { option: option.long.clone().into_owned(), what: What::Secret(secret) }
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Input({})", self.option)
    }
}

/// All that was found, in the order of the options; what concerns several of them after that.
pub fn judge(command: &Command, inputs: &[Input], now: OffsetDateTime) -> Vec<Finding> {
    let has_key = command.options.iter().any(|o| o.kind == Kind::SendFile(FileKind::PrivateKey));
    let mut findings = Vec::new();
    // what belongs together: a certificate, its key, what leads to its authority
    let (mut leaf, mut key, mut chain) = (None, None, None);
    for input in inputs {
        let What::File { kind, path, bytes } = &input.what else { continue };
        let file = File { option: &input.option, path, findings: &mut findings };
        match kind {
            FileKind::Certificate => leaf = certificate::judge(file, bytes, has_key, false, now),
            FileKind::CertificateOrDer => drop(certificate::judge(file, bytes, false, true, now)),
            FileKind::Chain => chain = chain::judge(file, bytes, now).map(|read| (input, read)),
            FileKind::PrivateKey => key = key::judge(file, bytes).map(|read| (input, read)),
            FileKind::RevocationList => revocation::judge(file, bytes, now),
            FileKind::Any => {}
        }
    }
    let passphrase = inputs.iter().find(|i| i.is_secret() && i.option.contains("passphrase"));
    let key = key.map(|(input, key)| {
        let (key, found) = key::with_passphrase(command, input, key, passphrase);
        findings.extend(found);
        (input, key)
    });
    if let (true, Some(leaf)) = (has_key, &leaf) {
        if let Some((input, key)) = &key {
            findings.extend(key::beside(input, key, leaf));
        }
        if let Some((input, chain)) = &chain {
            findings.extend(chain::beside(input, chain, leaf));
        }
    }
    findings.extend(settings::judge(command, inputs));
    findings
}

impl Input {
    fn is_secret(&self) -> bool {
        matches!(self.what, What::Secret(_))
    }

    /// As it is called in a finding: the option and the file.
    fn called(&self) -> String {
        match &self.what {
            What::File { path, .. } => called(&self.option, path),
            What::Value(_) | What::Secret(_) => format!("--{}", self.option),
        }
    }
}

fn called(option: &str, path: &Path) -> String {
    format!("--{option} {}", shown(path))
}

/// A file of an option, and where what is found in it goes.
struct File<'a> {
    option: &'a str,
    path: &'a Path,
    findings: &'a mut Vec<Finding>,
}

impl File<'_> {
    fn found(&mut self, severity: Severity, what: &str, hint: impl Into<String>) {
        let what = format!("{} {what}", called(self.option, self.path));
        self.findings.push(Finding { severity, what, hint: hint.into() });
    }

    /// A name that the vendor does not expect; scripts have other ones that work.
    fn expect_extension(&mut self, wanted: &str) {
        if self.path.extension().is_none_or(|extension| !extension.eq_ignore_ascii_case(wanted)) {
            let what = format!("is not named *.{wanted}, as TSM's documentation asks for");
            self.found(Severity::Warning, &what, "rename it where TSM does not take it");
        }
    }
}
