//! An option of a command, and what its value may be.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The longest value, in bytes. Nothing documented comes near it.
pub const VALUE_LIMIT: usize = 4096;

/// One option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opt {
    /// Its long name, without dashes.
    pub long: Cow<'static, str>,
    /// Its short name without the dash, one letter or the vendor's two (`c`, `cf`).
    pub short: Option<Cow<'static, str>>,
    /// What its value is.
    pub kind: Kind,
    /// Whether the command needs it.
    pub required: bool,
    /// What TSM takes where it is not given, as documented. Never sent for that.
    pub default: Option<Cow<'static, str>>,
    /// Whether it may be given more than once.
    pub repeatable: bool,
    /// Long names of the options that exclude it.
    pub conflicts: Vec<Cow<'static, str>>,
    /// What it does, in one line.
    pub summary: Cow<'static, str>,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// There is none: the option is there or not.
    Flag,
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Choice(Vec<Cow<'static, str>>),
    /// One line of text, which begins with no dash.
    Text,
    /// The name of a file in a folder of TSM's own: no folders in it, no dash before it.
    FileName,
    /// A host's name or address.
    Host,
    /// A TCP port.
    Port,
    /// A whole number of seconds, at least 1.
    Seconds,
    /// A whole number of milliseconds.
    Milliseconds,
    /// A list as Apache's `SSLProtocol` takes it: words with an optional `+` or `-`, joined by blanks or commas.
    Protocols,
    /// A file that goes along; on the host the option names a copy of it.
    SendFile(FileKind),
    /// A file that the command writes on the host, and that comes back.
    FetchFile,
    /// A password or passphrase: in no record, no answer, no page.
    Secret,
}

/// What is in a file that goes along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    /// One X.509 certificate, PEM.
    Certificate,
    /// One X.509 certificate, PEM or DER.
    CertificateOrDer,
    /// Certificates of a chain, PEM.
    Chain,
    /// A private key, PEM.
    PrivateKey,
    /// Certificate revocation lists.
    RevocationList,
    /// Anything.
    Any,
}
