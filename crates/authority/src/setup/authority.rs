//! The authority, what the gate gets of it, and its handing over to the service's user.
//!
//! Root must not work in a folder in which another user can put a link. So all is made in a folder that root alone
//! can enter, given to its user there, and moved to its place by renames, which follow no link and replace
//! nothing but an empty folder. From then on a setup writes nothing in it, and reads nothing of it as root. One
//! that was cut short goes on in the folder where it was.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, lchown};
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, Uid};
use tsmgate_pki::enrolment::{Published, Service};
use tsmgate_pki::{Authority, InitOptions, IssueOptions, LIST, ServerName};

use super::files::{self, Access};
use super::host::Host;
use super::people::{AUTHORITY, GATE, user};
use super::step::{Standing, Step, Trouble};
use crate::config::raw::{FOLDER, LIFE, PUBLISHED};
use crate::config::values::Life;

/// Where it is made: beside its place, for a rename cannot cross file systems.
const WORKSHOP: &str = "/var/lib/.tsmgate-authority.setup";
/// What the gate's configuration names.
const CERTIFICATE: &str = "/etc/tsmgate/server.pem";
const KEY: &str = "/etc/tsmgate/server.key";
const CLIENT_AUTHORITY: &str = "/etc/tsmgate/client-ca.pem";
/// Where the service listens, as tokens say it.
const PORT: u16 = 18851;

/// In this order.
pub(super) fn all(host: &Host) -> [Box<dyn Step>; 4] {
    let work =
        Work { names: host.names.clone(), systemd: host.systemd, address: host.address(PORT) };
    [
        Box::new(Made(work.clone())),
        Box::new(OfTheGate(work.clone())),
        Box::new(Trusted),
        Box::new(HandedOver(work)),
    ]
}

#[derive(Debug, Clone)]
struct Work {
    names: Vec<ServerName>,
    systemd: bool,
    address: String,
}

/// The authority's folder while it is made.
fn made() -> PathBuf {
    Path::new(WORKSHOP).join("pki")
}

/// What the gate will read, while it is made.
fn published() -> PathBuf {
    Path::new(WORKSHOP).join("gate")
}

fn is_there(path: &Path) -> Result<bool, Trouble> {
    match path.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Trouble::file("look at", path, &error)),
    }
}

/// Whether the service's user has it already.
fn is_placed() -> Result<bool, Trouble> {
    is_there(&Path::new(FOLDER).join("ca.pem"))
}

/// The authority in the workshop; of one that was cut short while it was made nobody has seen anything.
fn authority() -> Result<Authority, Trouble> {
    let folder = made();
    match Authority::open(&folder, None) {
        Ok(authority) => {
            // the last that an authority gets when it is made
            if !is_there(&folder.join(LIST))? {
                authority.issue_crl()?;
            }
            Ok(authority)
        }
        Err(fault) if folder.join("servers").exists() => Err(fault.into()),
        Err(_) => {
            if is_there(&folder)? {
                let failed = |error| Trouble::file("remove", &folder, &error);
                fs::remove_dir_all(&folder).map_err(failed)?;
            }
            Ok(Authority::init(&folder, InitOptions::default())?)
        }
    }
}

/// A folder that nobody but root can enter.
fn workshop() -> Result<(), Trouble> {
    let path = Path::new(WORKSHOP);
    let failed = |error: io::Error| Trouble::file("make", path, &error);
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(failed(error)),
        _ => {}
    }
    let there = path.symlink_metadata().map_err(failed)?;
    match there.is_dir() && there.uid() == 0 && there.mode() & 0o077 == 0 {
        true => Ok(()),
        false => Err(Trouble::system(format!("{WORKSHOP} is not root's alone; put it aside"))),
    }
}

struct Made(Work);

impl Step for Made {
    fn what(&self) -> String {
        format!("authority in {FOLDER}")
    }

    fn look(&self) -> Result<Standing, Trouble> {
        if is_placed()? {
            return Ok(Standing::So("there is one".to_owned()));
        }
        if made().join(LIST).exists() {
            return Ok(Standing::So("begun by a setup that was cut short".to_owned()));
        }
        let key = match self.0.systemd {
            true => "its key is root's, and handed over by systemd",
            false => "its key belongs to its user, for without systemd nobody can hand it over",
        };
        Ok(Standing::ToDo(format!("certificates of hosts are issued by it; {key}")))
    }

    fn perform(&self) -> Result<(), Trouble> {
        workshop()?;
        authority().map(|_| ())
    }
}

struct OfTheGate(Work);

impl OfTheGate {
    /// The certificate and its key, once they are made.
    fn issued(&self) -> Result<(PathBuf, PathBuf), Trouble> {
        let first = self.0.names.first().ok_or_else(|| Trouble::system("the gate has no name"))?;
        let stem = first.file_stem();
        let servers = made().join("servers");
        Ok((servers.join(format!("{stem}.pem")), servers.join(format!("{stem}.key"))))
    }
}

impl Step for OfTheGate {
    fn what(&self) -> String {
        format!("{CERTIFICATE} and {KEY}")
    }

    fn look(&self) -> Result<Standing, Trouble> {
        let (certificate, key) = (is_there(Path::new(CERTIFICATE))?, is_there(Path::new(KEY))?);
        if certificate && key {
            return Ok(Standing::So("there is one".to_owned()));
        }
        let names: Vec<_> = self.0.names.iter().map(ToString::to_string).collect();
        let names = names.join(" ");
        if is_placed()? {
            return Ok(Standing::Left(format!(
                "the authority is there and this is missing; try: tsmgate pki --dir {FOLDER} server \
                 --allow-second --force {names}, and install what it makes"
            )));
        }
        let (_, ours) = self.issued()?;
        if certificate || (key && !ours.exists()) {
            return Ok(Standing::Left("one of the two is there alone; put it aside".to_owned()));
        }
        let whose = match self.0.systemd {
            true => "root's, and handed over by systemd",
            false => "tsmgate's, for without systemd nobody can hand it over",
        };
        Ok(Standing::ToDo(format!("the gate is called {names}; its key is {whose}")))
    }

    fn perform(&self) -> Result<(), Trouble> {
        workshop()?;
        let (certificate, key) = self.issued()?;
        if !certificate.exists() {
            let options = IssueOptions { allow_second: true, replace: true, ..Default::default() };
            authority()?.server(&self.0.names, options)?;
        }
        let (user, group) = match self.0.systemd {
            true => (Uid::from_raw(0), Gid::from_raw(0)),
            false => user(GATE)?,
        };
        // the key first: cut short in between, the next run finds it and goes on
        let private = Access { user, group, mode: 0o600 };
        for (from, to, access) in
            [(key, Path::new(KEY), private), (certificate, Path::new(CERTIFICATE), Access::open())]
        {
            let missing = || Trouble::system(format!("{} is gone", from.display()));
            let contents = zeroize::Zeroizing::new(files::read(&from)?.ok_or_else(missing)?);
            match files::read(to)?.map(zeroize::Zeroizing::new) {
                Some(there) if there == contents => {}
                _ => files::put(to, &contents, access, None)?,
            }
        }
        Ok(())
    }
}

struct Trusted;

impl Step for Trusted {
    fn what(&self) -> String {
        CLIENT_AUTHORITY.to_owned()
    }

    fn look(&self) -> Result<Standing, Trouble> {
        let there = files::read(Path::new(CLIENT_AUTHORITY))?;
        if is_placed()? {
            return Ok(match there {
                Some(_) => Standing::So("there is one".to_owned()),
                None => Standing::Left(format!(
                    "it is missing; try: install -m 644 {PUBLISHED}/ca.pem {CLIENT_AUTHORITY}"
                )),
            });
        }
        Ok(match (there, files::read(&made().join("ca.pem"))?) {
            (None, _) => {
                Standing::ToDo("whose client certificates count: this authority's".to_owned())
            }
            (Some(there), Some(ours)) if there == ours => Standing::So("it is ours".to_owned()),
            (Some(_), _) => Standing::Left(format!(
                "it has another authority; where both shall count: cat {PUBLISHED}/ca.pem >> {CLIENT_AUTHORITY}"
            )),
        })
    }

    fn perform(&self) -> Result<(), Trouble> {
        let ours = made().join("ca.pem");
        let missing = || Trouble::system("there is no authority yet");
        let contents = files::read(&ours)?.ok_or_else(missing)?;
        files::put(Path::new(CLIENT_AUTHORITY), &contents, Access::open(), None)
    }
}

struct HandedOver(Work);

impl Step for HandedOver {
    fn what(&self) -> String {
        format!("{FOLDER} and {PUBLISHED} of {AUTHORITY}")
    }

    fn look(&self) -> Result<Standing, Trouble> {
        Ok(match (is_placed()?, is_there(Path::new(WORKSHOP))?) {
            (true, false) => Standing::So("they are its".to_owned()),
            (true, true) => Standing::ToDo(format!("{WORKSHOP}, in which they were made, goes")),
            (false, _) => {
                Standing::ToDo(format!("the service issues, and is called {}", self.0.address))
            }
        })
    }

    fn perform(&self) -> Result<(), Trouble> {
        if is_placed()? {
            return clear();
        }
        // afterwards nobody could
        for needed in [CERTIFICATE, KEY, CLIENT_AUTHORITY] {
            if !is_there(Path::new(needed))? {
                return Err(Trouble::system(format!("{needed} has to be there first")));
            }
        }
        let (user, group) = user(AUTHORITY)?;
        let (pki, gate) = (made(), published());
        let placed_before = is_there(&Path::new(PUBLISHED).join("ca.pem"))?;
        if !placed_before {
            Published::new(&gate).prepare(&pki)?;
        }
        let life = LIFE.parse::<Life>().map_err(Trouble::system)?.0.whole_seconds();
        let address = self.0.address.clone();
        let life_seconds = life.unsigned_abs();
        Service { address, published: PUBLISHED.into(), life_seconds }.write(&pki)?;
        give(Path::new(WORKSHOP), user, group)?;
        if self.0.systemd {
            let key = pki.join("ca.key");
            lchown(&key, Some(0), Some(0)).map_err(|error| Trouble::file("keep", &key, &error))?;
        }
        if !placed_before {
            place(&gate, Path::new(PUBLISHED))?;
        }
        // the last of all: where it stands, everything does
        place(&pki, Path::new(FOLDER))?;
        clear()
    }
}

/// Removes the workshop, of which nothing is left.
fn clear() -> Result<(), Trouble> {
    fs::remove_dir(WORKSHOP).map_err(|error| Trouble::file("remove", Path::new(WORKSHOP), &error))
}

/// All in this folder, but not the folder.
fn give(folder: &Path, user: Uid, group: Gid) -> Result<(), Trouble> {
    let failed = |error: io::Error| Trouble::file("hand over", folder, &error);
    for entry in folder.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_type().map_err(failed)?.is_dir() {
            give(&entry.path(), user, group)?;
        }
        lchown(entry.path(), Some(user.as_raw()), Some(group.as_raw())).map_err(failed)?;
    }
    Ok(())
}

fn place(from: &Path, to: &Path) -> Result<(), Trouble> {
    let failed = |error: io::Error| Trouble {
        says: format!(
            "cannot move {} to {}: {error}; is something there?",
            from.display(),
            to.display()
        ),
        ..Trouble::file("", to, &error)
    };
    fs::rename(from, to).map_err(failed)?;
    let above = to.parent().unwrap_or(Path::new("/"));
    File::open(above).and_then(|folder| folder.sync_all()).map_err(failed)
}
