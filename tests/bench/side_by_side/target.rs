//! One server under test as it runs: started, asked, told to reload, stopped.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768;

use crate::client::{Client, Failure};
use crate::figures::Figures;
use crate::interrupt;
use crate::process::Process;
use crate::recipe::{Caps, Recipe, Reload};
use crate::stage::Stage;

/// How long a server may take until it serves.
const PATIENCE: Duration = Duration::from_secs(10);
/// Logins before anything is measured, so that caches are filled and memory is there.
const WARM_UP: u32 = 10;

/// A row of the tables.
pub struct Target {
    /// How it is started.
    pub recipe: Recipe,
    /// The client that may.
    pub client: Client,
    /// The same with the post-quantum key exchange, where the server takes it.
    pub post_quantum: Option<Client>,
    /// What was measured.
    pub figures: Figures,
    process: Process,
    log: std::path::PathBuf,
    reloads: usize,
}

impl Target {
    /// Starts it, with caps raised.
    pub fn start(recipe: Recipe, stage: &Stage) -> anyhow::Result<Self> {
        let client =
            |group| Client::new(&stage.authority, Some(&stage.client), group, &stage.reply);
        let log = stage.path(&format!("log/{}", recipe.name));
        let process = spawn(&recipe, Caps::Raised, &log)?;
        let mut target = Self {
            client: client(recipe.group)?,
            post_quantum: recipe.post_quantum.then(|| client(X25519MLKEM768)).transpose()?,
            figures: Figures::default(),
            recipe,
            process,
            log,
            reloads: 0,
        };
        target.wait_until_up()?;
        Ok(target)
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.recipe.name
    }

    /// The first of its processes.
    pub fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// One cold login; when the answer was there.
    pub fn login(&self, client: &Client) -> anyhow::Result<Instant> {
        let there = client.login(self.recipe.port);
        there.with_context(|| self.blame("a login through it failed"))
    }

    /// What failed, with what the server said last.
    pub fn blame(&self, what: &str) -> String {
        format!("{}: {what}. It said:\n{}\n", self.name(), self.process.last_words())
    }

    /// Stops it as its operator would, and starts it anew.
    pub fn restart(&mut self, caps: Caps) -> anyhow::Result<()> {
        self.process.end(self.recipe.stop);
        self.process = spawn(&self.recipe, caps, &self.log)?;
        Ok(())
    }

    /// The same, until it serves and its caches are filled.
    pub fn begin_anew(&mut self, caps: Caps) -> anyhow::Result<()> {
        self.restart(caps)?;
        self.wait_until_up()?;
        if caps == Caps::Raised {
            self.warm_up()?;
        }
        Ok(())
    }

    /// Tells it to read its configuration anew, where there is a way.
    pub fn reload(&mut self) -> anyhow::Result<()> {
        self.reloads += 1;
        match &self.recipe.reload {
            Reload::No => {}
            Reload::Signal(signal) => kill(self.pid(), *signal)?,
            Reload::File(path, contents) => {
                let fresh = path.with_extension("new");
                fs::write(&fresh, &contents[self.reloads % 2])?;
                fs::rename(fresh, path)?;
            }
        }
        Ok(())
    }

    /// Some logins that nobody counts.
    pub fn warm_up(&self) -> anyhow::Result<()> {
        (0..WARM_UP).try_for_each(|_| self.login(&self.client).map(drop))
    }

    /// Waits for a first login.
    pub fn wait_until_up(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            interrupt::check()?;
            match self.client.login(self.recipe.port) {
                Ok(_) => return Ok(()),
                Err(Failure::Wrong(what)) => bail!(self.blame(what)),
                Err(_) if Instant::now() < end && !self.process.has_ended() => {}
                Err(error) => bail!(self.blame(&format!("it does not serve ({error})"))),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// That it refuses a client without a certificate, and one with a stranger's, before the login server
    /// hears of them.
    pub fn check_refusals(&self, stage: &Stage) -> anyhow::Result<()> {
        use std::sync::atomic::Ordering::Relaxed;
        // good ones first: a source that proved itself is not banned for the bad ones
        self.warm_up()?;
        let answered = stage.answered.load(Relaxed);
        for (who, identity) in [("no certificate", None), ("a stranger's", Some(&stage.stranger))] {
            Client::new(&stage.authority, identity, self.recipe.group, &stage.reply)?
                .is_refused(self.recipe.port)
                .with_context(|| format!("{} and a client with {who}", self.name()))?;
        }
        let reached = stage.answered.load(Relaxed) - answered;
        ensure!(reached == 0, "{} let a client through that it must refuse", self.name());
        self.login(&self.client).map(drop)
    }
}

fn spawn(recipe: &Recipe, caps: Caps, log: &std::path::Path) -> anyhow::Result<Process> {
    let (mut command, socket) = recipe.command(caps)?;
    let input =
        socket.map_or_else(Stdio::null, |socket| Stdio::from(std::os::fd::OwnedFd::from(socket)));
    Process::start(&mut command, input, log.to_owned())
}
