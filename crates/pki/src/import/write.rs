//! The accepted parts as files: what may be known to all readable by all, a key by its owner alone.
//! Either all are written, or a place is taken and none is.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::read::{Block, Key};
use super::{Import, Part, Role};
use crate::error::PkiError;
use crate::inspect::View;
use crate::store::{self, Access, Place};

const LINE: usize = 64;

pub(super) fn write(
    import: &Import,
    folder: &Path,
    replace: bool,
) -> Result<Vec<PathBuf>, PkiError> {
    let files: Vec<_> = files(import)?
        .into_iter()
        .map(|(name, text, access)| (folder.join(name), text, access))
        .collect();
    let place = Place::replacing(replace);
    if place == Place::Empty {
        for (path, ..) in &files {
            store::must_be_empty(path)?;
        }
    }
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(PkiError::file("make the folder", folder, &error));
        }
        _ => {}
    }
    for (path, text, access) in &files {
        store::write(path, text.as_bytes(), *access, place)?;
    }
    Ok(files.into_iter().map(|(path, ..)| path).collect())
}

/// Names, texts, and who may read them; the key before its chain, which is of no use without.
fn files(import: &Import) -> Result<Vec<(String, Zeroizing<String>, Access)>, PkiError> {
    let text = |role| -> Zeroizing<String> {
        Zeroizing::new(import.accepted(role).map(|(_, block)| pem(block).to_string()).collect())
    };
    let mut files = Vec::new();
    let authorities = text(Role::ClientAuthority);
    if !authorities.is_empty() {
        files.push(("client-ca.pem".to_owned(), authorities, Access::Public));
    }
    let lists = text(Role::RevocationList);
    if !lists.is_empty() {
        files.push(("clients.crl".to_owned(), lists, Access::Public));
    }
    let mut clients = import.accepted(Role::Client);
    let Some((client, leaf)) = clients.next() else { return Ok(files) };
    if clients.next().is_some() {
        return Err(PkiError::ManyClients);
    }
    let public_key = public_key(client);
    let mine = |(part, _): &(&Part, &Block)| {
        public_key.is_some() && self::public_key(part) == public_key || is_encrypted(part)
    };
    if let Some((_, key)) = import.accepted(Role::PrivateKey).find(mine) {
        files.push((format!("{}.key", file_name(client)), pem(key), Access::Secret));
    }
    let chain = pem(leaf).to_string() + &text(Role::Intermediate);
    files.push(("chain.pem".to_owned(), Zeroizing::new(chain), Access::Public));
    Ok(files)
}

fn public_key(part: &Part) -> Option<&String> {
    match &part.view {
        View::Certificate(view) => Some(&view.public_key),
        View::PrivateKey(view) => view.public_key.as_ref(),
        _ => None,
    }
}

fn is_encrypted(part: &Part) -> bool {
    matches!(&part.view, View::PrivateKey(key) if key.encrypted)
}

/// The last part of its URI, or its DNS name, where that can be a file's name; else `client`.
fn file_name(client: &Part) -> &str {
    let identity = client.identity.as_deref().unwrap_or_default();
    let name = match identity.split_once(':') {
        Some(("URI", uri)) => uri.rsplit('/').next(),
        Some(("DNS", name)) => Some(name),
        _ => None,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    name.filter(|name| (1..=64).contains(&name.len()) && !name.starts_with('.'))
        .filter(|name| name.bytes().all(plain))
        .unwrap_or("client")
}

fn pem(block: &Block) -> Zeroizing<String> {
    let (label, der) = match block {
        Block::Certificate(der) => ("CERTIFICATE", der),
        Block::List(der) => ("X509 CRL", der),
        Block::Key(Key { label, der }) => (label.as_str(), &**der),
    };
    let encoded = Zeroizing::new(BASE64.encode(der));
    // of the full size at once: a text that grows leaves copies of a key behind
    let mut text = Zeroizing::new(String::with_capacity(encoded.len() * 2 + 128));
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    for (index, letter) in encoded.chars().enumerate() {
        if index > 0 && index % LINE == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str(&format!("\n-----END {label}-----\n"));
    text
}
