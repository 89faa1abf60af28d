//! Which path is which operation, tricks and all.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;

fn operation(method: &str, path: &str) -> Option<(Operation, Vec<String>)> {
    match find(&method.parse().unwrap(), path, false) {
        Found::Route(route, variables) => Some((route.operation, variables)),
        _ => None,
    }
}

#[test]
fn exact_paths_go_before_variables() {
    let none: Vec<String> = Vec::new();
    assert_eq!(operation("GET", "/api/0.5/asyncJobs/latest"), Some((O::LatestJob, none.clone())));
    assert_eq!(operation("GET", "/api/0.5/asyncJobs/7"), Some((O::Job, vec!["7".to_owned()])));
    assert_eq!(operation("HEAD", "/api/0.5/status"), Some((O::Status, none)));
    assert_eq!(
        operation("GET", "/api/0.5/configurations/3/keys/ssl.port"),
        Some((O::Key, vec!["3".to_owned(), "ssl.port".to_owned()]))
    );
}

#[test]
fn a_path_in_disguise_is_what_it_means() {
    for path in [
        "/api/0.5/login/",
        "//api/0.5//login",
        "/api/0.5/status/../login",
        "/api/0.5/status/%2e%2e/login",
        "/api/0.5/status/..%2flogin",
        "/api/0.5/%6cogin",
        "/api/0.5/login;status",
        "/api/0.5/status/..;x/login",
        "/api/0.5\\login",
    ] {
        assert_eq!(operation("POST", path), Some((O::Login, Vec::new())), "{path}");
    }
    for path in ["/api/0.5/Login", "/api/1.0/login", "/login", "/api/0.5", "/api/0.5/login/x"] {
        assert_eq!(operation("POST", path), None, "{path}");
    }
}

#[test]
fn what_is_assumed_is_there_only_when_asked_for() {
    let there =
        |assumed| matches!(find(&Method::POST, "/api/0.5/deployments", assumed), Found::Route(..));
    assert!(there(true) && !there(false));
    let other = find(&Method::DELETE, "/api/0.5/status", true);
    assert!(matches!(other, Found::OtherMethod(methods) if methods == ["GET"]));
}

#[test]
fn a_query_is_read_as_a_form() {
    let pairs = query(Some("writePath=a%20b+c&x&&y=1=2"));
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("writePath", "a b c"), ("x", ""), ("y", "1=2")]);
}
