//! `tsmgate completions` and `tsmgate manual`: the command line for shells, and its manual pages.
//!
//! The commands of `tsm` are in them as the vendor has them; those that a gate added are not.

use tsmgate_manual::{Shown, Surroundings, Unwritten};
use tsmgate_pki::kind_text;

use super::complaint::Complaint;
use super::{Streams, command};
use crate::exit::Exit;

const AROUND: Surroundings<'_> = Surroundings {
    environment: &[("NO_COLOR", "Where it is set and not empty, nothing is coloured.")],
    files: &[],
    see_also: &["tsmgated(1)"],
};

pub(super) fn run(shown: Shown, streams: &mut Streams<'_>) -> Exit {
    match shown.perform(command(), &AROUND, streams.out) {
        Ok(()) => Exit::Done,
        Err(Unwritten { path: Some(path), cause }) => {
            let hint = "see that the folder can be made, and whether there is room";
            Complaint::output(&path, kind_text(cause.kind()), hint).tell(streams.talk)
        }
        Err(Unwritten { path: None, cause }) => Complaint::stdout(&cause).tell(streams.talk),
    }
}
