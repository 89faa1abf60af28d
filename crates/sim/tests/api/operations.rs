//! Each operation answers in the shape that clients read; what is unknown is an error in JSON.

use serde_json::{Value, json};
use tsmsim::ServerState;

use super::Stage;

async fn json(stage: &Stage, path: &str) -> Value {
    let answer = stage.ask("GET", path).await;
    assert_eq!(answer.status, 200, "{path}");
    assert_eq!(answer.header("content-type"), Some("application/json;charset=UTF-8"));
    answer.json()
}

#[tokio::test]
async fn the_status_has_every_field_that_clients_rely_on() {
    let stage = Stage::with(|api| api.nodes = vec!["node1".to_owned(), "node2".to_owned()]).await;
    let body = json(&stage, "status").await;
    let cluster = &body["clusterStatus"];
    assert_eq!(cluster["href"], "/api/0.5/status");
    assert_eq!(cluster["rollupStatus"], "Running");
    assert_eq!(cluster["rollupRequestedDeploymentState"], "Enabled");
    assert_eq!(cluster["nodes"].as_array().unwrap().len(), 2);
    for node in cluster["nodes"].as_array().unwrap() {
        assert!(node["nodeId"].is_string() && node["rollupStatus"] == "Running");
        for service in node["services"].as_array().unwrap() {
            assert!(service["serviceName"].is_string() && service["rollupStatus"].is_string());
            assert!(service["rollupRequestedDeploymentState"].is_string());
            for instance in service["instances"].as_array().unwrap() {
                assert!(instance["instanceId"].is_string() && instance["timestampUtc"].is_u64());
                assert!(instance["processStatus"].is_string());
                assert!(instance["currentDeploymentState"].is_string());
                assert!(instance["code"].is_string() && instance.get("message").is_none());
            }
        }
    }
    let lean = Stage::with(|api| api.optional_fields = false).await;
    let body = json(&lean, "status").await;
    let instance = &body["clusterStatus"]["nodes"][0]["services"][0]["instances"][0];
    assert_eq!(instance.as_object().unwrap().len(), 4, "{instance}");
}

#[tokio::test]
async fn the_status_follows_the_server_and_what_a_test_has_it_say() {
    let stage = Stage::new().await;
    for (state, rollup, requested, vizql) in [
        (ServerState::Stopped, "Stopped", "Disabled", "Down"),
        (ServerState::Starting, "Degraded", "Enabled", "StatusUnavailable"),
        (ServerState::Degraded, "Degraded", "Enabled", "Down"),
        (ServerState::Error, "Error", "Enabled", "Active"),
        (ServerState::Running, "Running", "Enabled", "Active"),
    ] {
        stage.api().set_server_state(state);
        let body = json(&stage, "status").await;
        assert_eq!(body["clusterStatus"]["rollupStatus"], rollup);
        assert_eq!(body["clusterStatus"]["rollupRequestedDeploymentState"], requested);
        assert_eq!(process(&body, "vizqlserver")["processStatus"], vizql);
        assert_eq!(process(&body, "tabadmincontroller")["processStatus"], "Active");
        assert_eq!(process(&body, "databasemaintenance")["currentDeploymentState"], "Disabled");
    }
    stage.api().set_process("backgrounder", "NeverSeenBefore", Some("Error opening named pipe"));
    let body = json(&stage, "status").await;
    let said = process(&body, "backgrounder");
    assert_eq!(said["processStatus"], "NeverSeenBefore");
    assert_eq!(said["code"], "NEVER_SEEN_BEFORE");
    assert_eq!(said["message"], "Error opening named pipe");
}

fn process(body: &Value, service: &str) -> Value {
    let services = body["clusterStatus"]["nodes"][0]["services"].as_array().unwrap();
    services.iter().find(|one| one["serviceName"] == service).unwrap()["instances"][0].clone()
}

#[tokio::test]
async fn the_inventory_has_the_fields_that_are_known() {
    let stage = Stage::new().await;
    for (path, pointer, expected) in [
        ("nodes", "/clusterNodes/nodes/0/nodeId", json!("node1")),
        ("nodes/node1", "/nodeInfo/processorCount", json!(8)),
        ("nodes/node1", "/nodeInfo/address", json!("node1.example.com")),
        (
            "ports",
            "/clusterPorts/nodes/0/services/0/instances/0/ports/0/portType",
            json!("primary"),
        ),
        ("ports", "/clusterPorts/nodes/0/services/0/instances/0/ports/0/port", json!(8850)),
        ("topologies", "/links/items/0/href", json!("/api/0.5/topologies/1")),
        ("topologies/requested/version", "/version", json!(1)),
        (
            "topologies/1",
            "/topologyVersion/nodes/node1/services/pgsql/instances/0/instanceId",
            json!("0"),
        ),
        ("repository/currentMaster", "/repositoryNodeInfo/port", json!(8060)),
        ("serverInfo", "/serverInfo/version", json!("2019.2.2")),
        ("supportInfo", "/supportInfo/href", json!("https://support.example.com/")),
        ("licensing", "/links/items/0/href", json!("/api/0.5/licensing/productKeys")),
        ("licensing/productKeys", "/productKeys/items/0/expiration", json!("permanent")),
        ("bootstrap", "/initialBootstrapSettings/machineAddress", json!("node1.example.com")),
        ("configurations/requested/version", "/version", json!(1)),
        ("ports?jobTimeoutSeconds=5", "/clusterPorts/nodes/0/nodeId", json!("node1")),
        ("status/", "/clusterStatus/rollupStatus", json!("Running")),
    ] {
        assert_eq!(json(&stage, path).await.pointer(pointer), Some(&expected), "{path}");
    }
}

#[tokio::test]
async fn secrets_come_in_clear_and_what_is_staged_does_not_come() {
    let stage = Stage::new().await;
    let secret = stage.api().configuration()["pgsql.adminpassword"].clone();
    assert!(secret.starts_with("secret-") && secret.len() > 30);
    let one = json(&stage, "configurations/1/keys/pgsql.adminpassword").await;
    assert_eq!(one, json!({ "configKeys": { "pgsql.adminpassword": secret } }));
    let all = json(&stage, "configurations/1/keys").await;
    assert_eq!(all["configKeys"]["pgsql.adminpassword"], json!(secret));
    let export = json(&stage, "export?includeBinaryVersion=true").await;
    assert_eq!(export["configKeys"]["pgsql.adminpassword"], json!(secret));
    let instance =
        &export["topologyVersion"]["nodes"]["node1"]["services"]["pgsql"]["instances"][0];
    assert!(instance["binaryVersion"].is_string());
    assert!(!stage.api().configuration_at_rest().values().any(|value| value.contains(&secret)));

    let staged = [("ssl.enabled".to_owned(), Some("true".to_owned()))];
    stage.api().stage(staged, false).unwrap();
    assert_eq!(stage.api().pending().len(), 1);
    assert_eq!(
        json(&stage, "configurations/1/keys/ssl.enabled").await["configKeys"]["ssl.enabled"],
        "false"
    );
    stage.api().deploy();
    stage.api().finish_jobs();
    assert_eq!(json(&stage, "configurations/requested/version").await["version"], 2);
    assert_eq!(
        json(&stage, "configurations/2/keys/ssl.enabled").await["configKeys"]["ssl.enabled"],
        "true"
    );
    let log = stage.tsm.journal().join("\n");
    assert!(log.contains("Found 1 cold config changes: [ssl.enabled]"));
}

#[tokio::test]
async fn what_is_unknown_is_an_error_in_json() {
    let stage = Stage::new().await;
    for (method, path, status) in [
        ("GET", "nowhere", 404),
        ("GET", "../0.6/status", 404),
        ("GET", "nodes/node9", 404),
        ("GET", "asyncJobs/77", 404),
        ("GET", "asyncJobs/x", 404),
        ("GET", "asyncJobs/latest", 404),
        ("PUT", "asyncJobs/77/cancel", 404),
        ("GET", "topologies/9", 404),
        ("GET", "configurations/9/keys", 404),
        ("GET", "configurations/1/keys/no.such.key", 404),
        ("DELETE", "status", 405),
        ("GET", "disable", 405),
        ("POST", "backupFixedFile", 400),
        ("POST", "backupFixedFile?writePath=..%2Fout", 400),
        ("POST", "cleanup?jobTimeoutSeconds=soon", 400),
        ("POST", "licensing/registration", 400),
        // guesses, which are not there unless asked for
        ("GET", "configurations/pending/keys", 404),
        ("POST", "deployments", 404),
    ] {
        let answer = stage.ask(method, path).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(!answer.detail().is_empty());
    }
    assert_eq!(stage.api().jobs(), []);
    let full = Stage::with(|api| api.full_errors = true).await;
    let error = full.ask("GET", "nowhere").await.json()["error"].clone();
    assert_eq!((&error["code"], &error["summary"]), (&json!("404000"), &json!("Not Found")));
}

#[tokio::test]
async fn assumed_routes_work_when_asked_for() {
    let stage = Stage::with(|api| api.assumed_routes = true).await;
    let cookie = stage.api().open_session("anna");
    let body = r#"{"configKeys":{"ssl.enabled":"true","ssl.port":null}}"#;
    let request = |path: &str, body: &str| {
        format!(
            "POST /api/0.5/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Cookie: AUTH_COOKIE={cookie}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let stage_keys = request("configurations/pending/keys", body);
    assert_eq!(stage.client().await.exchange(stage_keys.as_bytes()).await.status, 204);
    let unknown = request("configurations/pending/keys", r#"{"configKeys":{"no":"1"}}"#);
    let refused = stage.client().await.exchange(unknown.as_bytes()).await;
    assert_eq!((refused.status, refused.detail().contains("no")), (400, true));
    let changes = json(&stage, "configurations/pending/changes").await;
    assert_eq!(changes["pendingChanges"]["configuration"][0]["key"], "ssl.enabled");
    assert_eq!(changes["pendingChanges"]["restartRequired"], true);
    assert_eq!(
        stage.ask("POST", "deployments").await.json()["asyncJob"]["jobType"],
        "DeploymentsJob"
    );
    stage.api().finish_jobs();
    assert_eq!(stage.api().configuration()["ssl.enabled"], "true");
    let again = request("configurations/pending/keys", r#"{"configKeys":{"ssl.enabled":null}}"#);
    assert_eq!(stage.client().await.exchange(again.as_bytes()).await.status, 204);
    assert_eq!(stage.ask("DELETE", "configurations/pending").await.status, 204);
    assert_eq!(stage.api().pending(), []);
}
