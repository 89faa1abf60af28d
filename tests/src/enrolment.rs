//! The folder that an authority's service publishes, written as the service does: by rename, whole.

use std::fs;

use crate::scene::entry;
use crate::{Authority, Scene, SceneOptions};

/// Where it is in a scene's folder.
pub const FOLDER: &str = "gate";

/// The lines for `[enrolment]`; `nobody` is a user of every host, and not the one that the gate runs as.
pub const TABLE: &str = "[enrolment]\nfolder = \"gate\"\nowner = \"nobody\"\n";

impl SceneOptions {
    /// A scene whose gate has the client `old` in its configuration and reads a folder in which nobody is yet.
    /// `more` goes below `[enrolment]`.
    pub fn enrolling(authority: &Authority, more: &str) -> Self {
        let file = |name: &str, text: String| (format!("{FOLDER}/{name}"), text);
        let options = Self::default();
        Self {
            // who waits for a client to get in fails again and again until then
            admission: options.admission + "\nexempt = [\"127.0.0.0/8\"]",
            rest: entry("old", "[\"login\"]") + TABLE + more,
            files: vec![
                file("clients.crl", authority.revocation_list(&[])),
                file("revoked.toml", "serials = []\n".to_owned()),
                file("clients.d/.new", String::new()),
            ],
            ..Self::default()
        }
    }
}

impl Scene {
    /// A client joins with the role `login`.
    pub fn joins(&self, name: &str) {
        self.publish(&format!("clients.d/{name}.toml"), &entry(name, "[\"login\"]"));
    }

    /// A client is taken out.
    pub fn leaves(&self, name: &str) {
        fs::remove_file(self.path(&format!("{FOLDER}/clients.d/{name}.toml"))).unwrap();
    }

    /// These serial numbers are out, and no others.
    pub fn revokes(&self, serials: &[&str]) {
        self.publish("revoked.toml", &format!("serials = {serials:?}\n"));
    }

    /// A file of the folder appears, or is replaced.
    pub fn publish(&self, name: &str, text: &str) {
        let (new, path) = (format!("{FOLDER}/clients.d/.new"), self.path(FOLDER).join(name));
        self.write(&new, text, 0o644);
        fs::rename(self.path(&new), path).unwrap();
    }
}
