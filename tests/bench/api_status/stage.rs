//! What all targets share: a folder with certificates made for this run, TSM's login socket, and TSM's
//! controller, which is an nginx with two files: cheap, and the same for all. Its cost is nobody's.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;
use tests::{Authority, Identity};

use crate::process::{Process, find};
use crate::targets::{free_port, wait_until_up};
use crate::tsm;

/// The certificate all servers show.
pub const CERTIFICATE: &str = "server.pem";
/// Its key.
pub const KEY: &str = "server.key";
/// Both in one file, as HAProxy wants it.
pub const BOTH: &str = "both.pem";
/// The one authority.
pub const AUTHORITY: &str = "ca.pem";
/// The login server's socket.
pub const SOCKET: &str = "tsm/login";
/// The name of the client that may.
pub const CLIENT: &str = "bench";
/// What is asked for.
pub const STATUS: &str = "/api/0.5/status";
/// What has the large answer.
pub const LARGE: &str = "/api/0.5/nodes";
/// The status's length, in bytes: a cluster of a few nodes.
const STATUS_LENGTH: usize = 20 * 1024;

/// The stage; its folder and TSM go when it is dropped.
pub struct Stage {
    _tsm: Process,
    folder: TempDir,
    /// Where TSM's controller is.
    pub port: u16,
    /// The authority's certificate, PEM.
    pub authority: String,
    /// Who may.
    pub client: Identity,
    /// Somebody of the same name from an authority nobody trusts.
    pub stranger: Identity,
    /// TSM's status.
    pub status: Vec<u8>,
    /// How long the large answer is, in bytes.
    pub large: u64,
}

impl Stage {
    /// Makes the certificates and starts TSM; `None` without nginx.
    pub fn new(large: u32) -> anyhow::Result<Option<Self>> {
        let Some(program) = find("nginx") else { return Ok(None) };
        let authority = Authority::new("api-status");
        let server = authority.server(|_| {});
        let folder = tempfile::Builder::new().prefix("api-status-").tempdir()?;
        for name in ["tsm", "log"] {
            std::fs::create_dir(folder.path().join(name))?;
        }
        tsm::start(&folder.path().join(SOCKET), tsm::reply()?)?;
        let status = status();
        let at = |name: &str| folder.path().join(name);
        write(&at(CERTIFICATE), &server.chain)?;
        write(&at(KEY), &server.key)?;
        write(&at(BOTH), &format!("{}{}", server.chain, server.key))?;
        write(&at(AUTHORITY), &authority.pem())?;
        std::fs::write(at("status.json"), &status)?;
        let large = u64::from(large) << 20;
        // a hole: nothing is read from a disk
        File::create(at("large"))?.set_len(large)?;
        let port = free_port()?;
        let log = at("log/controller");
        write(&at("controller.conf"), &controller(port))?;
        let mut command = nginx(&program, folder.path(), "controller.conf");
        let mut process = Process::start(&mut command, Stdio::null(), log)?;
        wait_until_up("TSM's controller", &mut process, port)?;
        Ok(Some(Self {
            _tsm: process,
            port,
            authority: authority.pem(),
            client: authority.client(CLIENT),
            stranger: Authority::new("strangers").client(CLIENT),
            status,
            large,
            folder,
        }))
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file that nobody else may read.
    pub fn write(&self, name: &str, contents: &str) -> std::io::Result<()> {
        write(&self.path(name), contents)
    }

    /// An nginx with a configuration of the folder.
    pub fn nginx(&self, program: &Path, config: &str) -> Command {
        nginx(program, self.folder.path(), config)
    }
}

/// What every nginx here begins with: one process, no log of requests, its files in the folder.
pub const NGINX: &str = "daemon off; master_process off; error_log stderr error; pid NAME.pid;\n\
     events {}\n\
     http {\n\
     access_log off; keepalive_requests 100000000; keepalive_timeout 600s;\n\
     client_body_temp_path NAME.body; proxy_temp_path NAME.proxy; fastcgi_temp_path NAME.fastcgi;\n\
     uwsgi_temp_path NAME.uwsgi; scgi_temp_path NAME.scgi;\n\
     ssl_protocols TLSv1.3; ssl_certificate server.pem; ssl_certificate_key server.key;\n";

fn nginx(program: &Path, folder: &Path, config: &str) -> Command {
    let mut command = Command::new(program);
    command.arg("-p").arg(folder).arg("-c").arg(config).args(["-e", "stderr"]);
    command
}

/// Whoever has the cookie gets a file.
fn controller(port: u16) -> String {
    format!(
        "{}sendfile on; default_type application/json;\n\
         server {{\n listen 127.0.0.1:{port} ssl;\n\
         if ($http_cookie != \"AUTH_COOKIE={}\") {{ return 401; }}\n\
         location = {STATUS} {{ alias status.json; }}\n\
         location = {LARGE} {{ alias large; }}\n}}\n}}\n",
        NGINX.replace("NAME", "controller"),
        tsm::cookie(),
    )
}

/// As long as that of a cluster of some nodes.
fn status() -> Vec<u8> {
    let mut nodes = Vec::new();
    loop {
        let instance = |number: usize| {
            let process = if number.is_multiple_of(3) { "Busy" } else { "Active" };
            json!({"instanceId": number.to_string(), "processStatus": process,
                   "timestampUtc": 1_795_342_800_000_u64 + number as u64, "message": "",
                   "binaryVersion": "20201.20.0427.1803", "currentDeploymentState": "Enabled"})
        };
        let service = |name: &str| {
            let instances: Vec<_> = (0..3).map(instance).collect();
            json!({"serviceName": name, "rollupStatus": "Running", "instances": instances,
                   "rollupRequestedDeploymentState": "Enabled"})
        };
        let services = ["vizqlserver", "backgrounder", "dataserver", "hyper"].map(service);
        nodes.push(json!({"nodeId": format!("node{}", nodes.len() + 1), "services": services,
                          "rollupStatus": "Running"}));
        let cluster = json!({"clusterStatus": {"href": STATUS, "rollupStatus": "Running",
                                               "nodes": nodes}});
        let text = cluster.to_string();
        if text.len() >= STATUS_LENGTH {
            return text.into_bytes();
        }
    }
}

fn write(path: &Path, contents: &str) -> std::io::Result<()> {
    std::fs::write(path, contents)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600))
}
