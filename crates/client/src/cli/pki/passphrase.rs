//! Where the passphrase of the authority's key comes from: a file, or a terminal. An argument or the
//! environment would show it to every process of the host.

use std::io;
use std::path::Path;

use tsmgate_pki::{Authority, Passphrase, PkiError};
use zeroize::Zeroizing;

use super::{Failure, SERVICE_HOME};
use crate::exit::Exit;
use crate::system::owner::become_owner_of;

/// Opens the authority; asks for the passphrase only when its key is encrypted. From then on we are whose the
/// folder is: the key may be root's alone, the rest is the service's.
pub(super) fn open(dir: &Path, file: Option<&Path>) -> Result<Authority, Failure> {
    let key = Authority::key(dir)?;
    let passphrase = file.map(Passphrase::from_file).transpose()?;
    in_folder(dir)?;
    open_with(dir, &key, passphrase.as_ref())
}

/// The same, where the key was read already and we are whom we shall be.
pub(super) fn open_with(
    dir: &Path,
    key: &[u8],
    passphrase: Option<&Passphrase>,
) -> Result<Authority, Failure> {
    match Authority::open_with_key(dir, key, passphrase) {
        Err(PkiError::PassphraseNeeded(path)) => {
            let typed = ask("Passphrase of the authority's key: ")
                .ok_or(PkiError::PassphraseNeeded(path))?;
            Ok(Authority::open_with_key(dir, key, Some(&Passphrase::new(typed)?))?)
        }
        other => Ok(other?),
    }
}

/// From here on we are whose the folder is. One that is not there is not ours to complain of.
pub(super) fn in_folder(dir: &Path) -> Result<(), Failure> {
    // what lies in the service's place is its user's to swap at any moment, whoever owns it just now
    let whose = if dir.starts_with(SERVICE_HOME) { Path::new(SERVICE_HOME) } else { dir };
    match become_owner_of(whose) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            let doing = "work as the owner of";
            Err(PkiError::File { doing, path: dir.to_owned(), kind: error.kind() }.into())
        }
        _ => Ok(()),
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
