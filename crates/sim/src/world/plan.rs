//! Which kinds of jobs there are, and of which steps.
//!
//! Documented: the two steps of a stop and their ids. Seen: the fifteen messages of a deployment, and
//! the job types where said so. Everything else, ids and messages alike, is a guess in the same words.

use super::cluster::ServerState;

/// What ends with a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    Become(ServerState),
    WriteBackup(String),
    ReadBackup(String),
    WriteLogs(String),
    Deploy,
    /// New internal certificates, for the repository among them.
    RenewCertificates,
    /// New passwords of the server's own.
    RenewSecrets,
    /// A new key for whatever is sealed with one, cookies among it.
    RotateKeys,
}

/// What the steps of a job depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Circumstances {
    /// Whether the server is meant to run.
    pub(crate) enabled: bool,
    /// Whether something is staged that takes effect only after a restart.
    pub(crate) restart_due: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) id: &'static str,
    pub(crate) message: &'static str,
    pub(crate) effect: Effect,
}

/// A job, before it has a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum JobKind {
    Start,
    Stop,
    Restart,
    Deployments,
    Backup(String),
    Restore(String),
    Cleanup,
    Ziplogs(String),
    Reindex,
    RegenerateTokens,
}

impl JobKind {
    /// Seen, all but those of a restore, of an archive of logs and of new tokens, which are guesses.
    pub(crate) fn job_type(&self) -> &'static str {
        match self {
            Self::Start => "StartServerJob",
            Self::Stop => "StopServerJob",
            Self::Restart => "RestartServerJob",
            Self::Deployments => "DeploymentsJob",
            Self::Backup(_) => "GenerateBackupJob",
            Self::Restore(_) => "RestoreBackupJob",
            Self::Cleanup => "CleanupJob",
            Self::Ziplogs(_) => "ZiplogsJob",
            Self::Reindex => "RebuildSearchIndex",
            Self::RegenerateTokens => "RegenerateInternalTokensJob",
        }
    }

    /// Documented: 300 s for a stop, 1800 s for new tokens. Seen: 10 minutes for a deployment. The others are guesses.
    pub(crate) fn timeout_s(&self) -> u64 {
        match self {
            Self::Start | Self::Stop => 300,
            Self::Restart | Self::Deployments => 600,
            Self::RegenerateTokens => 1800,
            Self::Cleanup | Self::Ziplogs(_) | Self::Reindex => 7200,
            Self::Backup(_) | Self::Restore(_) => 172_800,
        }
    }

    /// Documented: only these can be cancelled while they run; any while it waits.
    pub(crate) fn yields(&self) -> bool {
        matches!(self, Self::Backup(_) | Self::Cleanup)
    }

    /// The steps, in order; some depend on what the server is at.
    pub(crate) fn steps(&self, now: Circumstances) -> Vec<Step> {
        match self {
            Self::Start => starting().to_vec(),
            Self::Stop => stopping().to_vec(),
            Self::Restart => [stopping(), starting()].concat(),
            Self::Deployments => deployment(now.enabled && now.restart_due),
            Self::Backup(name) => vec![
                step("PrepareBackup", "Preparing the backup.", Effect::Nothing),
                step("BackupRepository", "Backing up the repository.", Effect::Nothing),
                step("BackupFileStore", "Backing up the file store.", Effect::Nothing),
                step("AssembleBackup", "Assembling the backup.", Effect::WriteBackup(name.clone())),
            ],
            Self::Restore(name) => vec![
                step("ReadBackup", "Reading the backup.", Effect::ReadBackup(name.clone())),
                step("RestoreRepository", "Restoring the repository.", Effect::Nothing),
                step("RestoreFileStore", "Restoring the file store.", Effect::Nothing),
            ],
            Self::Cleanup => vec![
                step("DeleteLogFiles", "Deleting log files.", Effect::Nothing),
                step("DeleteTempFiles", "Deleting temporary files.", Effect::Nothing),
            ],
            Self::Ziplogs(name) => vec![
                step("CollectLogs", "Collecting the log files.", Effect::Nothing),
                step("ZipLogs", "Making the archive.", Effect::WriteLogs(name.clone())),
            ],
            Self::Reindex => {
                vec![step("RebuildSearchIndex", "Rebuilding the search index.", Effect::Nothing)]
            }
            Self::RegenerateTokens => new_tokens(now.enabled),
        }
    }
}

fn stopping() -> [Step; 2] {
    [
        step("DisableAllServices", "Disabling all services.", Effect::Nothing),
        step(
            "StopAllServices",
            "Waiting for the services to stop.",
            Effect::Become(ServerState::Stopped),
        ),
    ]
}

fn starting() -> [Step; 2] {
    [
        step("EnableAllServices", "Enabling all services.", Effect::Become(ServerState::Starting)),
        step(
            "StartAllServices",
            "Waiting for the services to start.",
            Effect::Become(ServerState::Running),
        ),
    ]
}

/// Seen: the fifteen messages, in this order; and that a change without a restart ends with the services'
/// reconfiguring. Which steps come before that is a guess.
fn deployment(restarts: bool) -> Vec<Step> {
    let quiet = |id, message| step(id, message, Effect::Nothing);
    let mut steps = vec![
        quiet("RetrieveTopology", "Retrieving the topology to deploy."),
        quiet("RetrieveConfiguration", "Retrieving the configuration to deploy."),
        quiet("ValidateTopology", "Validating the new topology."),
        quiet("DetermineStart", "Determining if server needs to be started."),
    ];
    if restarts {
        steps.extend(stopping());
    }
    steps.extend([
        quiet("UpdateTopology", "Updating nodes to new topology."),
        quiet("WaitForTopology", "Waiting for topology to be applied."),
        quiet("UpdateConfiguration", "Updating nodes to new configuration."),
    ]);
    if restarts {
        steps.extend(stopping());
    }
    steps.extend([
        quiet("ReconfigureServices", "Reconfiguring services."),
        step("WaitForReconfigure", "Waiting for services to reconfigure.", Effect::Deploy),
    ]);
    if restarts {
        steps.extend(starting());
    }
    steps
}

/// Documented: what is made anew, in this order, between a stop and a start. The words are guesses, and that the
/// sessions end with the new master key is inferred: their cookies are sealed with a key of TSM's.
fn new_tokens(enabled: bool) -> Vec<Step> {
    let quiet = |id, message| step(id, message, Effect::Nothing);
    let mut steps = Vec::new();
    if enabled {
        steps.extend(stopping());
    }
    steps.extend([
        step(
            "GenerateCertificates",
            "Generating new internal SSL certificates.",
            Effect::RenewCertificates,
        ),
        step("GeneratePasswords", "Generating new internal passwords.", Effect::RenewSecrets),
        quiet("UpdateRepository", "Updating the repository passwords."),
        quiet("GenerateAssetKey", "Generating a new asset encryption key."),
        step(
            "GenerateMasterKey",
            "Generating a new encryption key for configuration secrets.",
            Effect::RotateKeys,
        ),
        quiet("UpdateConfiguration", "Updating nodes to new configuration."),
        quiet("GenerateTokens", "Creating new security tokens for internal use."),
    ]);
    if enabled {
        steps.extend(starting());
    }
    steps
}

fn step(id: &'static str, message: &'static str, effect: Effect) -> Step {
    Step { id, message, effect }
}
