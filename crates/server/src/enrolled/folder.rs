//! Reading the folder: its deny list, and its entries, a file each.
//!
//! Root, the gate's own user and the service's may have written there, and nobody else. What is wrong with one
//! entry is that entry's matter; what is wrong with the folder or the deny list is everybody's.

use std::io;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;
use tsmgate_gate::policy::DenyList;
use tsmgate_settings::fault;
use tsmgate_settings::files::{self, FileFault, Owners};
use tsmgate_text::escape;

use super::entry::{Entry, LeftOut};
use super::prints::{CLIENTS, FILES, REVOKED, names};
use crate::config::raw::Revoked;
use crate::config::{ConfigFault, Enrolment, NAME_RULE, deny_list, is_name};

/// No entry is larger, in bytes: there are thousands, and all of them are read at once.
const ENTRY_LIMIT: u64 = 8 * 1024;
/// The deny list is no larger, in bytes, nor has more serial numbers.
const REVOKED_LIMIT: u64 = 4 * 1024 * 1024;
const SERIALS_MOST: usize = 50_000;
/// A serial number has no more digits, colons counted (RFC 5280 § 4.1.2.2).
const SERIAL_LONGEST: usize = 63;

/// The folder that the authority's service publishes.
pub(super) struct Folder<'a> {
    path: &'a Path,
    owners: [u32; 2],
}

/// `revoked.toml`: certificates of the service's own, by their numbers. An empty file is half a list, and not
/// one that names nobody.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokedFile {
    serials: Vec<Spanned<String>>,
}

impl<'a> Folder<'a> {
    pub(super) fn of(order: &'a Enrolment) -> Self {
        Self { path: &order.folder, owners: [files::us(), order.owner] }
    }

    /// Who is refused.
    ///
    /// # Errors
    /// The list is missing or broken, or others could have written it.
    pub(super) fn denied(&self) -> Result<DenyList, ConfigFault> {
        let path = self.path.join(REVOKED);
        let text = self.text(&path, REVOKED_LIMIT)?;
        let RevokedFile { serials } = fault::parse(&path, &text)?;
        if serials.len() > SERIALS_MOST {
            let message = format!("there are more than {SERIALS_MOST} serial numbers in it");
            return Err(ConfigFault::whole(&path, message));
        }
        let at = |span: &_, message: String| ConfigFault::at(&path, &text, span, message);
        if let Some(long) = serials.iter().find(|serial| serial.get_ref().len() > SERIAL_LONGEST) {
            return Err(at(&long.span(), "is longer than any serial number".to_owned()));
        }
        deny_list(&Revoked { serials, public_keys_sha256: Vec::new() }, &at)
    }

    /// The entries, in the order of their names, and the files that are none.
    ///
    /// # Errors
    /// They cannot be listed, or others could have put one there.
    pub(super) fn entries(&self) -> Result<(Vec<Entry>, Vec<LeftOut>), ConfigFault> {
        let clients = self.path.join(CLIENTS);
        let unreadable = |cause| FileFault::Unreadable { path: clients.clone(), cause };
        Owners(&self.owners).folders(&Owners(&self.owners).led_to(&clients)?)?;
        let (names, more) = names(&clients).map_err(unreadable)?;
        let (mut entries, mut broken) = (Vec::new(), Vec::new());
        for name in &names {
            let path = clients.join(name);
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if !is_name(stem) {
                let file = escape(name.as_encoded_bytes());
                let why = format!("{CLIENTS}/{file}: a client's name is {NAME_RULE}");
                broken.push(LeftOut { file, why });
                continue;
            }
            match self.entry(&path, stem) {
                Ok(entry) => entries.push(entry),
                // it was taken out just now
                Err(fault) if is_gone(&fault) => {}
                Err(fault) => broken.push(LeftOut::of(stem, &fault)),
            }
        }
        if more > 0 {
            let why = format!("{}: {more} files beyond the first {FILES}", clients.display());
            broken.push(LeftOut { file: "*".to_owned(), why });
        }
        Ok((entries, broken))
    }

    fn entry(&self, path: &Path, name: &str) -> Result<Entry, ConfigFault> {
        Entry::read(path, self.text(path, ENTRY_LIMIT)?, name)
    }

    fn text(&self, path: &Path, limit: u64) -> Result<String, ConfigFault> {
        let bytes = Owners(&self.owners).read(path, limit)?;
        String::from_utf8(bytes).map_err(|_| ConfigFault::whole(path, "the file is not UTF-8 text"))
    }
}

fn is_gone(fault: &ConfigFault) -> bool {
    matches!(fault, ConfigFault::File(FileFault::Unreadable { cause, .. })
        if cause.kind() == io::ErrorKind::NotFound)
}
