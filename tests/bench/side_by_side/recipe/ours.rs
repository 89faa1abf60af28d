//! The gate, as its units start it, and the two floors, which are this program in another mode.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use anyhow::ensure;
use clap::ValueEnum;
use nix::sys::signal::Signal;

use super::{Recipe, Reload};
use crate::floor::Floor;
use crate::process::line_of;
use crate::stage::{self, Stage};

pub fn floor_answers(stage: &Stage) -> anyhow::Result<Option<Recipe>> {
    let about = "floor: bare tokio-rustls, one thread, answers by itself";
    floor(stage, "floor-answers", Floor::Answers, about).map(Some)
}

pub fn floor_passes(stage: &Stage) -> anyhow::Result<Option<Recipe>> {
    let about = "floor: the same, but reads each call and passes it on";
    floor(stage, "floor-passes", Floor::Passes, about).map(Some)
}

fn floor(stage: &Stage, name: &'static str, does: Floor, about: &str) -> anyhow::Result<Recipe> {
    let port = stage.free_port()?;
    // found through the kernel, for a build may have replaced its file
    let program = PathBuf::from(format!("/proc/{}/exe", std::process::id()));
    let does = does.to_possible_value().expect("no mode is hidden");
    let (port_text, folder) = (port.to_string(), stage.folder().display().to_string());
    let arguments = ["--floor", does.get_name(), "--port", &port_text, "--folder", &folder];
    let recipe = Recipe::new(name, port, program, &arguments);
    Ok(Recipe { about: about.to_owned(), post_quantum: true, ..recipe })
}

/// The build beside this program, on a socket that is handed over, as its units have it.
pub fn tsmgated(stage: &Stage) -> anyhow::Result<Option<Recipe>> {
    let port = stage.free_port()?;
    let program = std::env::current_exe()?.with_file_name("tsmgated");
    ensure!(program.is_file(), "{} is missing: run tests/bench/side-by-side", program.display());
    let client = stage::CLIENT;
    let uid = nix::unistd::geteuid();
    let config = |limits: &str, client_limits: &str| {
        format!(
            "listen.address = \"127.0.0.1:{port}\"\n\
             tls = {{ certificate = \"{}\", private_key = \"{}\", client_authority = \"{}\" }}\n\
             tsm = {{ login_socket = \"{}\", socket_owners = [\"{uid}\"] }}\n\
             admission.allow = [\"127.0.0.0/8\"]\n\
             audit.file = \"log/audit.jsonl\"\n\
             {limits}\
             [[client]]\n\
             name = \"{client}\"\nidentity = \"URI:tsmgate://client/{client}\"\nroles = [\"login\"]\n\
             {client_limits}",
            stage::CERTIFICATE,
            stage::KEY,
            stage::AUTHORITY,
            stage::SOCKET,
        )
    };
    stage.write("tsmgated-default.toml", &config("", ""))?;
    // one client from one address is all the load there is
    let raised = config(
        "admission.source_rate = { per_minute = 10000000, burst = 1000000 }\n\
         admission.connections = 4096\nadmission.connections_per_source = 4096\n\
         admission.unproven_per_source = 128\n\
         limits.login.per_connection = 1000000\nlimits.login.idle = \"10m\"\n",
        "limits = { logins = { per_minute = 10000000, burst = 1000000 }, in_flight = 64 }\n",
    );
    stage.write("tsmgated.toml", &raised)?;
    let arguments = |file| -> anyhow::Result<Vec<String>> {
        Ok(["run".to_owned(), "--config".to_owned(), stage.text(file)?].to_vec())
    };
    let about = format!("{}, audit on", line_of(&program, "--version", "tsmgated"));
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    rustix::net::listen(&socket, 4096)?;
    Ok(Some(Recipe {
        about,
        post_quantum: true,
        reload: Reload::Signal(Signal::SIGHUP),
        socket: Some(socket),
        raised: arguments("tsmgated.toml")?,
        default: arguments("tsmgated-default.toml")?,
        ..Recipe::new("tsmgated", port, program, &[])
    }))
}
