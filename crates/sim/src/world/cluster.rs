//! The cluster: its nodes, the state of the server, and what `/status` and its siblings say of them.
//!
//! The shapes are seen in clients that read them; values that no client reads are made up. A test may
//! set any process to any word, for the real server has words that nobody has written down.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::services::{SERVICES, Service};

/// What the server as a whole is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerState {
    /// All is well.
    #[default]
    Running,
    /// Stopped on request; TSM itself goes on.
    Stopped,
    /// On its way up. Guess: TSM shows that as degraded.
    Starting,
    /// A process that should run does not.
    Degraded,
    /// A process is in error.
    Error,
}

impl ServerState {
    fn rollup(self) -> &'static str {
        match self {
            Self::Running => "Running",
            Self::Stopped => "Stopped",
            Self::Starting | Self::Degraded => "Degraded",
            Self::Error => "Error",
        }
    }
}

/// What a test has a process say.
#[derive(Clone, Debug)]
struct Said {
    status: String,
    message: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Cluster {
    nodes: Vec<String>,
    state: ServerState,
    said: BTreeMap<String, Said>,
    optional_fields: bool,
}

impl Cluster {
    pub(crate) fn new(nodes: Vec<String>, optional_fields: bool) -> Self {
        Self { nodes, state: ServerState::Running, said: BTreeMap::new(), optional_fields }
    }

    pub(crate) fn state(&self) -> ServerState {
        self.state
    }

    pub(crate) fn become_state(&mut self, state: ServerState) {
        self.state = state;
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.state != ServerState::Stopped
    }

    pub(crate) fn say(&mut self, service: &str, status: &str, message: Option<&str>) {
        let said = Said { status: status.to_owned(), message: message.map(str::to_owned) };
        self.said.insert(service.to_owned(), said);
    }

    pub(crate) fn controller_node(&self) -> &str {
        self.nodes.first().map_or("node1", String::as_str)
    }

    pub(crate) fn has_node(&self, id: &str) -> bool {
        self.nodes.iter().any(|node| node == id)
    }

    pub(crate) fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// Seen: the body of `GET /status`.
    pub(crate) fn status(&self, now: u64) -> Value {
        let nodes: Vec<_> = self
            .nodes
            .iter()
            .enumerate()
            .map(|(place, id)| {
                json!({
                    "nodeId": id,
                    "services": services(place).map(|one| self.service(one, now)).collect::<Vec<_>>(),
                    "rollupStatus": self.state.rollup(),
                    "rollupRequestedDeploymentState": enabled(self.is_enabled()),
                })
            })
            .collect();
        json!({ "clusterStatus": {
            "nodes": nodes,
            "rollupStatus": self.state.rollup(),
            "rollupRequestedDeploymentState": enabled(self.is_enabled()),
            "href": "/api/0.5/status",
        }})
    }

    /// Seen: the body of `GET /ports`.
    pub(crate) fn ports(&self) -> Value {
        let instances = |service: &Service| -> Vec<Value> {
            let instance = |number: u16| {
                let mut ports =
                    vec![json!({ "portType": "primary", "port": service.port + number })];
                if service.name == "vizportal" {
                    ports.push(json!({ "portType": "jmx", "port": 9095 }));
                }
                json!({ "instanceId": number.to_string(), "ports": ports })
            };
            (0..service.instances).map(instance).collect()
        };
        let service =
            |one: &Service| json!({ "serviceName": one.name, "instances": instances(one) });
        let nodes: Vec<_> = self
            .nodes
            .iter()
            .enumerate()
            .map(|(place, id)| {
                json!({ "nodeId": id, "services": services(place).map(service).collect::<Vec<_>>() })
            })
            .collect();
        json!({ "clusterPorts": { "nodes": nodes } })
    }

    /// Seen: the part `nodes` of a topology, by node and service.
    pub(crate) fn topology(&self, binary_version: bool) -> Value {
        let instance = |number: u16| {
            let mut instance = json!({ "instanceId": number.to_string() });
            if binary_version && let Some(fields) = instance.as_object_mut() {
                fields.insert("binaryVersion".to_owned(), json!(BINARY_VERSION));
            }
            instance
        };
        let service = |one: &Service| {
            let instances: Vec<_> = (0..one.instances).map(instance).collect();
            (one.name.to_owned(), json!({ "instances": instances }))
        };
        let node = |(place, id): (usize, &String)| {
            let services: Map<_, _> = services(place).map(service).collect();
            (id.clone(), json!({ "services": services }))
        };
        Value::Object(self.nodes.iter().enumerate().map(node).collect())
    }

    fn service(&self, service: &Service, now: u64) -> Value {
        let said = self.said.get(service.name);
        let status = said.map_or(service.process_status(self.state), |said| &said.status);
        let wanted = service.is_enabled(self.state);
        let instance = |number: u16| {
            let mut fields = Map::new();
            fields.insert("instanceId".to_owned(), json!(number.to_string()));
            fields.insert("processStatus".to_owned(), json!(status));
            fields.insert("currentDeploymentState".to_owned(), json!(enabled(wanted)));
            fields.insert("timestampUtc".to_owned(), json!(now));
            if self.optional_fields {
                fields.insert("code".to_owned(), json!(upper_snake(status)));
                fields.insert("binaryVersion".to_owned(), json!(BINARY_VERSION));
            }
            if let Some(message) = said.and_then(|said| said.message.as_ref()) {
                fields.insert("message".to_owned(), json!(message));
            }
            Value::Object(fields)
        };
        let rollup = match status {
            "Active" => "Running",
            "Down" if wanted => "Error",
            "Down" => "Stopped",
            "StatusUnavailable" => "Degraded",
            other => other,
        };
        json!({
            "serviceName": service.name,
            "instances": (0..service.instances).map(instance).collect::<Vec<_>>(),
            "rollupStatus": rollup,
            "rollupRequestedDeploymentState": enabled(wanted),
        })
    }
}

/// Made up, in the shape of real ones.
pub(crate) const BINARY_VERSION: &str = "20192.19.0718.1543";

fn services(place: usize) -> impl Iterator<Item = &'static Service> {
    SERVICES.iter().filter(move |service| place == 0 || service.everywhere)
}

fn enabled(yes: bool) -> &'static str {
    if yes { "Enabled" } else { "Disabled" }
}

/// Seen: the second form of a status, `STATUS_UNAVAILABLE` for `StatusUnavailable`.
fn upper_snake(status: &str) -> String {
    let mut text = String::new();
    for (place, letter) in status.chars().enumerate() {
        if letter.is_uppercase() && place > 0 {
            text.push('_');
        }
        text.extend(letter.to_uppercase());
    }
    text
}
