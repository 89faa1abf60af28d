//! Debian's proxies, which all stand on OpenSSL; and ghostunnel, which does not, where somebody has it.

use std::path::Path;

use nix::sys::signal::Signal;
use rustls::crypto::aws_lc_rs::kx_group::SECP256R1;

use super::{Recipe, Reload, program};
use crate::process::line_of;
use crate::stage::{self, Stage};

/// A master and a worker, as Debian's unit starts it.
pub fn haproxy(stage: &Stage) -> anyhow::Result<Option<Recipe>> {
    let Some(program) = program("haproxy") else { return Ok(None) };
    let port = stage.free_port()?;
    // the idle connections of this run are idle for longer than the half minute of the recipes
    let config = |client: &str| -> anyhow::Result<String> {
        Ok(format!(
            "defaults\n\
             \x20 mode tcp\n\
             \x20 timeout connect 5s\n\
             \x20 timeout client {client}\n\
             \x20 timeout server {client}\n\
             frontend login\n\
             \x20 bind 127.0.0.1:{port} ssl crt {} ca-file {} verify required ssl-min-ver TLSv1.3\n\
             \x20 default_backend tsm\n\
             backend tsm\n\
             \x20 server tsm unix@{}\n",
            stage.text(stage::BOTH)?,
            stage.text(stage::AUTHORITY)?,
            stage.text(stage::SOCKET)?,
        ))
    };
    stage.write("haproxy.cfg", &config("10m")?)?;
    stage.write("haproxy-default.cfg", &config("30s")?)?;
    let version = line_of(&program, "-v", "version");
    let version = version.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let library = line_of(&program, "-vv", "Running on OpenSSL");
    let arguments = |file| -> anyhow::Result<_> {
        Ok(vec!["-W".to_owned(), "-f".to_owned(), stage.text(file)?])
    };
    Ok(Some(Recipe {
        about: format!("{version}; {library}"),
        reload: Reload::Signal(Signal::SIGUSR2),
        raised: arguments("haproxy.cfg")?,
        default: arguments("haproxy-default.cfg")?,
        ..Recipe::new("haproxy", port, program, &[])
    }))
}

/// The stream module, a master and a worker; stopped as Debian's unit does.
pub fn nginx(stage: &Stage) -> anyhow::Result<Option<Recipe>> {
    /// Where Debian has it (`libnginx-mod-stream`).
    const MODULE: &str = "/usr/lib/nginx/modules/ngx_stream_module.so";
    let Some(program) = program("nginx").filter(|_| Path::new(MODULE).is_file()) else {
        return Ok(None);
    };
    let port = stage.free_port()?;
    // its workers would be nobody, and could not come to the socket
    let user = if nix::unistd::geteuid().is_root() { "user root;\n" } else { "" };
    let config = |connections: u32| -> anyhow::Result<String> {
        Ok(format!(
            "{user}daemon off;\nworker_processes 1;\npid {};\nerror_log stderr;\n\
             load_module {MODULE};\n\
             events {{ worker_connections {connections}; }}\n\
             stream {{\n\
             \x20 server {{\n\
             \x20   listen 127.0.0.1:{port} ssl;\n\
             \x20   ssl_protocols TLSv1.3;\n\
             \x20   ssl_certificate {};\n\
             \x20   ssl_certificate_key {};\n\
             \x20   ssl_client_certificate {};\n\
             \x20   ssl_verify_client on;\n\
             \x20   proxy_pass unix:{};\n\
             \x20 }}\n\
             }}\n",
            stage.text("nginx.pid")?,
            stage.text(stage::CERTIFICATE)?,
            stage.text(stage::KEY)?,
            stage.text(stage::AUTHORITY)?,
            stage.text(stage::SOCKET)?,
        ))
    };
    stage.write("nginx.conf", &config(8192)?)?;
    stage.write("nginx-default.conf", &config(512)?)?;
    let arguments = |file| -> anyhow::Result<Vec<String>> {
        let words = ["-e".to_owned(), "stderr".to_owned(), "-c".to_owned(), stage.text(file)?];
        Ok(words.to_vec())
    };
    let about = [line_of(&program, "-V", "version"), line_of(&program, "-V", "OpenSSL")];
    Ok(Some(Recipe {
        about: format!("{}, one worker", about.join("; ")),
        stop: Signal::SIGQUIT,
        reload: Reload::Signal(Signal::SIGHUP),
        raised: arguments("nginx.conf")?,
        default: arguments("nginx-default.conf")?,
        ..Recipe::new("nginx", port, program, &[])
    }))
}

pub fn stunnel(stage: &Stage) -> anyhow::Result<Option<Recipe>> {
    let Some(program) = program("stunnel4").or_else(|| program("stunnel")) else { return Ok(None) };
    let port = stage.free_port()?;
    let config = format!(
        "foreground = yes\npid =\nsyslog = no\ndebug = warning\n\
         [login]\n\
         accept = 127.0.0.1:{port}\nconnect = {}\n\
         cert = {}\nkey = {}\nCAfile = {}\n\
         verifyChain = yes\nsslVersion = TLSv1.3\n",
        stage.text(stage::SOCKET)?,
        stage.text(stage::CERTIFICATE)?,
        stage.text(stage::KEY)?,
        stage.text(stage::AUTHORITY)?,
    );
    stage.write("stunnel.conf", &config)?;
    let version = line_of(&program, "-version", "stunnel");
    let version = version.split(" on ").next().unwrap_or_default().to_owned();
    let library =
        [line_of(&program, "-version", "Running"), line_of(&program, "-version", "OpenSSL")];
    let library = library.into_iter().find(|line| !line.is_empty()).unwrap_or_default();
    let recipe = Recipe::new("stunnel", port, program, &[&stage.text("stunnel.conf")?]);
    let reload = Reload::Signal(Signal::SIGHUP);
    Ok(Some(Recipe { about: format!("{version}; {library}"), reload, ..recipe }))
}

/// With `nodelay`, without which it waits 40 ms for each login.
pub fn socat(stage: &Stage) -> anyhow::Result<Option<Recipe>> {
    let Some(program) = program("socat") else { return Ok(None) };
    let port = stage.free_port()?;
    let listen = format!(
        "OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,nodelay,verify=1,\
         openssl-min-proto-version=TLS1.3,cert={},key={},cafile={}",
        stage.text(stage::CERTIFICATE)?,
        stage.text(stage::KEY)?,
        stage.text(stage::AUTHORITY)?,
    );
    let version = line_of(&program, "-V", "version");
    let version = version.split(" on ").next().unwrap_or_default().to_owned();
    let connect = format!("UNIX-CONNECT:{}", stage.text(stage::SOCKET)?);
    Ok(Some(Recipe {
        about: format!("{version}, a process each"),
        // it has one curve, and no option for another
        group: SECP256R1,
        idle_at_most: 100,
        ..Recipe::new("socat", port, program, &[&listen, &connect])
    }))
}

pub fn ghostunnel(stage: &Stage) -> anyhow::Result<Option<Recipe>> {
    let Some(program) = program("ghostunnel") else { return Ok(None) };
    let port = stage.free_port()?;
    let about = format!("ghostunnel {}", line_of(&program, "--version", ""));
    let listen = format!("127.0.0.1:{port}");
    let target = format!("unix:{}", stage.text(stage::SOCKET)?);
    let [certificate, key, authority] =
        [stage.text(stage::CERTIFICATE)?, stage.text(stage::KEY)?, stage.text(stage::AUTHORITY)?];
    let arguments = [
        "server",
        "--listen",
        &listen,
        "--target",
        &target,
        "--cert",
        &certificate,
        "--key",
        &key,
        "--cacert",
        &authority,
        "--allow-all",
    ];
    let recipe = Recipe::new("ghostunnel", port, program, &arguments);
    let reload = Reload::Signal(Signal::SIGHUP);
    Ok(Some(Recipe { about, post_quantum: true, reload, ..recipe }))
}
