//! Which gate is meant, of all that can name one: options, a profile, variables, the current profile.
//!
//! What is typed counts first, an option before a profile. A typed --profile sets the variables of a gate aside,
//! so that no gate gets what was meant for another; one that TSMGATE_PROFILE names fills in what the other
//! variables leave out. The current profile counts only where nothing else names a gate.

use std::path::PathBuf;
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::complaint::Complaint;
use super::gate_options::GateOptions;
use crate::LocalGate;
use crate::enrol::Leaf;
use crate::identity;
use crate::profile::{Profile, ProfileFault, ProfileName, Profiles};

const PROFILE: &str = "profile";
const LOCAL: &str = "local";

/// The options by which every command can be told its gate, before or after its name.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Which gate")]
pub(crate) struct WhomOptions {
    /// Gate by its name in the configuration file; several for what only reads
    #[arg(long, value_name = "NAME", env = "TSMGATE_PROFILE", hide_env_values = true)]
    #[arg(global = true, value_delimiter = ',')]
    profile: Vec<ProfileName>,
    /// Ask the gate of this host at its local socket, as the user that you are
    #[arg(long, value_name = "PATH", env = "TSMGATE_LOCAL", hide_env_values = true)]
    #[arg(global = true, num_args = 0..=1, require_equals = true, default_missing_value = LocalGate::PATH)]
    local: Option<PathBuf>,
}

/// Which gate is meant.
#[derive(Debug)]
pub(super) enum Whom {
    /// None was named.
    Nobody,
    /// That of this host.
    Local { path: PathBuf, timeout: Option<Duration> },
    /// One with all that is known of it.
    Gate(Box<GateOptions>),
}

/// A profile, and how it came to be chosen.
#[derive(Debug, Clone, Default)]
pub(super) struct Chosen {
    /// Its name, where one is.
    pub(super) name: Option<ProfileName>,
    profile: Profile,
    is_typed: bool,
    /// Others are asked as well: what is meant for one gate counts for none of them.
    is_one_of_several: bool,
}

impl Chosen {
    /// The profile that is named, or may count.
    pub(super) fn one(given: &ArgMatches) -> Result<Self, Complaint> {
        let mut all = Self::all(given)?;
        match (all.pop(), all.is_empty()) {
            (Some(chosen), true) => Ok(chosen),
            _ => Err(Self::too_many()),
        }
    }

    /// Whether it was typed: the variables of a gate count for nothing then.
    pub(super) fn is_typed(&self) -> bool {
        self.is_typed
    }

    /// What it says, and its name; of the current one where neither it nor a gate `is_named`.
    pub(super) fn profile(
        &self,
        is_named: bool,
    ) -> Result<(Option<ProfileName>, Profile), ProfileFault> {
        match &self.name {
            None if !is_named => {
                Ok(current()?.map_or_else(Default::default, |(name, own)| (Some(name), own)))
            }
            name => Ok((name.clone(), self.profile.clone())),
        }
    }

    /// Several profiles, where only one can be asked.
    pub(super) fn too_many() -> Complaint {
        Complaint::usage(
            "several profiles do not go with this command",
            "give one: only status, whoami, nodes, ports and jobs list ask several gates",
        )
    }

    /// Each of the profiles that are named, in that order; one without a name where there is none.
    pub(super) fn all(given: &ArgMatches) -> Result<Vec<Self>, Complaint> {
        let names: Vec<ProfileName> = given
            .try_get_many::<ProfileName>(PROFILE)
            .ok()
            .flatten()
            .map(|names| names.cloned().collect())
            .unwrap_or_default();
        if names.is_empty() {
            return Ok(vec![Self::default()]);
        }
        let path = Profiles::path()?;
        let profiles = Profiles::read(&path)?;
        let is_typed = is_typed(given, PROFILE);
        let is_one_of_several = names.len() > 1;
        if let Some(option) = GateOptions::typed(given).filter(|_| is_one_of_several) {
            let what = format!("{option} does not go with several profiles");
            return Err(Complaint::usage(
                what,
                "it is for one gate: leave it out, or give one profile",
            ));
        }
        let chosen = |name: ProfileName| {
            let profile = profiles.find(&name, &path)?.clone();
            Ok(Self { name: Some(name), profile, is_typed, is_one_of_several })
        };
        names.into_iter().map(chosen).collect()
    }
}

impl From<ProfileFault> for Complaint {
    fn from(fault: ProfileFault) -> Self {
        Self::new(fault.exit(), fault.to_string(), fault.hint())
    }
}

/// The current profile, where there is one.
fn current() -> Result<Option<(ProfileName, Profile)>, ProfileFault> {
    // without a home there are no profiles, and whoever wants none need not have one
    let Ok(path) = Profiles::path() else { return Ok(None) };
    let profiles = Profiles::read(&path)?;
    let named = |name: &ProfileName| Ok((name.clone(), profiles.find(name, &path)?.clone()));
    profiles.current.as_ref().map(named).transpose()
}

/// The first option that names a gate, or belongs to one, and was typed; as a person writes it.
pub(super) fn typed(given: &ArgMatches) -> Option<String> {
    let global = [LOCAL, PROFILE].into_iter().find(|id| is_typed(given, id));
    global.map(|id| format!("--{id}")).or_else(|| GateOptions::typed(given))
}

/// The local socket, where --local was typed.
pub(super) fn typed_local(given: &ArgMatches) -> Option<PathBuf> {
    given.try_get_one::<PathBuf>(LOCAL).ok().flatten().filter(|_| is_typed(given, LOCAL)).cloned()
}

/// The certificate that counts, where it is a profile's that `tsmgate renew` renews.
pub(super) fn renewed(given: &ArgMatches) -> Option<Leaf> {
    let is_given = |id: &str| given.try_contains_id(id).unwrap_or(false);
    let chosen = Chosen::one(given).ok()?;
    let is_named = is_given("gate") || is_given(LOCAL);
    let by_another = is_typed(given, "cert") || is_given("cert") && !chosen.is_typed;
    let (_, profile) = chosen.profile(is_named).ok()?;
    profile.authority.as_ref().filter(|_| !by_another)?;
    Leaf::read(&identity::contents(&profile.cert?).ok()?)
}

/// Whether an option was typed.
pub(super) fn is_typed(given: &ArgMatches, id: &str) -> bool {
    given.try_contains_id(id).unwrap_or(false)
        && given.value_source(id) == Some(ValueSource::CommandLine)
}

/// Whether a variable names a gate, other than by its address.
pub(super) fn is_named_by_variable(given: &ArgMatches) -> bool {
    [LOCAL, PROFILE].into_iter().any(|id| given.contains_id(id))
}

/// Decides.
pub(super) fn settle(
    mut options: GateOptions,
    chosen: &Chosen,
    given: &ArgMatches,
) -> Result<Whom, Complaint> {
    if let Some(path) = typed_local(given) {
        if is_typed(given, PROFILE) {
            let what = format!("--{LOCAL} does not go with --{PROFILE}");
            return Err(Complaint::usage(what, "give one of the two"));
        }
        return local_gate(path, &options, given);
    }
    options.keep_proxies_apart(given);
    if chosen.is_typed || chosen.is_one_of_several {
        options.forget_variables(given);
        return by_profile(options, chosen, given);
    }
    let local = given.try_get_one::<PathBuf>(LOCAL).ok().flatten().cloned();
    match local.filter(|_| !is_typed(given, "gate")) {
        None => by_profile(options, chosen, given),
        Some(_) if options.gate.is_some() => Err(Complaint::usage(
            "both TSMGATE_GATE and TSMGATE_LOCAL are set",
            "unset one of them, or give --gate or --local",
        )),
        Some(path) => local_gate(path, &options, given),
    }
}

/// With what a profile says.
fn by_profile(
    mut options: GateOptions,
    chosen: &Chosen,
    given: &ArgMatches,
) -> Result<Whom, Complaint> {
    let is_named = options.gate.is_some();
    let (_, profile) = chosen.profile(is_named)?;
    options.fill(&profile);
    match (profile.local, &options.gate) {
        (Some(path), _) if !is_named => local_gate(path, &options, given),
        (_, Some(_)) => Ok(Whom::Gate(Box::new(options))),
        (_, None) => Ok(Whom::Nobody),
    }
}

/// The gate of this host, which none of the typed options is for.
fn local_gate(path: PathBuf, options: &GateOptions, given: &ArgMatches) -> Result<Whom, Complaint> {
    match GateOptions::typed(given) {
        Some(option) => {
            let what = format!("{option} does not go with the gate of this host");
            Err(Complaint::usage(
                what,
                "it needs none of those options: leave it out, or give --gate",
            ))
        }
        None => Ok(Whom::Local { path, timeout: options.timeout }),
    }
}
