//! Where a secret of a command's comes from: a file, a terminal, the environment, or an argument, which is
//! taken with a warning. It goes into the request and nowhere else.

use std::path::PathBuf;

use clap::ArgMatches;
use tsmgate_catalogue::command::{Opt, Text};
use zeroize::Zeroizing;

use super::grammar::{file_id, id};
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::identity;

/// What asks for a secret in place of its value.
const ASK: &str = "-";

/// The variable of an option: `TSMGATE_EXTSVC_PASSWORD` for `--extsvc-password`.
pub(super) fn variable(option: &Opt) -> String {
    format!("TSMGATE_{}", option.long.to_uppercase().replace('-', "_"))
}

/// The secret of an option, and where it stood on the command line; none where none is given.
pub(super) fn take(
    option: &Opt,
    matches: &ArgMatches,
    from_environment: bool,
    streams: &mut Streams<'_>,
) -> Result<Option<(usize, Text)>, Complaint> {
    let long = &option.long;
    if let Some(typed) = matches.get_one::<String>(&id(option)) {
        let place = matches.index_of(&id(option)).unwrap_or(usize::MAX);
        if typed == ASK {
            return Ok(Some((place, asked(option)?)));
        }
        streams.say(&format!(
            "warning: --{long} on the command line can be seen by others in ps, here and (by tsm) on the \
             host; --{long}-file FILE or {} hides it here",
            variable(option)
        ));
        return Ok(Some((place, Text::from(typed.as_str()))));
    }
    if let Some(file) = matches.get_one::<PathBuf>(&file_id(option)) {
        let place = matches.index_of(&file_id(option)).unwrap_or(usize::MAX);
        let secret = identity::secret(file)?;
        return Ok(Some((place, Text::from(secret.expose()))));
    }
    if !from_environment {
        return Ok(None);
    }
    match std::env::var_os(variable(option)) {
        None => Ok(None),
        Some(value) if value.is_empty() => Ok(None),
        Some(value) => {
            let text = value.into_string().map(Zeroizing::new).map_err(|_| {
                let what = format!("{} is not text", variable(option));
                Complaint::usage(what, "set it to one line of UTF-8")
            })?;
            Ok(Some((usize::MAX, Text::from(text.as_str()))))
        }
    }
}

/// On the terminal itself, whatever the standard streams are.
fn asked(option: &Opt) -> Result<Text, Complaint> {
    let long = &option.long;
    let typed = rpassword::prompt_password(format!("--{long}: ")).map_err(|_| {
        Complaint::check(
            format!("there is no terminal to ask for --{long}"),
            format!("give --{long}-file FILE, or set {}", variable(option)),
        )
    })?;
    let typed = Zeroizing::new(typed);
    if typed.is_empty() {
        let hint = format!("type it, or leave --{long} out");
        return Err(Complaint::check(format!("--{long} is empty"), hint));
    }
    Ok(Text::from(typed.as_str()))
}
