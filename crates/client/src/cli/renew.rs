//! `tsmgate renew`: settle which profiles → renew each → say what came of it. For timers: quiet where there is
//! time, one line where there is a new certificate, and the exit code says which.

use std::time::Duration;

use clap::{ArgMatches, Args};
use tokio::runtime;
use tsmgate_pki::time_text;
use tsmgate_text::escape;

use super::Streams;
use super::complaint::Complaint;
use super::whom::{self, Chosen};
use crate::Proxy;
use crate::enrol::renewal::{Holding, Renewal, When};
use crate::enrol::{EnrolFailure, TIMEOUT};
use crate::exit::{Ended, Exit};
use crate::gate::read_timeout;
use crate::profile::{Profile, ProfileName, Profiles};
use crate::system::program::refuse_core_dumps;

/// The exit code where there is time; the same as that of `pki needs-renewal`.
const NOT_DUE: u8 = 1;

/// Renew this host's certificate where it was joined, with the same key
///
/// Of the current profile, of those in --profile, or of all that were joined. The old certificate stays until the
/// new one has been judged, and is replaced in one step: programs that are running need no restart.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tsmgate renew
  tsmgate renew --if-needed --all
  systemctl --user enable --now tsmgate-renew-client.timer

Exit code: 0 where a certificate was renewed, 1 where none is due; that of the first failure otherwise.")]
pub(crate) struct RenewArgs {
    /// Only where less than a third of the life is left, a little later on some hosts than on others
    #[arg(long)]
    if_needed: bool,
    /// Every profile that was joined
    #[arg(long)]
    all: bool,
    /// Time of each attempt: a number and ms, s or m [default: 30s]
    #[arg(long, value_name = "TIME", env = "TSMGATE_TIMEOUT", hide_env_values = true)]
    #[arg(value_parser = read_timeout)]
    timeout: Option<Duration>,
}

/// Runs the command; `given` is what clap read of it.
pub(super) fn run(arguments: &RenewArgs, given: &ArgMatches, streams: &mut Streams<'_>) -> Ended {
    match perform(arguments, given, streams) {
        Ok(ended) => ended,
        Err(complaint) => complaint.tell(streams.talk).into(),
    }
}

fn perform(
    arguments: &RenewArgs,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<Ended, Complaint> {
    refuse_core_dumps();
    let holdings = arguments.settle(given)?;
    let when = if arguments.if_needed { When::Due } else { When::Now };
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Complaint::system(&error))?;
    let mut ended = Ended::Answer(NOT_DUE);
    let mut failed = None;
    for (name, holding) in &holdings {
        match runtime.block_on(holding.renew(when)) {
            Ok(Renewal::Renewed(leaf)) => {
                let line = format!("{name}: renewed, good until {}\n", time_text(leaf.ends));
                streams.answer(line.as_bytes())?;
                ended = Exit::Done.into();
            }
            Ok(Renewal::NotDue(leaf)) if streams.out_is_terminal => {
                let (due, ends) = (time_text(leaf.due()), time_text(leaf.ends));
                streams.answer(
                    format!("{name}: not due before {due}, good until {ends}\n").as_bytes(),
                )?;
            }
            Ok(Renewal::NotDue(_)) => {}
            Err(failure) => {
                let exit = told(holding, failure).of(name.as_str()).tell(streams.talk);
                failed.get_or_insert(exit);
            }
        }
    }
    // a name that is still being looked up when the time is over must not keep us
    runtime.shutdown_background();
    Ok(failed.map_or(ended, Ended::from))
}

/// A failure, and until when there is time to mend it.
fn told(holding: &Holding, failure: EnrolFailure) -> Complaint {
    let is_over = matches!(failure, EnrolFailure::Ended { .. });
    let complaint = Complaint::from(failure);
    match holding.leaf() {
        Ok(leaf) if !is_over => complaint
            .but(&format!("the old certificate stays, good until {}", time_text(leaf.ends))),
        _ => complaint,
    }
}

impl RenewArgs {
    /// What is to be renewed, by profile.
    fn settle(&self, given: &ArgMatches) -> Result<Vec<(ProfileName, Holding)>, Complaint> {
        if self.all {
            if whom::is_typed(given, "profile") {
                let what = "--all does not go with --profile";
                return Err(Complaint::usage(what, "give one of the two"));
            }
            let profiles = Profiles::read(&Profiles::path()?)?;
            let joined = profiles.iter().filter(|(_, profile)| profile.authority.is_some());
            return joined.map(|(name, profile)| self.holding(name, profile)).collect();
        }
        let none = || {
            let hint =
                "give --profile NAME, or `tsmgate profile use NAME`; `tsmgate join` makes one";
            Complaint::usage("no profile is the current one", hint)
        };
        let all = Chosen::all(given)?.into_iter().map(|chosen| {
            let (name, profile) = chosen.profile(false)?;
            self.holding(&name.ok_or_else(none)?, &profile)
        });
        all.collect()
    }

    fn holding(
        &self,
        name: &ProfileName,
        profile: &Profile,
    ) -> Result<(ProfileName, Holding), Complaint> {
        let Profile { authority, authority_ca, cert, key, bind, proxy, .. } = profile.clone();
        let lacks = |key: &str| {
            let what = format!("profile {} has no {key}", escape(name.as_str()));
            let hint = "only what `tsmgate join` wrote is renewed here; `tsmgate profile add` takes --authority \
                        and --authority-ca";
            Complaint::usage(what, hint)
        };
        let password_file = profile.proxy_password_file.clone();
        let holding = Holding {
            authority: authority.ok_or_else(|| lacks("authority"))?,
            authority_ca: authority_ca.ok_or_else(|| lacks("authority_ca"))?,
            certificate: cert.ok_or_else(|| lacks("cert"))?,
            private_key: key.ok_or_else(|| lacks("key"))?,
            bind,
            proxy: proxy.map(|url| Box::new(Proxy { url, password_file })),
            timeout: self.timeout.or(profile.timeout).unwrap_or(TIMEOUT),
        };
        Ok((name.clone(), holding))
    }
}
