//! Where the passphrase of the authority's key comes from: a file, or a terminal. An argument or the
//! environment would show it to every process of the host.

use std::path::Path;

use tsmgate_pki::{Authority, Passphrase, PkiError};
use zeroize::Zeroizing;

use super::Failure;
use crate::exit::Exit;

/// Opens the authority; asks for the passphrase only when its key is encrypted.
pub(super) fn open(dir: &Path, file: Option<&Path>) -> Result<Authority, Failure> {
    if let Some(file) = file {
        return Ok(Authority::open(dir, Some(&Passphrase::from_file(file)?))?);
    }
    match Authority::open(dir, None) {
        Err(PkiError::PassphraseNeeded(key)) => {
            let typed = ask("Passphrase of the authority's key: ")
                .ok_or(PkiError::PassphraseNeeded(key))?;
            Ok(Authority::open(dir, Some(&Passphrase::new(typed)?))?)
        }
        other => Ok(other?),
    }
}

/// The passphrase of a key that is about to be made; typed twice.
pub(super) fn for_new_key(
    encrypt: bool,
    file: Option<&Path>,
) -> Result<Option<Passphrase>, Failure> {
    match (encrypt, file) {
        (false, None) => Ok(None),
        (false, Some(_)) => Err(Failure::Refused {
            what: "a passphrase was given and --encrypt was not",
            hint: "`init --encrypt --passphrase-file FILE` makes an encrypted key",
            exit: Exit::Usage,
        }),
        (true, Some(file)) => Ok(Some(Passphrase::from_file(file)?)),
        (true, None) => {
            let no_terminal = || Failure::Refused {
                what: "there is no terminal to ask for a passphrase",
                hint: "give --passphrase-file FILE",
                exit: Exit::Check,
            };
            let typed = ask("New passphrase of the authority's key: ").ok_or_else(no_terminal)?;
            let passphrase = Passphrase::new(typed)?;
            let again = ask("The same again: ").ok_or_else(no_terminal)?;
            // The same refusals apply, so a wrong second line cannot pass as a good one.
            if Passphrase::new(again).as_ref() != Ok(&passphrase) {
                return Err(Failure::Refused {
                    what: "the two passphrases differ",
                    hint: "run it again; nothing was made",
                    exit: Exit::Check,
                });
            }
            Ok(Some(passphrase))
        }
    }
}

/// Asks on the terminal itself, whatever the standard streams are; none without one.
fn ask(prompt: &str) -> Option<Zeroizing<String>> {
    rpassword::prompt_password(prompt).ok().map(Zeroizing::new)
}
