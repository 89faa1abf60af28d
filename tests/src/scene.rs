//! A whole scene in one process: a folder, an authority, the simulator, the daemon on port zero.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;
use tsmgate_server::audit::verify::{Verified, verify};
use tsmgate_server::daemon::{Daemon, Loaded, StartFault};
use tsmsim::{Api, ApiOptions, Simulator, SimulatorOptions};

use crate::certificates::{Authority, Identity};
use crate::peer::Peer;
use crate::wait;

/// What a scene is started with; the defaults let the client `jump01` log in from anywhere on loopback.
pub struct SceneOptions {
    /// Lines for `[listen]` instead of 127.0.0.1:0.
    pub listen: String,
    /// More lines for `[tls]`, such as `revocation_list = "clients.crl"`.
    pub tls: String,
    /// More lines for `[tsm]`.
    pub tsm: String,
    /// Networks, as TOML.
    pub allow: String,
    /// More lines for `[admission]`.
    pub admission: String,
    /// Lines for `[limits.login]`.
    pub login: String,
    /// Lines for `[limits.client]`.
    pub client_limits: String,
    /// Everything after: `[[client]]`, `[revoked]`, `[stop]`, `[audit]`.
    pub rest: String,
    /// What the authority's certificate file holds; `None` is the scene's authority.
    pub client_authority: Option<String>,
    /// More files for the folder: name and contents.
    pub files: Vec<(String, String)>,
    /// Whether the simulator is started.
    pub tsm_running: bool,
    /// TSM's controller, and with it the api lane.
    pub api: Option<ApiOptions>,
    /// Lines for `[limits.http]`.
    pub http: String,
    /// How long a session lives at TSM, in whole seconds.
    pub session_life: Duration,
}

/// An entry for a client as the house names it.
pub fn entry(name: &str, roles: &str) -> String {
    format!(
        "[[client]]\nname = \"{name}\"\nidentity = \"URI:tsmgate://client/{name}\"\nroles = {roles}\n"
    )
}

impl Default for SceneOptions {
    fn default() -> Self {
        Self {
            listen: "address = \"127.0.0.1:0\"".into(),
            tls: String::new(),
            tsm: String::new(),
            allow: "[\"127.0.0.0/8\", \"::1\"]".into(),
            // high, so that only tests of a rate meet it
            admission: "source_rate = { per_minute = 60000, burst = 10000 }".into(),
            login: String::new(),
            client_limits: "logins = { per_minute = 60000, burst = 1000 }\nin_flight = 100".into(),
            rest: entry("jump01", "[\"login\"]"),
            client_authority: None,
            files: Vec::new(),
            tsm_running: true,
            api: None,
            http: String::new(),
            session_life: Duration::from_secs(7200),
        }
    }
}

impl SceneOptions {
    /// A scene with an api lane, and a client `jump01` with these roles, as TOML.
    pub fn api(roles: &str) -> Self {
        let requests = "requests = { per_minute = 60000, burst = 1000 }";
        let options = Self::default();
        Self {
            api: Some(ApiOptions::default()),
            client_limits: format!("{}\n{requests}", options.client_limits),
            rest: entry("jump01", roles),
            ..options
        }
    }
}

/// A running scene. Everything ends when it is dropped.
pub struct Scene {
    folder: TempDir,
    /// The authority of server and clients.
    pub authority: Authority,
    /// TSM.
    pub tsm: Simulator,
    /// The gate; `None` after it was stopped.
    pub daemon: Option<Daemon>,
}

impl Scene {
    /// The default scene.
    pub async fn start() -> Self {
        Self::with(SceneOptions::default()).await
    }

    /// A scene of one's own. The authority is made first: `options` may need it.
    pub async fn with(options: SceneOptions) -> Self {
        Self::of(Authority::new("tests"), options).await
    }

    /// A scene with an authority of one's own.
    pub async fn of(authority: Authority, options: SceneOptions) -> Self {
        // in memory where there is some: a disk that others keep busy makes the audit wait for it
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let scene = Self::prepare(folder, authority, &options).await;
        let daemon = scene.load().unwrap();
        let daemon = Daemon::start(daemon).await.unwrap();
        Self { daemon: Some(daemon), ..scene }
    }

    /// All of a scene but the daemon.
    pub async fn prepare(folder: TempDir, authority: Authority, options: &SceneOptions) -> Self {
        let path = folder.path();
        let server = authority.server(|_| {});
        write(path, "server.pem", &server.chain, 0o644);
        write(path, "server.key", &server.key, 0o600);
        let clients = options.client_authority.clone().unwrap_or_else(|| authority.pem());
        write(path, "client-ca.pem", &clients, 0o644);
        for (name, contents) in &options.files {
            write(path, name, contents, 0o644);
        }
        std::fs::create_dir(path.join("tsm")).unwrap();
        std::fs::create_dir(path.join("log")).unwrap();
        let of_tsm = SimulatorOptions::new(path.join("tsm/login"));
        let session_lifetime = options.session_life;
        let of_tsm = SimulatorOptions { api: options.api.clone(), session_lifetime, ..of_tsm };
        let tsm = Simulator::start(of_tsm).await.unwrap();
        let controller = tsm.api().map(controller_lines).unwrap_or_default();
        write(path, "tsmgated.toml", &configuration(options, &controller), 0o600);
        if !options.tsm_running {
            tsm.stop().await;
        }
        Self { folder, authority, tsm, daemon: None }
    }

    /// Loads the scene's configuration as the daemon does.
    ///
    /// # Errors
    /// As the daemon's.
    pub fn load(&self) -> Result<Loaded, StartFault> {
        Loaded::load(&self.path("tsmgated.toml"))
    }

    /// TSM's controller.
    ///
    /// # Panics
    /// Where the scene has none.
    pub fn api(&self) -> &Api {
        self.tsm.api().expect("a scene with an api lane")
    }

    /// Stops the daemon.
    pub async fn stop(&mut self) {
        self.daemon.take().unwrap().stop().await;
    }

    /// Starts the daemon again.
    pub async fn start_again(&mut self) {
        self.daemon = Some(Daemon::start(self.load().unwrap()).await.unwrap());
    }

    /// A path in the scene's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file into the scene's folder.
    pub fn write(&self, name: &str, contents: &str, mode: u32) {
        write(self.folder.path(), name, contents, mode);
    }

    /// Writes a client's certificate and key, and the authority's certificate, into the scene's folder.
    pub fn install(&self, identity: &Identity) {
        self.write("client.pem", &identity.chain, 0o644);
        self.write("client.key", &identity.key, 0o600);
        self.write("ca.pem", &self.authority.pem(), 0o644);
    }

    /// What `tsmgate` needs in its environment to use them at this gate.
    pub fn environment(&self, gate: impl ToString) -> [(&'static str, OsString); 5] {
        [
            ("TSMGATE_GATE", gate.to_string().into()),
            ("TSMGATE_SERVER_NAME", "localhost".into()),
            ("TSMGATE_CA", self.path("ca.pem").into()),
            ("TSMGATE_CERT", self.path("client.pem").into()),
            ("TSMGATE_KEY", self.path("client.key").into()),
        ]
    }

    /// Changes a passage of the configuration.
    ///
    /// # Panics
    /// Where there is none.
    pub fn edit(&self, passage: &str, by: &str) {
        let text = std::fs::read_to_string(self.path("tsmgated.toml")).unwrap();
        assert!(text.contains(passage), "no `{passage}` in {text}");
        self.write("tsmgated.toml", &text.replace(passage, by), 0o600);
    }

    /// Where the gate is.
    pub fn address(&self) -> SocketAddr {
        self.daemon.as_ref().unwrap().address()
    }

    /// A well-behaved peer with a certificate of the scene's authority for a client of that name.
    pub fn peer(&self, name: &str) -> Peer {
        self.peer_with(Some(&self.authority.client(name)))
    }

    /// A peer with this certificate, or none.
    pub fn peer_with(&self, identity: Option<&Identity>) -> Peer {
        Peer::new(self.address(), &self.authority.pem(), identity)
    }

    /// The audit's lines so far.
    pub fn audit(&self) -> Vec<serde_json::Value> {
        let text = self.whole_lines();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The lines with this action.
    pub fn records(&self, action: &str) -> Vec<serde_json::Value> {
        self.audit().into_iter().filter(|line| line["event.action"] == action).collect()
    }

    /// Waits for a refusal with this code, and gives its line.
    pub async fn refusal(&self, code: &str) -> serde_json::Value {
        let what = format!("a refusal `{code}` in the audit");
        wait::until(&what, || async {
            self.audit().into_iter().find(|line| line["event.reason"] == code)
        })
        .await
    }

    /// Checks the chain.
    pub fn verify(&self) -> Verified {
        let text = self.whole_lines();
        assert!(!text.is_empty(), "there is no audit");
        verify(text.as_bytes(), None).unwrap()
    }

    /// The audit so far, without a line that is just being written.
    fn whole_lines(&self) -> String {
        let mut text = std::fs::read_to_string(self.path("log/audit.jsonl")).unwrap_or_default();
        if self.daemon.is_some() {
            text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        }
        text
    }

    /// That nothing reached TSM.
    ///
    /// # Panics
    /// Where a connection did.
    pub fn nothing_reached_tsm(&self) {
        let counts = self.tsm.counts();
        assert_eq!(counts.connections, 0, "a connection reached TSM");
        assert_eq!(counts.api_connections, 0, "a connection reached TSM's controller");
    }
}

/// The lines of `[tsm]` that say where the controller is, and its certificate's pin.
pub fn controller_lines(api: &Api) -> String {
    let certificate = CertificateDer::from_pem_slice(api.certificate().as_bytes()).unwrap();
    let pin = data_encoding::HEXLOWER.encode(&tsmgate_server::digest::sha256(&certificate));
    format!(
        "api = \"https://localhost:{}\"\napi_certificate_sha256 = \"{pin}\"\n",
        api.address().port()
    )
}

fn configuration(options: &SceneOptions, controller: &str) -> String {
    let SceneOptions { listen, tls, tsm, allow, admission, login, client_limits, rest, .. } =
        options;
    let http = &options.http;
    format!(
        "[listen]\n{listen}\n\n\
         [tls]\ncertificate = \"server.pem\"\nprivate_key = \"server.key\"\n\
         client_authority = \"client-ca.pem\"\n{tls}\n\n\
         [tsm]\nlogin_socket = \"tsm/login\"\nsocket_owners = [\"root\"]\n{controller}{tsm}\n\n\
         [admission]\nallow = {allow}\n{admission}\n\n\
         [limits.login]\n{login}\n\n\
         [limits.http]\n{http}\n\n\
         [limits.client]\n{client_limits}\n\n\
         [audit]\nfile = \"log/audit.jsonl\"\n\n{rest}"
    )
}

fn write(folder: &Path, name: &str, contents: &str, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).unwrap();
    }
    std::fs::write(&path, contents).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}
