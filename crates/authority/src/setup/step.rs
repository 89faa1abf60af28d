//! A step: what it is about, how that stands, and how it is done. To look changes nothing.

use std::io;
use std::path::Path;

use tsmgate_pki::PkiError;
use tsmgate_settings::files::FileFault;

use crate::cli::Exit;

/// See the room's first lines.
pub(super) trait Step {
    /// What it is about, as a person calls it.
    fn what(&self) -> String;
    /// How it stands.
    fn look(&self) -> Result<Standing, Trouble>;
    /// Does it, where [`Step::look`] said that it is to be done.
    fn perform(&self) -> Result<(), Trouble>;
}

/// How something stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// As it shall be.
    So(String),
    /// To be done, and why.
    ToDo(String),
    /// Otherwise than it shall be, and somebody's own: it is left, and said what to do.
    Left(String),
    /// For a person to do.
    ByHand(String),
}

/// Why a step cannot be done.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) exit: Exit,
    pub(super) says: String,
}

impl Trouble {
    pub(super) fn system(says: impl Into<String>) -> Self {
        Self { exit: Exit::System, says: says.into() }
    }

    pub(super) fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        let says = format!("cannot {doing} {}: {error}", path.display());
        Self { exit: Exit::File, says }
    }
}

impl From<PkiError> for Trouble {
    fn from(fault: PkiError) -> Self {
        Self { exit: Exit::File, says: format!("{fault}; {}", fault.hint()) }
    }
}

impl From<FileFault> for Trouble {
    fn from(fault: FileFault) -> Self {
        Self { exit: Exit::File, says: fault.to_string() }
    }
}
