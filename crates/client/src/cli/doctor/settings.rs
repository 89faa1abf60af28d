//! Where each part of what is said of a gate came from: an option, a variable, a profile, or the default.

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::cli::complaint::Complaint;
use crate::cli::gate_options::GateOptions;
use crate::cli::whom::Chosen;
use crate::doctor::{AUTHORITY, Patient, Setting};
use crate::failure::shown;

/// Each setting that counts, in the order of the options.
pub(super) fn of(
    patient: &Patient,
    mut said: GateOptions,
    chosen: &Chosen,
    given: &ArgMatches,
) -> Result<Vec<Setting>, Complaint> {
    if chosen.is_typed() {
        said.forget_variables(given);
    }
    let (name, profile) = chosen.profile(said.host().is_some())?;
    let profile_has: Vec<_> = profile.values().into_iter().map(|(key, _)| key).collect();
    let origin = |key: &str| {
        let source = given.try_contains_id(key).ok().and_then(|_| given.value_source(key));
        match (source, &name) {
            (Some(ValueSource::CommandLine), _) => format!("--{}", key.replace('_', "-")),
            (Some(ValueSource::EnvVariable), _) if !chosen.is_typed() => {
                format!("TSMGATE_{}", key.to_ascii_uppercase())
            }
            (_, Some(name)) if profile_has.contains(&key) => match &chosen.name {
                Some(_) => format!("profile {name}"),
                None => format!("current profile, {name}"),
            },
            _ => "default".to_owned(),
        }
    };
    let setting = |(name, value)| Setting { name, value, origin: origin(name) };
    let mut settings: Vec<_> = values(patient).into_iter().map(setting).collect();
    // it counts where the profile's certificate does
    let is_profiles =
        matches!(patient, Patient::Gate(gate) if profile.cert.as_ref() == Some(&gate.certificate));
    if let Some(authority) = profile.authority.filter(|_| is_profiles) {
        settings.push(Setting {
            name: AUTHORITY,
            value: authority.to_string(),
            origin: origin(AUTHORITY),
        });
    }
    Ok(settings)
}

fn values(patient: &Patient) -> Vec<(&'static str, String)> {
    let time = |time: std::time::Duration| format!("{}ms", time.as_millis());
    match patient {
        Patient::Local(gate) => vec![("local", shown(&gate.path)), ("timeout", time(gate.timeout))],
        Patient::Gate(gate) => {
            let bind = gate.bind.map(|address| ("bind", address.to_string()));
            let all = [
                ("gate", gate.address.to_string()),
                ("server_name", tsmgate_text::escape(&gate.server_name)),
                ("ca", shown(&gate.authority)),
                ("cert", shown(&gate.certificate)),
                ("key", shown(&gate.private_key)),
                ("timeout", time(gate.timeout)),
            ];
            let proxy = gate.proxy.as_ref().map(|proxy| ("proxy", proxy.url.to_string()));
            all.into_iter().chain(bind).chain(proxy).collect()
        }
    }
}
