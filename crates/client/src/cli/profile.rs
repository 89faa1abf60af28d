//! `tsmgate profile …`: gates by name, in the configuration file. Nobody is asked here.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Subcommand};
use serde_json::json;

use super::Streams;
use super::complaint::Complaint;
use super::gate_options::GateOptions;
use super::table::{Cell, table};
use super::whom;
use crate::Address;
use crate::enrol::read_authority;
use crate::exit::Exit;
use crate::failure::shown;
use crate::json;
use crate::profile::written::WrittenProfiles;
use crate::profile::{Profile, ProfileName, Profiles};

const HEADING: [&str; 3] = ["PROFILE", "GATE", "CURRENT"];

/// Name gates, and say which one is meant where none is named
#[derive(Debug, Subcommand)]
#[command(after_help = "\
The file is ~/.config/tsmgate/config.toml, in $XDG_CONFIG_HOME where that is set, or what $TSMGATE_CONFIG
names. It holds no secret: keys are named by their files.")]
pub(crate) enum ProfileVerb {
    Add(Box<AddArgs>),
    List(ListArgs),
    Show(ShowArgs),
    Use(UseArgs),
    Remove(RemoveArgs),
}

/// Add a gate under a name; the first one becomes the current one
///
/// What counts is what is typed here, not the environment. Paths are kept as absolute ones.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate profile add prod --gate tsm.example.com --ca ca.pem --cert jump01.pem --key jump01.key
  tsmgate profile add here --local")]
pub(crate) struct AddArgs {
    /// What to call it
    name: ProfileName,
    /// Write it anew where there is one of that name
    #[arg(long)]
    replace: bool,
    /// Where `tsmgate renew` has the certificate renewed; port 18851 unless named
    #[arg(long, value_name = "HOST:PORT", value_parser = read_authority, requires = "authority_ca")]
    authority: Option<Address>,
    /// Authority that issued that service's certificate and yours, PEM
    #[arg(long, value_name = "FILE", requires = "authority")]
    authority_ca: Option<PathBuf>,
    #[command(flatten)]
    gate: GateOptions,
}

/// List the profiles
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate profile list

JSON: file, current, profiles{NAME: {gate, local, server_name, ca, cert, key, bind, proxy,
proxy_password_file, timeout, authority, authority_ca}}.")]
pub(crate) struct ListArgs {
    /// Write the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Show a profile: the named one, or the current one
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate profile show prod

JSON: gate, local, server_name, ca, cert, key, bind, proxy,
proxy_password_file, timeout, authority, authority_ca; those that are set.")]
pub(crate) struct ShowArgs {
    /// Which
    name: Option<ProfileName>,
    /// Write the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Make a profile the current one: the one that counts where no gate is named
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate profile use prod")]
pub(crate) struct UseArgs {
    /// Which
    name: ProfileName,
}

/// Remove a profile; its files stay
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate profile remove prod")]
pub(crate) struct RemoveArgs {
    /// Which
    name: ProfileName,
}

/// Runs one of them.
pub(super) fn run(verb: ProfileVerb, given: &ArgMatches, streams: &mut Streams<'_>) -> Exit {
    let outcome = match verb {
        ProfileVerb::Add(arguments) => add(*arguments, given, streams),
        ProfileVerb::List(arguments) => list(&arguments, streams),
        ProfileVerb::Show(arguments) => show(&arguments, streams),
        ProfileVerb::Use(UseArgs { name }) => make_current(&name, streams),
        ProfileVerb::Remove(RemoveArgs { name }) => remove(&name, streams),
    };
    match outcome {
        Ok(()) => Exit::Done,
        Err(complaint) => complaint.tell(streams.talk),
    }
}

fn add(arguments: AddArgs, given: &ArgMatches, streams: &mut Streams<'_>) -> Result<(), Complaint> {
    let mut profile = arguments.gate.into_profile(given);
    profile.local = whom::typed_local(given);
    (profile.authority, profile.authority_ca) = (arguments.authority, arguments.authority_ca);
    if profile.gate.is_some() == profile.local.is_some() {
        return Err(Complaint::usage(
            "a profile is either a gate or the local one",
            "give --gate HOST:PORT with --ca, --cert and --key, or --local",
        ));
    }
    let Profile { local, ca, cert, key, proxy_password_file, authority_ca, .. } = &mut profile;
    for path in [local, ca, cert, key, proxy_password_file, authority_ca] {
        absolute(path)?;
    }
    let path = Profiles::path()?;
    let mut written = WrittenProfiles::open(path.clone())?;
    let is_current = written.add(&arguments.name, &profile, arguments.replace)?;
    written.save()?;
    let current = if is_current { ", the current one" } else { "" };
    streams.say(&format!("profile {} in {}{current}", arguments.name, shown(&path)));
    for file in [&profile.ca, &profile.cert, &profile.key].into_iter().flatten() {
        if !file.exists() {
            streams.say(&format!("warning: {} is not there yet", shown(file)));
        }
    }
    Ok(())
}

/// Wherever the profile is used from later.
pub(super) fn absolute(path: &mut Option<PathBuf>) -> Result<(), Complaint> {
    if let Some(path) = path {
        *path = std::path::absolute(&*path).map_err(|error| Complaint::system(&error))?;
        if path.to_str().is_none() {
            let hint = "a configuration file is UTF-8: give the file a name that is";
            return Err(Complaint::usage(format!("{} is not UTF-8", shown(path)), hint));
        }
    }
    Ok(())
}

fn list(arguments: &ListArgs, streams: &mut Streams<'_>) -> Result<(), Complaint> {
    let path = Profiles::path()?;
    let profiles = Profiles::read(&path)?;
    if arguments.json {
        let all: serde_json::Map<_, _> =
            profiles.iter().map(|(name, profile)| (name.to_string(), object(profile))).collect();
        let current = profiles.current.as_ref().map(ProfileName::as_str);
        let file = path.to_string_lossy();
        let answer = json!({ "file": file, "current": current, "profiles": all });
        return streams.answer(json::line(&answer).as_bytes());
    }
    let rows: Vec<_> = profiles
        .iter()
        .map(|(name, profile)| {
            let is_current = profiles.current.as_ref() == Some(name);
            let current = if is_current { "current" } else { "" };
            [Cell::own(name.as_str()), Cell::own(profile.place()), Cell::own(current)]
        })
        .collect();
    if rows.is_empty() {
        streams.say(&format!("there are no profiles in {}", shown(&path)));
        return Ok(());
    }
    streams.rendered(table(HEADING, &rows, streams.out_width))
}

fn show(arguments: &ShowArgs, streams: &mut Streams<'_>) -> Result<(), Complaint> {
    let path = Profiles::path()?;
    let profiles = Profiles::read(&path)?;
    let name = arguments.name.as_ref().or(profiles.current.as_ref()).ok_or_else(|| {
        Complaint::usage("no profile is the current one", "name one, or `tsmgate profile use NAME`")
    })?;
    let profile = profiles.find(name, &path)?;
    if arguments.json {
        return streams.answer(json::line(&object(profile)).as_bytes());
    }
    let mut text = format!("profile {name}\n");
    for (key, value) in profile.values() {
        text.push_str(&format!("{key:<21}{}\n", tsmgate_text::escape(value)));
    }
    streams.rendered(text)
}

fn object(profile: &Profile) -> serde_json::Value {
    let values = profile.values().into_iter();
    values
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn make_current(name: &ProfileName, streams: &mut Streams<'_>) -> Result<(), Complaint> {
    let mut written = WrittenProfiles::open(Profiles::path()?)?;
    written.make_current(name)?;
    written.save()?;
    streams.say(&format!("profile {name} is the current one"));
    Ok(())
}

fn remove(name: &ProfileName, streams: &mut Streams<'_>) -> Result<(), Complaint> {
    let mut written = WrittenProfiles::open(Profiles::path()?)?;
    let was_current = written.remove(name)?;
    written.save()?;
    streams.say(&format!("profile {name} is removed; its files are still there"));
    if was_current {
        streams.say("it was the current one; `tsmgate profile use NAME` makes another that");
    }
    Ok(())
}
