//! The names, field by field, against the table of what `tableau-monitoring-execd` writes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use super::*;
use crate::monitor::point::Value;

const TOOK: Duration = Duration::from_micros(1_234);

/// A point as `measurement tag=… | field=… …`; texts stand in quotes.
fn told(point: &Point) -> String {
    let tags: Vec<_> = point.tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let field = |(name, value): &(&str, Value)| match value {
        Value::Number(number) => format!("{name}={number}"),
        Value::Text(text) => format!("{name}={text:?}"),
    };
    let fields: Vec<_> = point.fields.iter().map(field).collect();
    format!("{} {} | {}", point.measurement, tags.join(","), fields.join(","))
}

fn all(points: &[Point]) -> Vec<String> {
    points.iter().map(told).collect()
}

#[test]
fn tsm_is_told_as_the_plugin_tells_it() {
    let body = br#"{"clusterStatus": {"rollupStatus": "Running", "rollupRequestedDeploymentState": "Enabled",
        "href": "/api/0.5/status", "nodes": [{"nodeId": "node1", "rollupStatus": "Busy",
        "rollupRequestedDeploymentState": "Enabled", "services": [{"serviceName": "vizportal", "instances": [
        {"instanceId": "0", "processStatus": "Active", "currentDeploymentState": "Enabled",
         "timestampUtc": 1608630321936, "code": "ACTIVE", "message": "well"},
        {"instanceId": 1, "processStatus": "Down", "currentDeploymentState": "Disabled"},
        {"instanceId": "2", "processStatus": "Decommissioning", "currentDeploymentState": "Enabled"}, {}]}]}]}}"#;
    let cluster = ClusterStatus::read(body).unwrap();
    assert_eq!(
        all(&of_tsm(&cluster, TOOK)),
        [
            "tableau_tsm_status node=all,service=all,instance=all | status_code=0,status=\"Running\",\
             requested_deployment_state=\"Enabled\",elapsed=1234",
            "tableau_tsm_status node=node1,service=all,instance=all | status_code=1,status=\"Busy\",\
             requested_deployment_state=\"Enabled\"",
            "tableau_tsm_status node=node1,service=vizportal,instance=0 | status_code=0,status=\"Active\",\
             deployment_state=\"Enabled\",message=\"well\",code=\"ACTIVE\",timestamp_utc=1608630321936",
            "tableau_tsm_status node=node1,service=vizportal,instance=1 | status_code=-1,status=\"Down\",\
             deployment_state=\"Disabled\",message=\"\",code=\"\"",
            "tableau_tsm_status node=node1,service=vizportal,instance=2 | status_code=2,\
             status=\"Decommissioning\",deployment_state=\"Enabled\",message=\"\",code=\"\"",
            "tableau_tsm_status node=node1,service=vizportal,instance=Unknown | status_code=2,\
             status=\"Unknown\",deployment_state=\"Unknown\",message=\"\",code=\"\"",
        ]
    );
    assert_eq!(
        told(&tsm_unavailable()),
        "tableau_tsm_status node=all,service=all,instance=all | status_code=3,status=\"Unavailable\",\
         requested_deployment_state=\"Unknown\""
    );
}

/// All thirteen states that are documented, and one that is not.
#[test]
fn systeminfo_is_told_as_the_plugin_tells_it() {
    let states = [
        ("Active", 0),
        ("Passive", 1),
        ("Unlicensed", 2),
        ("Busy", 1),
        ("Down", 2),
        ("ReadOnly", 2),
        ("ActiveSyncing", 2),
        ("StatusNotAvailable", 2),
        ("StatusNotAvailableSyncing", 2),
        ("NotAvailable", 2),
        ("DecommisionedReadOnly", 2),
        ("DecomisioningReadOnly", 2),
        ("DecommissionFailedReadOnly", 2),
        ("BrandNew", 2),
    ];
    let of = |status: &str| {
        let text = format!(
            "<systeminfo><machines><machine name='a'><hyper worker='a:1' status='{status}'/></machine>\
             </machines><service status='{status}'/></systeminfo>"
        );
        all(&of_systeminfo(&Systeminfo::read(text.as_bytes()).unwrap(), TOOK))
    };
    for (status, code) in states {
        assert_eq!(
            of(status),
            [
                format!(
                    "tableau_systeminfo worker=all | status_code={code},status=\"{status}\",elapsed=1234"
                ),
                format!(
                    "tableau_systeminfo process=hyper,worker=a:1 | status_code={code},status=\"{status}\""
                ),
            ]
        );
    }
    let bare = Systeminfo::read(b"<systeminfo><gateway/></systeminfo>").unwrap();
    assert_eq!(
        all(&of_systeminfo(&bare, TOOK)),
        [
            "tableau_systeminfo worker=all | status_code=2,status=\"Unknown\",elapsed=1234",
            "tableau_systeminfo process=gateway,worker=Unknown | status_code=2,status=\"Unknown\"",
        ]
    );
    assert_eq!(
        told(&systeminfo_unavailable()),
        "tableau_systeminfo worker=all | status_code=3,status=\"Unavailable\""
    );
}

#[test]
fn a_gate_is_told_as_far_as_it_is_known() {
    let none = GateReading::default();
    let told_of = |reading| told(&of_gate("tsm:18850", reading));
    assert_eq!(
        told_of(&none),
        "tableau_gate gate=tsm:18850 | status_code=3,status=\"Unavailable\""
    );
    let mut pending = Pending::default();
    for line in
        ["There are no pending configuration changes.", "There are no pending topology changes.  "]
    {
        pending.take(line);
    }
    let all = GateReading {
        elapsed: Some(TOOK),
        certificate_days_left: Some(-1),
        jobs: Some((1, 2)),
        pending: Some(pending),
        server_version: Some("2019.2.2".to_owned()),
    };
    assert_eq!(
        told_of(&all),
        "tableau_gate gate=tsm:18850 | status_code=0,status=\"Available\",elapsed=1234,\
         certificate_days_left=-1,jobs_running=1,jobs_queued=2,pending_changes=0,server_version=\"2019.2.2\""
    );
}
