//! The options that say who is asked: a gate, or with --direct a controller itself.
//!
//! What is typed counts before what the environment says, as with `login`. A password comes from a file
//! or a terminal, never from an argument or the environment.

use std::path::PathBuf;

use clap::{ArgMatches, Args};
use tsmgate_text::escape;
use tsmgate_wire::Secret;

use super::complaint::Complaint;
use super::gate_options::{GateOptions, REQUEST};
use super::whom::{self, Chosen};
use crate::api::{Controller, ControllerAddress, Entry, Peer, Pin, Trust};
use crate::cache::Cache;
use crate::{LocalSocket, LoginFailure, Source, identity};

/// Who is asked.
#[derive(Debug, Clone, Args)]
pub(crate) struct PeerOptions {
    #[command(flatten)]
    gate: GateOptions,
    /// Ask this controller of TSM itself, https://HOST:8850; the session comes from --username, --socket
    /// or --gate, and is ended with the command, unless it is cached
    #[arg(long, value_name = "URL", help_heading = "Without a gate")]
    direct: Option<ControllerAddress>,
    /// Authority that issued the controller's certificate, or that itself, PEM
    #[arg(long, value_name = "FILE", help_heading = "Without a gate")]
    direct_ca: Option<PathBuf>,
    /// SHA-256 of the controller's certificate; its name and dates count for nothing then
    #[arg(long, value_name = "HEX", help_heading = "Without a gate")]
    direct_pin: Option<Pin>,
    /// Log in at this login socket, of a controller on this host
    #[arg(long, value_name = "PATH", help_heading = "Without a gate")]
    socket: Option<PathBuf>,
    /// Take the session of --socket or --gate from the session cache, or fill it, and leave it there
    #[arg(long, help_heading = "Without a gate")]
    cache: bool,
    /// Log in as this user of the controller's host, with a password that is asked for
    #[arg(long, value_name = "NAME", help_heading = "Without a gate")]
    username: Option<String>,
    /// Take the password from this file, with mode 0600
    #[arg(long, value_name = "FILE", help_heading = "Without a gate")]
    password_file: Option<PathBuf>,
}

/// Whom a command can ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Whoever is named.
    Anybody,
    /// A gate: a controller does not know what is asked.
    Gate,
}

impl PeerOptions {
    /// Decides for one peer, and takes what belongs to it; may ask for a password.
    pub(super) fn settle(self, wanted: Wanted, given: &ArgMatches) -> Result<Peer, Complaint> {
        match &self.direct {
            Some(_) if wanted == Wanted::Gate => Err(Complaint::usage(
                "--direct does not go with this command",
                "only a gate can be asked this: give --gate HOST:PORT, and leave --direct out",
            )),
            Some(_) => self.controller(given),
            None => self.at_gate(&Chosen::one(given)?, given),
        }
    }

    /// One of several gates, by its profile.
    pub(super) fn settle_one_of_several(
        self,
        chosen: &Chosen,
        given: &ArgMatches,
    ) -> Result<Peer, Complaint> {
        match &self.direct {
            Some(_) => Err(Complaint::usage(
                "--direct does not go with several profiles",
                "a controller is one: leave --direct or --profile out",
            )),
            None => self.at_gate(chosen, given),
        }
    }

    fn at_gate(self, chosen: &Chosen, given: &ArgMatches) -> Result<Peer, Complaint> {
        let of_a_controller = [
            ("--direct-ca", self.direct_ca.is_some()),
            ("--direct-pin", self.direct_pin.is_some()),
            ("--socket", self.socket.is_some()),
            ("--cache", self.cache),
            ("--username", self.username.is_some()),
            ("--password-file", self.password_file.is_some()),
        ];
        if let Some((option, _)) = of_a_controller.into_iter().find(|(_, is_given)| *is_given) {
            let what = format!("{option} is for --direct");
            return Err(Complaint::usage(what, "give --direct https://HOST:8850 with it"));
        }
        self.gate.peer_of(chosen, given, "; or --direct https://HOST:8850")
    }

    fn controller(self, given: &ArgMatches) -> Result<Peer, Complaint> {
        let missing = || Complaint::usage("--direct is missing", "give --direct https://HOST:8850");
        let address = self.direct.ok_or_else(missing)?;
        let trust = match (self.direct_ca, self.direct_pin) {
            (Some(file), None) => Trust::Authority(file),
            (None, Some(pin)) => Trust::Pin(pin),
            (Some(_), Some(_)) => {
                let hint = "give one of the two";
                return Err(Complaint::usage("both --direct-ca and --direct-pin are given", hint));
            }
            (None, None) => {
                let what = "the controller's certificate cannot be checked";
                let hint =
                    "give --direct-ca FILE, or --direct-pin with its SHA-256 from the host itself";
                return Err(Complaint::usage(what, hint));
            }
        };
        let (bind, timeout) = (self.gate.bind(), self.gate.timeout(REQUEST));
        // --bind is not the gate's alone here
        let gates = whom::typed(given).filter(|option| option != "--bind");
        let ways = [
            self.username.as_ref().map(|_| "--username".to_owned()),
            self.socket.as_ref().map(|_| "--socket".to_owned()),
            gates,
        ];
        if let [Some(one), Some(other), ..]
        | [Some(one), _, Some(other)]
        | [_, Some(one), Some(other)] = ways
        {
            let what = format!("{one} does not go with {other}");
            let hint = "a session comes by a password, a socket or a gate: give one of them";
            return Err(Complaint::usage(what, hint));
        }
        let entry = match (self.username, self.socket) {
            (Some(_), _) if self.cache => {
                let hint = "leave one of the two out: a session by password is not cached";
                return Err(Complaint::usage("--cache does not go with --username", hint));
            }
            (Some(name), _) => {
                let password = password(&name, &address, self.password_file)?;
                Entry::Password { name, password }
            }
            (None, _) if self.password_file.is_some() => {
                let hint = "give --username NAME with it";
                return Err(Complaint::usage("--password-file is for --username", hint));
            }
            (None, Some(path)) => entry(LocalSocket { path, timeout }.into(), self.cache)?,
            (None, None) => {
                let hint = "give --username NAME, --socket PATH, or --gate HOST:PORT with --ca, --cert and --key";
                let missing = || Complaint::usage("there is no way to a session", hint);
                entry(self.gate.source(REQUEST, given)?.ok_or_else(missing)?, self.cache)?
            }
        };
        Ok(Controller { address, trust, entry, bind, timeout }.into())
    }
}

fn entry(source: Source, cached: bool) -> Result<Entry, Complaint> {
    let source = Box::new(source);
    match cached {
        true => Ok(Entry::Cached(Cache::of_user().map_err(LoginFailure::from)?, source)),
        false => Ok(Entry::Source(source)),
    }
}

fn password(
    name: &str,
    address: &ControllerAddress,
    file: Option<PathBuf>,
) -> Result<Secret, Complaint> {
    if let Some(file) = file {
        return Ok(identity::secret(&file)?);
    }
    // on the terminal itself, whatever the standard streams are
    let prompt = format!("Password of {} at {address}: ", escape(name));
    let typed = rpassword::prompt_password(prompt).map(Secret::new).map_err(|_| {
        Complaint::check("there is no terminal to ask for a password", "give --password-file FILE")
    })?;
    if typed.expose().is_empty() {
        return Err(Complaint::check(
            "the password is empty",
            "type it, or give --password-file FILE",
        ));
    }
    Ok(typed)
}
