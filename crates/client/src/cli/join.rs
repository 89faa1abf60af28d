//! `tsmgate join`: read the token → make the key → get the certificate → write the profile → ask the gate.
//!
//! Each thing done is said when it is done. Nothing is sent by a token that cannot work. Once the certificate is
//! here it stays, whatever fails after that.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args};
use time::OffsetDateTime;
use tokio::runtime;
use tokio::time::{Instant, sleep};
use tsmgate_pki::enrolment::{Enrolled, Token};
use tsmgate_wire::Secret;

use super::Streams;
use super::complaint::Complaint;
use super::profile::absolute;
use super::whom;
use crate::api::{Api, ApiFailure, Document, Own};
use crate::enrol::joining::{Accepted, Place, accept, question};
use crate::enrol::{EnrolFailure, Service, TIMEOUT, Trust, read_authority};
use crate::exit::Exit;
use crate::failure::{LoginFailure, Refusal, shown};
use crate::gate::read_timeout;
use crate::profile::written::WrittenProfiles;
use crate::profile::{Profile, ProfileFault, ProfileName, Profiles};
use crate::system::program::refuse_core_dumps;
use crate::{Gate, Proxy, ProxyUrl};

mod token;
mod told;

/// How long the gate may take to learn of a new client.
const SETTLING: Duration = Duration::from_secs(10);
/// How long a gate usually takes: it looks each second. To ask before that would count as an attempt of a
/// stranger, of which four in a row are a ban.
const USUALLY: Duration = Duration::from_millis(1200);
/// Between the first two questions at the gate; doubled after each, so that what they cost runs off.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Join a gate by the token of an invite
///
/// Makes a key on this host, gets its certificate, writes both and a profile, and asks the gate who this host is
/// there now. Where it is cut short, the same command goes on where it ended: the key is used again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate join                      asks for the token, and does not show it
  tsmgate join < token
  tsmgate join --name prod --proxy socks5://proxy.example.com

The token is what `tsmgate pki invite NAME` prints on the TSM host. The files are in ~/.config/tsmgate/NAME/: key.pem,
cert.pem, ca.pem, authority.pem. JSON: client, profile, current, folder, gate, authority, roles[], networks[],
permissions[], serial, not_before, not_after, renewed_from, timer.")]
pub(crate) struct JoinArgs {
    /// The token; without it, or with -, it is read from stdin or asked for on the terminal
    #[arg(value_parser = token::word)]
    token: Option<Secret>,
    /// What to call the profile [default: the client's name in the token]
    #[arg(long)]
    name: Option<ProfileName>,
    /// Folder for key and certificate [default: one of the profile's name beside the configuration file]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Address of this host to connect from; kept in the profile
    #[arg(long, value_name = "ADDR", env = "TSMGATE_BIND", hide_env_values = true)]
    bind: Option<IpAddr>,
    /// Proxy on the way, http://HOST:PORT or socks5://HOST:PORT; kept in the profile
    #[arg(long, value_name = "URL", env = "TSMGATE_PROXY", hide_env_values = true)]
    proxy: Option<ProxyUrl>,
    /// Password for the proxy: a file with mode 0600; kept in the profile
    #[arg(long, value_name = "FILE", env = "TSMGATE_PROXY_PASSWORD_FILE", hide_env_values = true)]
    #[arg(requires = "proxy")]
    proxy_password_file: Option<PathBuf>,
    /// Time of the attempt: a number and ms, s or m [default: 30s]
    #[arg(long, value_name = "TIME", env = "TSMGATE_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = read_timeout)]
    timeout: Option<Duration>,
    /// Write the answer as JSON
    #[arg(long)]
    json: bool,
}

/// What is to be done, checked as far as it can be without asking anybody.
struct Joining {
    token: Token,
    service: Service,
    name: ProfileName,
    configuration: PathBuf,
    place: Place,
    folder: PathBuf,
    json: bool,
}

/// A host that has joined.
struct Joined {
    enrolled: Enrolled,
    accepted: Accepted,
    is_current: bool,
}

/// Runs the command; `given` is what clap read of it.
pub(super) fn run(arguments: JoinArgs, given: &ArgMatches, streams: &mut Streams<'_>) -> Exit {
    match perform(arguments, given, streams) {
        Ok(()) => Exit::Done,
        Err(complaint) => complaint.tell(streams.talk),
    }
}

fn perform(
    arguments: JoinArgs,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<(), Complaint> {
    refuse_core_dumps();
    if whom::is_typed(given, "profile") || whom::is_typed(given, "local") {
        let what = "join makes a profile, and takes none";
        return Err(Complaint::usage(what, "give --name NAME to say what it is called"));
    }
    if arguments.token.as_ref().is_some_and(token::is_meant) {
        streams.say(
            "warning: a token in the command line is seen by every user of this host, and kept by the shell; \
             `tsmgate join` alone asks for it",
        );
    }
    let joining = arguments.settle()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Complaint::system(&error))?;
    let outcome = runtime.block_on(joining.perform(streams));
    // a name that is still being looked up when the time is over must not keep us
    runtime.shutdown_background();
    outcome
}

impl JoinArgs {
    fn settle(self) -> Result<Joining, Complaint> {
        let token = token::read(self.token)?;
        let name = match self.name {
            Some(name) => name,
            None => token
                .name
                .as_str()
                .parse()
                .map_err(|what| Complaint::check(what, "give --name NAME"))?,
        };
        let configuration = Profiles::path()?;
        let mut folder = self.folder;
        if folder.is_none() {
            folder = configuration.parent().map(|above| above.join(name.as_str()));
        }
        let mut password_file = self.proxy_password_file;
        absolute(&mut folder)?;
        absolute(&mut password_file)?;
        let folder = folder.unwrap_or_default();
        let address = read_authority(&token.address)?;
        let place = Place::open(&folder)?;
        check_free(&configuration, &name, &place)?;
        let service = Service {
            address,
            trust: Trust::Fingerprint(token.authority_sha256),
            bind: self.bind,
            proxy: self.proxy.map(|url| Box::new(Proxy { url, password_file })),
            timeout: self.timeout.unwrap_or(TIMEOUT),
            client: token.name.to_string(),
        };
        Ok(Joining { token, service, name, configuration, place, folder, json: self.json })
    }
}

/// Refuses a name that is another profile's.
fn check_free(path: &std::path::Path, name: &ProfileName, place: &Place) -> Result<(), Complaint> {
    let profiles = Profiles::read(path)?;
    let there = profiles.find(name, path).ok();
    if there.is_some_and(|profile| profile.key != Some(place.key_file())) {
        let there = ProfileFault::There { name: name.clone(), path: path.to_owned() };
        let hint =
            "give --name another name, or `tsmgate profile remove` that one; nothing was sent";
        return Err(Complaint::from(there).hinting(hint));
    }
    Ok(())
}

impl Joining {
    async fn perform(&self, streams: &mut Streams<'_>) -> Result<(), Complaint> {
        let joined = self.join(streams).await?;
        let gate = joined.gate(&self.place, &self.service);
        let answer = who_am_i(&gate).await;
        let permissions = answer.as_ref().ok().map(Document::json);
        if self.json {
            streams.answer(told::json(self, &joined, permissions).as_bytes())?;
        } else {
            streams.answer(told::block(self, &joined, permissions).as_bytes())?;
        }
        answer.map(drop).map_err(|failure| self.not_known(failure))
    }

    /// Everything up to the profile.
    async fn join(&self, streams: &mut Streams<'_>) -> Result<Joined, Complaint> {
        let (key, is_new) = self.place.key(&self.token.name)?;
        let file = shown(&self.place.key_file());
        streams.say(&match is_new {
            true => format!("made a key, {file}"),
            false => format!("the key {file} is there already, and is used"),
        });
        let enrolled = self.service.join(&question(&self.token, &key)?).await?;
        let accepted = accept(&self.token, &key, &enrolled, OffsetDateTime::now_utc());
        let accepted = accepted.map_err(|misfit| {
            let peer = self.service.peer();
            EnrolFailure::Misfit { peer, misfit }
        })?;
        self.place.keep(&enrolled)?;
        let file = shown(&self.place.certificate_file());
        streams.say(&format!("{} gave a certificate, {file}", self.service.peer()));
        if let Some(misfit) = &accepted.untimely {
            streams.say(&format!(
                "warning: it gave {misfit}: one of the clocks may be hours off, compare `date -u`"
            ));
        }
        let profile = self.profile(&accepted);
        let is_current = self.write(&profile).map_err(|fault| {
            let hint = format!(
                "key and certificate are in place; {}, then join again by the same token",
                fault.hint()
            );
            Complaint::from(fault).hinting(hint)
        })?;
        let current = if is_current { ", the current one" } else { "" };
        streams.say(&format!("profile {} in {}{current}", self.name, shown(&self.configuration)));
        Ok(Joined { enrolled, accepted, is_current })
    }

    fn profile(&self, accepted: &Accepted) -> Profile {
        let proxy = self.service.proxy.as_deref();
        Profile {
            gate: Some(accepted.gate.clone()),
            ca: Some(self.place.gate_authority_file()),
            cert: Some(self.place.certificate_file()),
            key: Some(self.place.key_file()),
            bind: self.service.bind,
            proxy: proxy.map(|proxy| proxy.url.clone()),
            proxy_password_file: proxy.and_then(|proxy| proxy.password_file.clone()),
            authority: Some(self.service.address.clone()),
            authority_ca: Some(self.place.authority_file()),
            ..Profile::default()
        }
    }

    /// Writes the profile; whether it is the current one now.
    fn write(&self, profile: &Profile) -> Result<bool, ProfileFault> {
        let mut written = WrittenProfiles::open(self.configuration.clone())?;
        written.add(&self.name, profile, true)?;
        written.save()?;
        let current = Profiles::read(&self.configuration)?.current;
        if current.is_none() {
            let mut written = WrittenProfiles::open(self.configuration.clone())?;
            written.make_current(&self.name)?;
            written.save()?;
        }
        Ok(current.is_none_or(|current| current == self.name))
    }

    /// The gate does not answer: the host has joined all the same.
    fn not_known(&self, failure: ApiFailure) -> Complaint {
        let name = &self.name;
        let hint = if is_not_there_yet(&failure) {
            format!(
                "the certificate is in place; the gate's [enrolment] must name the folder that the authority publishes, \
                 and its admission.allow and the invite's networks this host: `tsmgate doctor --profile {name}`"
            )
        } else {
            format!(
                "the certificate is in place: `tsmgate whoami --profile {name}` asks again, `tsmgate doctor --profile \
                 {name}` walks the way; {}",
                failure.hint()
            )
        };
        Complaint::from(failure).hinting(hint)
    }
}

impl Joined {
    fn gate(&self, place: &Place, service: &Service) -> Gate {
        let address = self.accepted.gate.clone();
        Gate {
            server_name: address.host().to_owned(),
            address,
            authority: place.gate_authority_file(),
            certificate: place.certificate_file(),
            private_key: place.key_file(),
            bind: service.bind,
            proxy: service.proxy.clone(),
            timeout: Gate::TIMEOUT,
        }
    }
}

/// Asks the gate, and again for a while where it has not learned of this client yet.
async fn who_am_i(gate: &Gate) -> Result<Document, ApiFailure> {
    let until = Instant::now() + SETTLING;
    let mut pause = FIRST_PAUSE;
    sleep(USUALLY).await;
    loop {
        let mut api = Api::new(gate.clone().into());
        let answer = api.ask_gate(Own::WhoAmI).await;
        api.end().await;
        match answer {
            Err(failure) if is_not_there_yet(&failure) && Instant::now() + pause < until => {
                sleep(pause).await;
                pause *= 2;
            }
            answer => return answer,
        }
    }
}

/// Whether the gate knows the certificate's authority, and not the client.
fn is_not_there_yet(failure: &ApiFailure) -> bool {
    let ApiFailure::Login(LoginFailure::NotAccepted { refusal, .. }) = failure else {
        return false;
    };
    matches!(refusal, Refusal::AccessDenied | Refusal::Closed)
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    /// R39: the token of a command line is shown by nothing that shows the command line
    #[test]
    fn a_typed_token_is_not_shown() {
        let command = JoinArgs::augment_args(clap::Command::new("join"));
        let given = command.try_get_matches_from(["join", "tsmgate-invite-of-jump01"]);
        let shown = given.and_then(|given| JoinArgs::from_arg_matches(&given));
        let shown = shown.map(|arguments| format!("{arguments:?}")).unwrap_or_default();
        assert!(shown.contains("token: Some(Secret(") && !shown.contains("jump01"), "{shown}");
    }
}
