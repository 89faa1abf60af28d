//! `tsmgate cookie-jar`: a file with a session that is good, as long as this runs: log in → write → wait → anew.
//!
//! A new session is there before the old one ends; a failure is said once and tried again, ever less often. A
//! file whose session is over is removed: a dead secret is worse than none. What the first login or write fails
//! at ends it at once. Nothing is taken from the session cache, or put there.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use clap::{ArgMatches, Args};
use time::OffsetDateTime;
use tokio::runtime;
use tokio::time::sleep;
use tsmgate_pki::time_text;
use tsmgate_text::escape;

use super::Streams;
use super::complaint::Complaint;
use super::gate_options::GateOptions;
use super::login::{Format, domain, render, usual_domain};
use super::target::Target;
use crate::cache::Stage;
use crate::exit::Exit;
use crate::failure::shown;
use crate::system::clock::since_boot;
use crate::system::mode::Readers;
use crate::system::program::refuse_core_dumps;
use crate::system::service;
use crate::system::signal::{Kind, Signals, Wish};
use crate::{Gate, Login, Source};

mod pace;

use pace::Pace;

/// Keep a file with a session that is good, until this is ended
///
/// The file is its owner's alone and written whole. A new session comes when three quarters of the old one's
/// time are over, or at once on SIGUSR1. SIGTERM, SIGINT and SIGHUP end it: the session is ended and the file
/// removed. The certificate is read anew for every login. As a unit it is Type=notify.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  tsmgate cookie-jar tsm.cookies &
  curl --cacert tsm-ca.pem -b tsm.cookies https://tsm.example.com:8850/api/0.5/status")]
pub(crate) struct CookieJarArgs {
    #[command(flatten)]
    gate: GateOptions,
    /// The file, mode 0600; one that is there is replaced
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What to write
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Netscape)]
    format: Format,
    /// Host the cookie is for, in the netscape format [default: the gate's, or localhost]
    #[arg(long, value_name = "HOST", value_parser = domain)]
    cookie_domain: Option<String>,
    /// Leave the file and its session at the end
    #[arg(long)]
    keep: bool,
}

/// Keeps the file until a signal comes.
pub(super) fn run(arguments: CookieJarArgs, given: &ArgMatches, streams: &mut Streams<'_>) -> Exit {
    match perform(arguments, given, streams) {
        Ok(()) => Exit::Done,
        Err(complaint) => complaint.tell(streams.talk),
    }
}

fn perform(
    arguments: CookieJarArgs,
    given: &ArgMatches,
    streams: &mut Streams<'_>,
) -> Result<(), Complaint> {
    refuse_core_dumps();
    let source = arguments.gate.needed_source(Gate::TIMEOUT, given, "")?;
    // before the login: a session that cannot be delivered is still a superuser's session
    Target::prepare(&arguments.file, "FILE")?;
    let domain = arguments.cookie_domain.unwrap_or_else(|| usual_domain(&source).to_owned());
    let mut jar = Jar {
        file: arguments.file,
        format: arguments.format,
        domain,
        held: None,
        unwritten: None,
        last: None,
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Complaint::system(&error))?;
    let outcome = runtime.block_on(async {
        let outcome = jar.fill_until_told(&source, streams).await;
        let _ = service::stopping();
        if let Some((_, login)) = jar.unwritten.take() {
            source.end(&login).await;
        }
        match jar.held.take() {
            Some(login) if !arguments.keep => {
                jar.remove();
                source.end(&login).await;
            }
            _ => {}
        }
        outcome
    });
    // a name that is still being looked up must not keep us
    runtime.shutdown_background();
    outcome
}

/// The file, and what is in it.
struct Jar {
    file: PathBuf,
    format: Format,
    domain: String,
    held: Option<Login>,
    /// A session that the file did not take yet, and when it was asked for.
    unwritten: Option<(Duration, Login)>,
    /// The failure that was said last, until something works again.
    last: Option<Complaint>,
}

/// Whom to listen to, besides those who end everything.
struct Told {
    end: Signals,
    hangup: Wish,
    anew: Wish,
}

#[derive(Debug, PartialEq, Eq)]
enum Order {
    End,
    Anew,
}

impl Told {
    fn listen() -> std::io::Result<Self> {
        let (hangup, anew) = (Wish::listen(Kind::Hangup)?, Wish::listen(Kind::First)?);
        Ok(Self { end: Signals::listen(), hangup, anew })
    }

    async fn order(&mut self) -> Order {
        tokio::select! {
            () = self.end.come() => Order::End,
            () = self.hangup.come() => Order::End,
            () = self.anew.come() => Order::Anew,
        }
    }

    /// What comes of it, unless it is all to end before.
    async fn unless_ended<T>(&mut self, what: impl Future<Output = T>) -> Option<T> {
        let mut what = pin!(what);
        loop {
            tokio::select! {
                biased;
                // a new login is under way
                order = self.order() => if order == Order::End { return None },
                outcome = &mut what => return Some(outcome),
            }
        }
    }
}

impl Jar {
    /// Comes back when a signal says so, or where nothing worked from the start.
    async fn fill_until_told(
        &mut self,
        source: &Source,
        streams: &mut Streams<'_>,
    ) -> Result<(), Complaint> {
        let mut told = Told::listen().map_err(|error| Complaint::system(&error))?;
        let mut pace = Pace::default();
        loop {
            let Some(outcome) = told.unless_ended(self.next(source)).await else {
                return if pace.was_filled() { Ok(()) } else { Err(no_session()) };
            };
            match outcome.and_then(|()| self.fill()) {
                Ok((asked, max_age)) => {
                    pace.filled(asked, max_age, since_boot());
                    self.say_filled(streams);
                }
                Err(complaint) if !pace.was_filled() => return Err(complaint),
                Err(complaint) => {
                    pace.failed(since_boot());
                    self.say_once(complaint, streams);
                }
            }
            while let Some(left) = pace.left(since_boot()) {
                tokio::select! {
                    biased;
                    order = told.order() => match order {
                        Order::End => return Ok(()),
                        Order::Anew => break,
                    },
                    () = sleep(left) => {}
                }
                if pace.is_over(since_boot()) && self.held.take().is_some() {
                    self.remove();
                    streams.say(&format!("the session is over: {} removed", shown(&self.file)));
                }
            }
        }
    }

    /// Gets a session for the file: the one that it did not take, as long as that is young, or a new one.
    async fn next(&mut self, source: &Source) -> Result<(), Complaint> {
        if let Some((asked, login)) = self.unwritten.take() {
            if Stage::of(asked, login.cookie.max_age(), since_boot()) == Stage::Young {
                self.unwritten = Some((asked, login));
                return Ok(());
            }
            source.end(&login).await;
        }
        let asked = since_boot();
        self.unwritten = Some((asked, source.login().await?));
        Ok(())
    }

    /// Puts that session into the file; gives when it was asked for, and the seconds that it lives. What cannot
    /// be written waits for the next time: each login is another superuser's session.
    fn fill(&mut self) -> Result<(Duration, u32), Complaint> {
        let Some((asked, login)) = &self.unwritten else { return Err(no_session()) };
        let (asked, max_age) = (*asked, login.cookie.max_age());
        let text = render(self.format, login, &self.domain);
        // what is there may have become a link meanwhile
        Target::prepare(&self.file, "FILE")?.write(text.as_bytes(), Readers::Owner)?;
        self.held = self.unwritten.take().map(|(_, login)| login);
        Ok((asked, max_age))
    }

    fn remove(&self) {
        // whoever removed it before has done what was to be done
        let _ = std::fs::remove_file(&self.file);
    }

    fn say_filled(&mut self, streams: &mut Streams<'_>) {
        self.last = None;
        let Some(login) = &self.held else { return };
        let user = escape(login.username.as_bytes());
        let end = time_text(OffsetDateTime::from(login.expires()));
        let line = format!("session of {user} until {end}, in {}", shown(&self.file));
        streams.say(&line);
        let _ = service::ready(&line);
    }

    fn say_once(&mut self, complaint: Complaint, streams: &mut Streams<'_>) {
        if self.last.as_ref() != Some(&complaint) {
            complaint.tell(streams.talk);
            self.last = Some(complaint);
        }
    }
}

/// It ended before there was a session.
fn no_session() -> Complaint {
    Complaint::interrupted().hinting("there was no session yet, and there is no file")
}
