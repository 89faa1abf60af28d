//! The folders of both services, each with its owner and mode: those of systemd/tmpfiles.conf and of the units.
//! One that is there otherwise is somebody's own, and left.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use nix::fcntl::OFlag;
use nix::unistd::{Gid, Uid};

use super::files;
use super::people::{AUTHORITY, GATE, user};
use super::step::{Standing, Step, Trouble};

/// In this order: each stands in one that is there.
pub(super) fn all() -> impl Iterator<Item = Box<dyn Step>> {
    [
        Folder { path: "/etc/tsmgate", mode: 0o750, user: "root", group: GATE },
        Folder { path: "/etc/tsmgate/clients.d", mode: 0o750, user: "root", group: GATE },
        Folder { path: "/var/log/tsmgate", mode: 0o750, user: GATE, group: GATE },
        Folder {
            path: "/var/log/tsmgate-authority",
            mode: 0o750,
            user: AUTHORITY,
            group: AUTHORITY,
        },
        Folder {
            path: "/var/lib/tsmgate-authority",
            mode: 0o755,
            user: AUTHORITY,
            group: AUTHORITY,
        },
    ]
    .into_iter()
    .map(|folder| Box::new(folder) as Box<dyn Step>)
}

struct Folder {
    path: &'static str,
    mode: u32,
    user: &'static str,
    /// The first group of the user of this name.
    group: &'static str,
}

impl Step for Folder {
    fn what(&self) -> String {
        self.path.to_owned()
    }

    fn look(&self) -> Result<Standing, Trouble> {
        let Self { path, mode, user: name, group } = self;
        let said = format!("{mode:04o} {name}:{group}");
        let Ok(there) = Path::new(path).symlink_metadata() else {
            return Ok(Standing::ToDo(said));
        };
        if !there.is_dir() {
            return Ok(Standing::Left("it is no folder; put it aside".to_owned()));
        }
        let ((uid, _), (_, gid)) = (user(name)?, user(group)?);
        let same = (there.uid(), there.gid()) == (uid.as_raw(), gid.as_raw());
        Ok(match same && there.mode() & 0o7777 == *mode {
            true => Standing::So(said),
            false => Standing::Left(format!(
                "it is {:04o} {}:{}; try: chown {name}:{group} {path} && chmod {mode:o} {path}",
                there.mode() & 0o7777,
                there.uid(),
                there.gid()
            )),
        })
    }

    fn perform(&self) -> Result<(), Trouble> {
        let ((uid, _), (_, gid)) = (user(self.user)?, user(self.group)?);
        let path = Path::new(self.path);
        self.make(path, uid, gid).map_err(|error| Trouble::file("make", path, &error))
    }
}

impl Folder {
    /// Under another name until it is whole: of a setup that was killed nobody takes what it left for his own.
    fn make(&self, path: &Path, uid: Uid, gid: Gid) -> io::Result<()> {
        let above = path.parent().unwrap_or(Path::new("/"));
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = above.join(format!(".{name}.new"));
        match fs::remove_dir(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        DirBuilder::new().mode(0o700).create(&beside)?;
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW;
        let folder = OpenOptions::new().read(true).custom_flags(flags.bits()).open(&beside)?;
        // the mode first: once it is another's it is not for us to change
        folder.set_permissions(Permissions::from_mode(self.mode))?;
        fchown(&folder, Some(uid.as_raw()), Some(gid.as_raw()))?;
        folder.sync_all()?;
        files::place(&beside, path)?;
        File::open(above)?.sync_all()
    }
}
