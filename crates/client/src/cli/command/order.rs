//! What was typed becomes an order: options in their order, files read, secrets fetched, places for files
//! that come back made sure of. Nothing is sent from here.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use clap::parser::ValueSource;
use data_encoding::BASE64;
use tsmgate_catalogue::command::{
    Catalogue, Command, FileKind, Kind, OneOption, Opt, Order, SentFile, Text,
};
use tsmgate_pki::kind_text;
use zeroize::Zeroizing;

use super::grammar::id;
use super::secret;
use crate::check::Input;
use crate::cli::Streams;
use crate::cli::complaint::Complaint;
use crate::cli::target::Target;

/// The largest file with certificates or a key, in bytes: some hundred certificates.
const CREDENTIALS_MOST: usize = 1024 * 1024;
/// The largest other file, in bytes: what a gate takes in one request, without what base64 adds.
const OTHER_MOST: usize = 11 * 1024 * 1024;
/// The longest name of a file, in bytes.
const NAME_MOST: usize = 255;

/// In the place of an option's name: whichever option it is.
pub(in crate::cli) const ANY: &str = "*";

/// An order, and what goes with it.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) order: Order,
    /// What was read, for the checks.
    pub(super) inputs: Vec<Input>,
    /// Where files that come back go, by the option that names them.
    pub(super) fetched: Vec<(String, Place)>,
}

/// Where a file goes that comes back.
#[derive(Debug)]
pub(in crate::cli) enum Place {
    /// To stdout: it was named `-`.
    Stdout,
    /// To a file.
    File(Target),
}

impl Place {
    /// The place of that name.
    pub(in crate::cli) fn named(path: &Path, option: &str) -> Result<Self, Complaint> {
        if path == Path::new("-") {
            return Ok(Self::Stdout);
        }
        Target::prepare(path, &format!("--{option}")).map(Self::File)
    }
}

/// Whether it is a secret of the vendor's own: what a gate calls one does not make it read the environment.
fn is_known(command: &Command, option: &Opt) -> bool {
    let known = Catalogue::official().find(&command.path);
    let known = known.and_then(|known| known.option(&option.long));
    known.is_some_and(|known| known.kind == Kind::Secret)
}

/// Makes the order of what was typed after a command's words.
pub(super) fn make(
    command: &Command,
    matches: &ArgMatches,
    run_seconds: Option<u64>,
    streams: &mut Streams<'_>,
) -> Result<Made, Complaint> {
    let mut placed: Vec<(usize, OneOption)> = Vec::new();
    let mut inputs = Vec::new();
    let mut fetched = Vec::new();
    for option in &command.options {
        let (id, name) = (id(option), option.long.clone().into_owned());
        let given = matches.value_source(&id) == Some(ValueSource::CommandLine);
        let places: Vec<usize> = matches.indices_of(&id).into_iter().flatten().collect();
        let place = |at: usize| places.get(at).copied().unwrap_or(usize::MAX);
        match &option.kind {
            Kind::Secret => {
                if let Some((place, value)) =
                    secret::take(option, matches, is_known(command, option), streams)?
                {
                    inputs.push(Input::secret(option, value.clone()));
                    placed.push((place, OneOption { name, value: Some(value), file: None }));
                }
            }
            Kind::Flag if given => {
                placed.push((place(0), OneOption { name, value: None, file: None }));
            }
            Kind::Flag => {}
            Kind::SendFile(kind) => {
                let paths = matches.get_many::<PathBuf>(&id).into_iter().flatten();
                for (at, path) in paths.enumerate() {
                    let bytes = read(path, *kind)?;
                    let content = Text::new(encoded(&bytes));
                    let file = Some(SentFile { name: file_name(path), content });
                    inputs.push(Input::file(option, *kind, path.clone(), bytes));
                    placed.push((place(at), OneOption { name: name.clone(), value: None, file }));
                }
            }
            Kind::FetchFile => {
                if let Some(path) = matches.get_one::<PathBuf>(&id) {
                    fetched.push((name.clone(), Place::named(path, &name)?));
                    placed.push((place(0), OneOption { name, value: None, file: None }));
                }
            }
            _ => {
                let values = matches.get_many::<String>(&id).into_iter().flatten();
                for (at, value) in values.enumerate() {
                    judge(option, value)?;
                    inputs.push(Input::value(option, value));
                    let value = Some(Text::from(value.as_str()));
                    placed.push((place(at), OneOption { name: name.clone(), value, file: None }));
                }
            }
        }
    }
    placed.sort_by_key(|(place, _)| *place);
    let options = placed.into_iter().map(|(_, option)| option).collect();
    let order = Order { command: command.path.clone().into_owned(), options, run_seconds };
    Ok(Made { order, inputs, fetched })
}

/// What the host would not take is not sent.
fn judge(option: &Opt, value: &str) -> Result<(), Complaint> {
    option.kind.judge(value).map_err(|should| {
        let hint = "--help after the command shows what it takes";
        Complaint::usage(format!("--{} {should}", option.long), hint)
    })
}

/// A whole file, within the limit of its kind. It may be a pipe.
fn read(path: &Path, kind: FileKind) -> Result<Zeroizing<Vec<u8>>, Complaint> {
    let unreadable = |error: std::io::Error| {
        let hint = "check the path, and the owner and mode of the file";
        Complaint::input(path, kind_text(error.kind()), hint)
    };
    let most = match kind {
        FileKind::Any | FileKind::RevocationList => OTHER_MOST,
        _ => CREDENTIALS_MOST,
    };
    let file = File::open(path).map_err(unreadable)?;
    let told = file.metadata().ok().filter(std::fs::Metadata::is_file).map(|about| about.len());
    let told = told.and_then(|length| usize::try_from(length).ok()).unwrap_or(CREDENTIALS_MOST);
    // all the room at once: a buffer that grows leaves copies of a key behind
    let mut bytes = Zeroizing::new(Vec::with_capacity(told.min(most) + 1));
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > most {
        let hint = "give the file with the certificate, the key or the list alone";
        return Err(Complaint::input(path, format!("larger than {most} bytes"), hint));
    }
    Ok(bytes)
}

fn encoded(bytes: &[u8]) -> String {
    // of the full size from the start, so that no copy of a key is left behind
    BASE64.encode(bytes)
}

/// The name that the host is told: without folders, and without what no name needs.
fn file_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let mut plain = String::new();
    for c in name.chars() {
        let c = if c.is_control() { '_' } else { c };
        if plain.len() + c.len_utf8() > NAME_MOST {
            break;
        }
        plain.push(c);
    }
    if matches!(&*plain, "" | "." | "..") { "file".to_owned() } else { plain }
}
