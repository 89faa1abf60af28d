//! `tsmgate pki revoke`. Where a gate reads what we publish, what takes no key comes first: whoever is out is
//! out before a passphrase is asked for, and also where the key is not at hand.

use std::io::Write;
use std::path::Path;

use tsmgate_pki::enrolment::Service;
use tsmgate_pki::{Authority, Cut, Passphrase, Reason, Revocation, Revokee, cut};

use super::Failure;
use super::passphrase::{in_folder, open_with};
use super::show::Answer;

/// Revokes, publishes, and writes the list.
pub(super) fn revoke(
    dir: &Path,
    what: &[Revokee],
    reason: Reason,
    passphrase_file: Option<&Path>,
    talk: &mut dyn Write,
) -> Result<Answer, Failure> {
    let key = Authority::key(dir);
    let passphrase = passphrase_file.map(Passphrase::from_file).transpose();
    in_folder(dir)?;
    let opened = || -> Result<Authority, Failure> { open_with(dir, &key?, passphrase?.as_ref()) };
    if Service::read(dir)?.is_none() {
        let done = opened()?.revoke_because(what, reason)?;
        return Ok(Answer::revocation(&done, false));
    }
    let Cut { revoked, already } = cut(dir, what, reason)?;
    let count = revoked.len() + already.len();
    match opened().and_then(|authority| Ok(authority.issue_crl()?)) {
        Ok(list) => Ok(Answer::revocation(&Revocation { revoked, already, list }, true)),
        Err(failure) => {
            // when even the talk cannot be written there is nobody left to tell
            let _ = writeln!(
                talk,
                "out at the gate already: {} certificates; the revocation list is not written:",
                count
            );
            Err(failure)
        }
    }
}
