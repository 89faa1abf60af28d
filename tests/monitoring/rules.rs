//! The alert rules, the dashboard and their README: valid, tested, and about metrics that there are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tests::program::{have, texts};
use tsmgate_gate::reason::Reason;
use tsmgate_server::metrics::Metrics;

use crate::fake::status;

/// The folder of what is shipped.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("systemd/monitoring")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap()
}

fn promtool(arguments: &[&str], last: &Path) {
    let mut command = Command::new("promtool");
    let output = command.args(arguments).arg(last).current_dir(folder()).output().unwrap();
    let (out, said) = texts(&output);
    assert!(output.status.success(), "promtool {arguments:?}: {out}{said}");
}

#[test]
fn the_rules_are_valid_and_behave() {
    if !have("promtool", "prometheus") {
        return;
    }
    promtool(&["check", "rules"], Path::new("alerts.yml"));
    promtool(&["check", "config"], Path::new("prometheus.yml"));
    promtool(&["test", "rules"], Path::new("alerts.test.yml"));
}

/// The names after `key: ` of lines that begin a rule with it.
fn alerts() -> BTreeSet<String> {
    let rules = read("alerts.yml");
    let named = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    named.map(str::to_owned).collect()
}

#[test]
fn each_alert_says_what_to_do_and_is_tested_and_documented() {
    let (rules, readme, tested) = (read("alerts.yml"), read("README.md"), read("alerts.test.yml"));
    let alerts = alerts();
    assert!(alerts.len() > 15, "{alerts:?}");
    for rule in rules.split("- alert: ").skip(1) {
        let name = rule.lines().next().unwrap();
        assert!(rule.contains("severity: "), "{name}");
        // two rules of one name share their words
        if rule.contains("annotations: *") {
            continue;
        }
        assert!(rule.contains("summary: ") && rule.contains("description: "), "{name}");
        assert!(rule.contains("Do:") || rule.contains("severity: info"), "{name}");
    }
    for name in &alerts {
        assert!(readme.contains(&format!("| `{name}` |")), "the README lacks {name}");
        assert!(tested.contains(&format!("alertname=\"{name}\"")), "no test has {name} fire");
    }
    for row in readme.lines().filter_map(|line| line.strip_prefix("| `Tsmgate")) {
        let name = format!("Tsmgate{}", row.split('`').next().unwrap());
        assert!(alerts.contains(&name), "the README invents {name}");
    }
}

/// Every PromQL expression of the dashboard, as Grafana would send it.
pub fn dashboard_expressions() -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(expression) = fields.get("expr") {
                    found.push(expression.as_str().unwrap().to_owned());
                }
                fields.values().for_each(|value| collect(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(&serde_json::from_str(&read("dashboard.json")).unwrap(), &mut found);
    let filled = |expression: String| {
        let expression = expression.replace("$__rate_interval", "5m").replace("$__range", "24h");
        expression.replace("$instance", ".*")
    };
    let found: Vec<String> = found.into_iter().map(filled).collect();
    assert!(found.iter().all(|expression| !expression.contains('$')), "{found:?}");
    found
}

#[test]
fn each_expression_of_the_dashboard_is_valid() {
    if !have("promtool", "prometheus") {
        return;
    }
    let expressions = dashboard_expressions();
    assert!(expressions.len() > 20, "{}", expressions.len());
    let rule = |(number, expression): (usize, &String)| serde_json::json!({"record": format!("panel:{number}"), "expr": expression});
    let rules: Vec<Value> = expressions.iter().enumerate().map(rule).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("panels.yml");
    // JSON is YAML
    let text = serde_json::json!({"groups": [{"name": "panels", "rules": rules}]});
    std::fs::write(&file, text.to_string()).unwrap();
    promtool(&["check", "rules"], &file);
}

/// What Grafana wants of a dashboard before it shows one.
#[test]
fn the_dashboard_can_be_imported() {
    let board: Value = serde_json::from_str(&read("dashboard.json")).unwrap();
    assert!(board["schemaVersion"].as_u64() >= Some(36));
    let variables: Vec<&str> = board["templating"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["name"].as_str().unwrap())
        .collect();
    assert_eq!(variables, ["datasource", "instance"]);
    let panels = board["panels"].as_array().unwrap();
    let mut numbers = BTreeSet::new();
    let mut places = BTreeSet::new();
    for panel in panels {
        assert!(numbers.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let place = &panel["gridPos"];
        let at = |key: &str| place[key].as_u64().unwrap();
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(x < 24 && places.insert((x, y)), "{} overlaps", panel["title"]);
            }
        }
        if panel["type"] != "row" {
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{}", panel["title"]);
            assert_ne!(panel["description"], "", "{}", panel["title"]);
        }
    }
}

/// The metrics of a text of ours: every word that begins like one.
fn named(text: &str) -> BTreeSet<String> {
    let word =
        |character: char| character.is_ascii_lowercase() || "_0123456789".contains(character);
    text.split(|character| !word(character))
        .filter(|word| word.starts_with("tsmgate_"))
        .map(|word| word.trim_end_matches("_bucket").trim_end_matches("_count").to_owned())
        .collect()
}

/// All that the gate gives, when everything has happened once.
fn given() -> BTreeSet<String> {
    let metrics = Metrics::new();
    metrics.login("jump01", Ok(()));
    metrics.request("jump01", "status", Ok(()));
    metrics.request_refused("jump01", Reason::PermissionMissing);
    metrics.command_ended("security external-ssl list", "success");
    metrics.refused(Reason::GateFull);
    let text = metrics.text(&status());
    let names = text.lines().filter(|line| !line.starts_with('#'));
    let names = names.map(|line| line.split(['{', ' ']).next().unwrap());
    let bare = |name: &str| {
        let parts = ["_bucket", "_sum", "_count"];
        let bare = parts.iter().find_map(|part| name.strip_suffix(part)).unwrap_or(name);
        bare.to_owned()
    };
    names.map(bare).collect()
}

#[test]
fn alerts_and_dashboard_name_metrics_that_there_are() {
    let given = given();
    for (what, text) in [
        ("alerts.yml", read("alerts.yml")),
        ("alerts.test.yml", read("alerts.test.yml")),
        ("dashboard.json", dashboard_expressions().join("\n")),
    ] {
        let named = named(&text);
        assert!(named.len() > 9, "{what}: {named:?}");
        let invented: Vec<_> = named.difference(&given).collect();
        assert!(invented.is_empty(), "{what} names {invented:?}, which the gate does not give");
    }
}

#[test]
fn the_readme_has_each_metric_and_no_other() {
    let readme = read("README.md");
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| `tsmgate_"));
    let rows = rows.map(|row| format!("tsmgate_{}", row.split('`').next().unwrap()));
    assert_eq!(rows.collect::<BTreeSet<String>>(), given());
}
