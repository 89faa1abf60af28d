//! Values and files that are not of their option's kind: none becomes an option, a line or a path.

use serde_json::json;

use super::{EXTSVC, Stage, bad, enable, extsvc, order, sent};

/// R29: a value cannot become an option, another argument or another line; nor is it repeated to anybody
#[tokio::test(flavor = "multi_thread")]
async fn values_that_are_not_of_their_kind_are_refused() {
    let stage = Stage::start().await;
    let hosts = [
        "-x",
        "--help",
        "",
        " ",
        "a b",
        "a\nb",
        "a\0",
        "a;id",
        "$(id)",
        "`id`",
        "a|b",
        "a/b",
        "http://a",
        "a:9004",
        "[::1]",
        "a..b",
        ".",
        "-a.b",
        "a-.b",
        "a.b\r\nx: y",
        "\u{202e}a",
        "ä.example.com",
        "10.1",
        "1.2.3.256",
        "a\u{7f}",
        &"a".repeat(64),
        &"a.".repeat(200),
        &"x".repeat(5000),
    ];
    let orders: Vec<_> = hosts.iter().map(|host| extsvc("extsvc-host", *host)).collect();
    let detail = "`--extsvc-host` is the name of a host or an IP address";
    stage.refuses(bad("bad_value", detail), &orders).await;
    let ports =
        ["0", "65536", "-1", "+1", "01", " 1", "1 ", "1e3", "0x1", "", "1\n", "９００４", "1.0"];
    let orders: Vec<_> = ports.iter().map(|port| extsvc("extsvc-port", *port)).collect();
    stage.refuses(bad("bad_value", "`--extsvc-port` is a port, 1 to 65535"), &orders).await;
    let choices = ["tabpy ", "TabPy", "", "-tabpy", "tabpy-secure,rserve", "tabpy\n"];
    let orders: Vec<_> = choices.iter().map(|word| extsvc("connection-type", *word)).collect();
    let detail = "`--connection-type` is one of rserve-secure, rserve, tabpy-secure, tabpy";
    stage.refuses(bad("bad_value", detail), &orders).await;
    let booleans = ["True", "yes", "1", "", "-true", "true\0"];
    let orders: Vec<_> = booleans.iter().map(|word| extsvc("script-disabled", *word)).collect();
    stage.refuses(bad("bad_value", "`--script-disabled` is `true` or `false`"), &orders).await;
    let texts =
        ["-rf", "--extsvc-password", "-", "a\nb", "a\0b", "a\rb", "a\u{1b}[2J", "a\u{85}b", ""];
    let orders: Vec<_> = texts.iter().map(|text| extsvc("extsvc-username", *text)).collect();
    let detail = "`--extsvc-username` is one line of text that begins with no dash";
    stage.refuses(bad("bad_value", detail), &orders).await;
    let secrets = ["hunter2-hunter2\n--help", "hunter2\0", "", "hunter2\u{7f}"];
    let orders: Vec<_> = secrets.iter().map(|text| extsvc("extsvc-password", *text)).collect();
    stage.refuses(bad("bad_value", "`--extsvc-password` is one line of text"), &orders).await;
    let names =
        ["../nightly", "/etc/passwd", "a/b", ".", "..", "", "-f", "a\0", "a\nb", &"a".repeat(256)];
    let orders: Vec<_> = names
        .iter()
        .map(|name| order("maintenance backup", json!([{"name": "file", "value": name}])))
        .collect();
    let detail = "`--file` is the name of a file without folders";
    stage.refuses(bad("bad_value", detail), &orders).await;
    let flags = [order("pending-changes list", json!([{"name": "config-only", "value": "true"}]))];
    stage.refuses(bad("bad_value", "`--config-only` takes no value"), &flags).await;
    let audit = std::fs::read_to_string(stage.cases.scene.path("log/audit.jsonl")).unwrap();
    assert!(!audit.contains("hunter2"));
}

/// R29, R46: the name of a file is not a path, whatever is in it; its content is base64 and nothing else
#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_none_are_refused() {
    let stage = Stage::start().await;
    let names = [
        "../server.crt",
        "",
        ".",
        "..",
        "/etc/shadow",
        "a/b.crt",
        "a/../b",
        "./a",
        "a\0.crt",
        "a\n.crt",
        "a\u{85}",
        &"a".repeat(256),
    ];
    let orders: Vec<_> = names.iter().map(|name| enable(sent(name, "AAAA"))).collect();
    let detail = "`--cert-file` has a file whose name is none, or has folders in it";
    stage.refuses(bad("bad_file", detail), &orders).await;
    let contents =
        ["AAA", "AA-_", "A A A A ", "AAAA\n", "AAAA====", "%41", "-----BEGIN CERTIFICATE-----"];
    let orders: Vec<_> = contents.iter().map(|content| enable(sent("a.crt", content))).collect();
    let detail = "`--cert-file` has a file whose content is not base64";
    stage.refuses(bad("bad_file", detail), &orders).await;
    let path = json!({"name": "cert-file", "value": "/etc/shadow"});
    stage
        .refuses(bad("bad_file", "`--cert-file` takes a file and no value"), &[enable(path)])
        .await;
    let none = json!({"name": "cert-file"});
    stage.refuses(bad("bad_file", "`--cert-file` takes a file"), &[enable(none)]).await;
    let there = json!({"name": "file", "value": "/etc/cron.d/x"});
    let fetch = order("security repository-ssl get-certificate-file", json!([there]));
    stage.refuses(bad("bad_value", "`--file` takes no value"), &[fetch]).await;
    let both = json!({"name": "extsvc-host", "file": {"name": "a", "content": ""}});
    stage
        .refuses(bad("bad_file", "`--extsvc-host` takes no file"), &[order(EXTSVC, json!([both]))])
        .await;
}
