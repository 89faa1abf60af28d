//! From what was written to what is meant: everything that takes more than one value to judge.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use tsmgate_catalogue::command::{Added, Catalogue};
use tsmgate_settings::accounts;
use tsmgate_settings::fault::ConfigFault;

use super::raw::{self, Raw};
use super::{Config, Limits, Tsm};

/// The longest value of a variable, in bytes.
const VARIABLE_LIMIT: usize = 4096;

/// The file and its text, for faults with their place.
struct Origin<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Origin<'_> {
    fn at(&self, span: &Range<usize>, message: impl Into<String>) -> ConfigFault {
        match span.is_empty() {
            // a default that does not hold here
            true => ConfigFault::whole(self.path, message),
            false => ConfigFault::at(self.path, self.text, span, message),
        }
    }
}

pub(super) fn check(raw: Raw, path: &Path, text: &str) -> Result<Config, ConfigFault> {
    let origin = Origin { path, text };
    let users = users(&raw.listen.users, "listen.users", &origin)?;
    if users.is_empty() {
        return Err(
            origin.at(&raw.listen.users.span(), "`listen.users` is empty: nobody could ask")
        );
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    let served: Vec<_> = raw.serve.permissions.into_iter().map(|served| served.0).collect();
    Ok(Config {
        socket: folder.join(&raw.listen.socket),
        users_group: users.iter().find_map(|(_, group)| *group),
        users: users.into_iter().map(|(user, _)| user).collect(),
        served,
        tsm: tsm(&raw.tsm, &origin)?,
        limits: limits(&raw.limits, &origin)?,
        state: absolute(&raw.state.folder, "state.folder", &origin)?,
        catalogue: catalogue(raw.command, &origin)?,
    })
}

fn absolute(
    written: &Spanned<PathBuf>,
    key: &str,
    origin: &Origin<'_>,
) -> Result<PathBuf, ConfigFault> {
    match written.get_ref().is_absolute() {
        true => Ok(written.get_ref().clone()),
        false => Err(origin.at(&written.span(), format!("`{key}` must begin with /"))),
    }
}

/// Users by number, with their primary groups where the host knows them.
fn users(
    written: &Spanned<Vec<String>>,
    key: &str,
    origin: &Origin<'_>,
) -> Result<Vec<(u32, Option<u32>)>, ConfigFault> {
    let find = |name: &String| match accounts::user(name) {
        Ok(Some(user)) => Ok(user),
        Ok(None) => {
            let message = format!("`{key}`: this host has no user `{name}`");
            Err(origin.at(&written.span(), message))
        }
        Err(fault) => Err(origin.at(&written.span(), format!("`{key}`: {fault}"))),
    };
    written.get_ref().iter().map(find).collect()
}

fn tsm(raw: &raw::Tsm, origin: &Origin<'_>) -> Result<Tsm, ConfigFault> {
    let owners = users(&raw.program_owners, "tsm.program_owners", origin)?;
    Ok(Tsm {
        program: absolute(&raw.program, "tsm.program", origin)?,
        owners: owners.into_iter().map(|(user, _)| user).collect(),
        environment: environment(raw, origin)?,
        file_group: raw.file_group.as_ref().map(|name| group(name, origin)).transpose()?,
        follow: raw.follow.0.0,
    })
}

fn group(name: &Spanned<String>, origin: &Origin<'_>) -> Result<u32, ConfigFault> {
    let written = name.get_ref();
    match accounts::group(written) {
        Ok(Some(group)) => Ok(group),
        Ok(None) => {
            let message = format!("`tsm.file_group`: this host has no group `{written}`");
            Err(origin.at(&name.span(), message))
        }
        Err(fault) => {
            Err(origin.at(&name.span(), format!("`tsm.file_group`: `{written}`: {fault}")))
        }
    }
}

/// All of the environment: nothing comes from ours.
fn environment(raw: &raw::Tsm, origin: &Origin<'_>) -> Result<Vec<(String, String)>, ConfigFault> {
    let mut all = Vec::new();
    for (name, written) in [("HOME", &raw.home), ("PATH", &raw.path)] {
        all.push((name.to_owned(), value(name, written.get_ref(), &written.span(), origin)?));
    }
    let absolute = |folder: &str| folder.starts_with('/');
    if !absolute(raw.home.get_ref()) {
        return Err(origin.at(&raw.home.span(), "`tsm.home` must begin with /"));
    }
    if !raw.path.get_ref().split(':').all(absolute) {
        let message = "`tsm.path`: each folder must begin with /: one that does not is searched for in \
                       the command's own folder, beside the caller's files";
        return Err(origin.at(&raw.path.span(), message));
    }
    for (name, written) in &raw.environment {
        if !passes(name.get_ref()) {
            let message = format!(
                "`{}` is not passed on; `tsm.environment` takes TABLEAU_*, TSM_*, LANG and LC_*",
                name.get_ref()
            );
            return Err(origin.at(&name.span(), message));
        }
        all.push((name.get_ref().clone(), value(name.get_ref(), written, &name.span(), origin)?));
    }
    Ok(all)
}

/// Whether a variable of that name may be set.
fn passes(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    let family = ["TABLEAU_", "TSM_", "LC_"].iter().any(|start| {
        name.strip_prefix(start).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(plain))
    });
    name == "LANG" || family
}

fn value(
    name: &str,
    value: &str,
    span: &Range<usize>,
    origin: &Origin<'_>,
) -> Result<String, ConfigFault> {
    if value.len() > VARIABLE_LIMIT || value.chars().any(char::is_control) {
        let message =
            format!("the value of {name} is longer than {VARIABLE_LIMIT} bytes, or not one line");
        return Err(origin.at(span, message));
    }
    Ok(value.to_owned())
}

fn limits(raw: &raw::Limits, origin: &Origin<'_>) -> Result<Limits, ConfigFault> {
    if *raw.reading.get_ref() == 0 {
        return Err(origin.at(&raw.reading.span(), "`limits.reading` must be at least 1"));
    }
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    Ok(Limits {
        run_most: raw.run_most.0.0,
        queued: count(raw.queued),
        reading: count(*raw.reading.get_ref()),
        output: raw.output.0.0,
        kept: count(raw.kept),
        kept_for: raw.kept_for.0.0,
    })
}

/// The vendor's commands and the added ones; a fault is placed at the one that has it.
fn catalogue(written: Vec<Spanned<Added>>, origin: &Origin<'_>) -> Result<Catalogue, ConfigFault> {
    let mut added = Vec::new();
    for command in written {
        let span = command.span();
        added.push(command.into_inner());
        Catalogue::with(added.clone()).map_err(|fault| origin.at(&span, fault.to_string()))?;
    }
    Catalogue::with(added).map_err(|fault| ConfigFault::whole(origin.path, fault.to_string()))
}
