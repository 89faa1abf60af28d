//! Changes of the configuration file: a profile added, removed, made the current one. What a person wrote
//! around it, comments too, stays as it is.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml_edit::{DocumentMut, Item, Table, value};

use super::{Profile, ProfileFault, ProfileName, Profiles};
use crate::system::mode::{Readers, make_private_folder, write_whole};

const CURRENT: &str = "current";
const PROFILE: &str = "profile";

/// The file, read to be changed.
#[derive(Debug)]
pub struct WrittenProfiles {
    path: PathBuf,
    document: DocumentMut,
    read: Profiles,
}

impl WrittenProfiles {
    /// Reads the file, or begins a new one.
    ///
    /// # Errors
    /// Those of [`Profiles::read`]: a file that is wrong is not changed.
    pub fn open(path: PathBuf) -> Result<Self, ProfileFault> {
        let read = Profiles::read(&path)?;
        let unread = |kind| ProfileFault::Unwritten { path: path.clone(), kind };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(unread(error.kind())),
        };
        // it was read as TOML just now: if not any more, somebody is writing it
        let document = text.parse().map_err(|_| unread(io::ErrorKind::InvalidData))?;
        Ok(Self { path, document, read })
    }

    /// Adds a profile; the first one becomes the current one. Tells whether it did.
    ///
    /// # Errors
    /// [`ProfileFault::There`] where one of that name is there and `replace` is not wanted.
    pub fn add(
        &mut self,
        name: &ProfileName,
        profile: &Profile,
        replace: bool,
    ) -> Result<bool, ProfileFault> {
        if self.read.find(name, &self.path).is_ok() && !replace {
            return Err(ProfileFault::There { name: name.clone(), path: self.path.clone() });
        }
        let mut table = Table::new();
        for (key, written) in profile.values() {
            table.insert(key, value(written));
        }
        let profiles = self.document.entry(PROFILE).or_insert_with(|| {
            let mut table = Table::new();
            // [profile.NAME] alone, without a [profile] before it
            table.set_implicit(true);
            Item::Table(table)
        });
        if let Some(profiles) = profiles.as_table_like_mut() {
            profiles.insert(name.as_str(), Item::Table(table));
        }
        let is_first = self.read.iter().next().is_none();
        if is_first {
            self.document.insert(CURRENT, value(name.as_str()));
        }
        Ok(is_first)
    }

    /// Makes a profile the current one.
    ///
    /// # Errors
    /// [`ProfileFault::Unknown`].
    pub fn make_current(&mut self, name: &ProfileName) -> Result<(), ProfileFault> {
        self.read.find(name, &self.path)?;
        self.document.insert(CURRENT, value(name.as_str()));
        Ok(())
    }

    /// Removes a profile. None is current afterwards where it was. Tells whether it was.
    ///
    /// # Errors
    /// [`ProfileFault::Unknown`].
    pub fn remove(&mut self, name: &ProfileName) -> Result<bool, ProfileFault> {
        self.read.find(name, &self.path)?;
        if let Some(profiles) = self.document.get_mut(PROFILE).and_then(Item::as_table_like_mut) {
            profiles.remove(name.as_str());
        }
        let was_current = self.read.current.as_ref() == Some(name);
        if was_current {
            self.document.remove(CURRENT);
        }
        Ok(was_current)
    }

    /// Writes the file, whole or not at all, for its owner alone; makes its folder where it is missing.
    ///
    /// # Errors
    /// [`ProfileFault::Unwritten`].
    pub fn save(&self) -> Result<(), ProfileFault> {
        let write = || {
            // a link stays one: what it leads to is replaced
            let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
            let folder = path.parent().unwrap_or(Path::new("."));
            make_private_folder(folder)?;
            let text = self.document.to_string();
            write_whole(folder, &path, text.as_bytes(), Readers::Owner)
        };
        write().map(drop).map_err(|error: io::Error| ProfileFault::Unwritten {
            path: self.path.clone(),
            kind: error.kind(),
        })
    }
}
