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
use tsmgate_settings::files::{self, FILE_LIMIT, FileFault, Owners};
use tsmgate_text::escape;

use super::entry::{Entry, LeftOut};
use super::prints::{CLIENTS, FILES, REVOKED, names};
use crate::config::raw::Revoked;
use crate::config::{ConfigFault, Enrolment, NAME_RULE, deny_list, is_name};

/// No entry is larger, in bytes.
const ENTRY_LIMIT: u64 = 64 * 1024;

/// The folder that the authority's service publishes.
pub(super) struct Folder<'a> {
    path: &'a Path,
    owners: [u32; 2],
}

/// `revoked.toml`. An empty file is half a list, and not one that names nobody.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokedFile {
    serials: Vec<Spanned<String>>,
    #[serde(default)]
    public_keys_sha256: Vec<Spanned<String>>,
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
        let text = self.text(&path, FILE_LIMIT)?;
        let RevokedFile { serials, public_keys_sha256 } = fault::parse(&path, &text)?;
        let at = |span: &_, message: String| ConfigFault::at(&path, &text, span, message);
        deny_list(&Revoked { serials, public_keys_sha256 }, &at)
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
