//! What the controller administers: the cluster, the jobs that change it, and its configuration.
//!
//! Jobs move when they are told to and never by themselves; time alone can only fail them. It
//! opens no connection, and writes no file but backups and archives of logs.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::clock::Clock;
use cluster::Cluster;
use files::Files;
use jobs::{Jobs, Work};
use plan::{Circumstances, Effect, JobKind};
use store::Store;

pub(crate) mod cluster;
pub(crate) mod custom;
pub(crate) mod files;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod plan;
pub(crate) mod repository;
pub(crate) mod services;
pub(crate) mod store;

/// A zip archive with nothing in it: the end of its directory, which is all there is.
const EMPTY_ZIP: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Where backups, and archives of logs, are.
#[derive(Debug)]
pub(crate) enum Folder {
    /// Somebody else's.
    Given(PathBuf),
    /// Made for this simulator, and removed with it.
    Own(TempDir),
}

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Given(path) => path,
            Self::Own(folder) => folder.path(),
        }
    }
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) cluster: Cluster,
    pub(crate) jobs: Jobs,
    pub(crate) store: Store,
    pub(crate) backups: Folder,
    pub(crate) files: Files,
    /// The certificate of the repository, in PEM, while its TLS is on.
    pub(crate) repository: Option<String>,
    /// Why a deployment is not begun unless warnings are ignored.
    pub(crate) warnings: Vec<String>,
    /// Whether the key of the cookies was changed since somebody looked.
    pub(crate) cookie_key_changed: bool,
    /// What the controller's log has still to say.
    pub(crate) said: Vec<String>,
}

impl World {
    pub(crate) fn new(clock: Clock, cluster: Cluster, backups: Folder) -> Self {
        Self {
            clock,
            cluster,
            jobs: Jobs::default(),
            store: Store::new(),
            backups,
            files: Files::default(),
            repository: None,
            warnings: Vec::new(),
            cookie_key_changed: false,
            said: Vec::new(),
        }
    }

    /// Puts a job into the queue and tells its number.
    pub(crate) fn queue(&mut self, kind: JobKind, timeout_s: Option<u64>) -> u64 {
        let work = Work {
            steps: kind.steps(self.circumstances()),
            timeout_s: timeout_s.unwrap_or_else(|| kind.timeout_s()),
            worker: self.cluster.controller_node().to_owned(),
            kind,
        };
        if matches!(work.kind, JobKind::Deployments) {
            let cold = self.store.cold_changes();
            // Seen: the line of the controller's own log.
            self.said.push(format!(
                "Found {} cold config changes: [{}]",
                cold.len(),
                cold.join(", ")
            ));
        }
        self.jobs.queue(work, self.clock.epoch_ms())
    }

    /// Fails the running job where its time is over, as the controller does.
    pub(crate) fn settle(&mut self) {
        self.jobs.settle(self.clock.epoch_ms());
    }

    /// Moves on by one step: starts the oldest waiting job, or ends a step of the running one.
    /// `false`: there was nothing to do.
    pub(crate) fn step(&mut self) -> bool {
        self.settle();
        let now = self.clock.epoch_ms();
        if let Some(effect) = self.jobs.current_effect() {
            let outcome = self.apply(&effect);
            self.jobs.end_step(now, outcome);
            return true;
        }
        // what went before may have changed whether a deployment restarts the server
        let circumstances = self.circumstances();
        self.jobs.start_next(now, circumstances)
    }

    /// Documented: only a change that needs it restarts the server, and only one that runs.
    fn circumstances(&self) -> Circumstances {
        Circumstances {
            enabled: self.cluster.is_enabled(),
            restart_due: self.store.restart_is_due(),
        }
    }

    fn apply(&mut self, effect: &Effect) -> Result<(), String> {
        match effect {
            Effect::Nothing => {}
            Effect::Become(state) => self.cluster.become_state(*state),
            Effect::WriteBackup(name) => self.write_backup(name)?,
            Effect::ReadBackup(name) => {
                if !self.backups.path().join(name).is_file() {
                    return Err(format!("The backup file {name} was not found."));
                }
            }
            Effect::WriteLogs(name) => self.write(name, EMPTY_ZIP)?,
            Effect::Deploy => {
                self.store.apply();
                self.keep_repository_certificate()?;
            }
            Effect::RenewCertificates => {
                self.repository = None;
                self.keep_repository_certificate()?;
            }
            Effect::RenewSecrets => self.store.renew_secrets(),
            Effect::RotateKeys => self.cookie_key_changed = true,
        }
        Ok(())
    }

    fn write_backup(&self, name: &str) -> Result<(), String> {
        let version = self.store.version();
        let contents = format!("a backup of the pretend TSM, configuration {version}\n");
        self.write(name, contents.as_bytes())
    }

    fn write(&self, name: &str, contents: &[u8]) -> Result<(), String> {
        let path = self.backups.path().join(name);
        std::fs::write(path, contents).map_err(|error| format!("Writing {name} failed: {error}."))
    }
}

#[cfg(test)]
mod tests;
