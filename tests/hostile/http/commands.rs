//! Orders that mean harm, or know no better, and everything else that can be sent to the command lane. Whatever
//! is refused here, `tsm` is not run and the runner's log has nothing of it; what is odd and allowed arrives as
//! it is.

use std::cell::Cell;

use data_encoding::BASE64;
use serde_json::{Value, json};
use tests::http::{Answer, Http};
use tests::scene::entry;
use tests::{Runner, RunnerOptions, Scene, SceneOptions};

use super::{Cases, Said, Then};

mod routes;
mod values;

/// A role with all that the cases need, so that nothing is refused for a missing permission.
const RUNS: &str = "\n[[role]]\nname = \"runs\"\npermissions = [\"security.*\", \"backup.create\", \
     \"maintenance.*\", \"pending-changes.*\"]\n";
const LIST: &str = "security external-ssl list";
const ENABLE: &str = "security external-ssl enable";
const EXTSVC: &str = "security vizql-extsvc-ssl enable";

/// The cases' scene, with a runner whose `tsm` writes down what it is given.
struct Stage {
    cases: Cases,
    runner: Runner,
    /// The runner's log when it had started.
    quiet: usize,
}

impl Stage {
    async fn start() -> Self {
        let clients: String =
            (0..Cases::MOST).map(|n| entry(&format!("c{n}"), "[\"runs\"]")).collect();
        let options = SceneOptions::commands("[\"runs\"]");
        let rest = format!("{}{clients}{RUNS}", options.rest);
        let scene = Scene::with(SceneOptions { rest, ..options }).await;
        let given = scene.path("given");
        let text = format!(
            "{{ printf '<%s>' \"$@\"; echo; }} >> {}\nfor a; do [ -f \"$a\" ] && wc -c < \"$a\"; done; exit 0",
            given.display()
        );
        let runner = Runner::start(&scene, &RunnerOptions::script(&scene, &text));
        let quiet = runner.log().len();
        Self { cases: Cases { scene, next: Cell::new(0) }, runner, quiet }
    }

    /// That neither `tsm` nor the runner has seen anything.
    fn nothing_was_run(&self) {
        assert!(!self.cases.scene.path("given").exists(), "tsm was run");
        let log = self.runner.log();
        assert_eq!(log.len(), self.quiet, "{log:?}");
        assert!(self.cases.scene.records("command").is_empty());
    }

    async fn order(&self, client: &str, body: &[u8]) -> Answer {
        let mut http = Http::open(&self.cases.scene.peer(client)).await.unwrap();
        http.ask("POST", "/v1/commands", "", body).await.unwrap()
    }

    /// That these orders are refused so, before anything is on its way; the first is on record.
    async fn refuses(&self, said: Said<'_>, orders: &[Value]) {
        let bodies: Vec<_> = orders.iter().map(|order| order.to_string().into_bytes()).collect();
        self.refuses_bytes(said, &bodies).await;
    }

    async fn refuses_bytes(&self, said: Said<'_>, bodies: &[Vec<u8>]) {
        let (name, _) = self.cases.client();
        for (number, body) in bodies.iter().enumerate() {
            let case = body[..body.len().min(300)].escape_ascii().to_string();
            let answer = self.order(&name, body).await;
            if number == 0 {
                self.cases.is_refusal(&case, &name, &answer, said).await;
            }
            let told = (answer.status, answer.code().unwrap_or_default());
            assert_eq!(told, (said.0, said.1.to_owned()), "{case}: {answer:?}");
        }
        self.nothing_was_run();
        self.cases.scene.nothing_reached_tsm();
    }

    /// That an order is run, and what `tsm` was given for it behind its path.
    async fn runs(&self, order: &Value) -> (String, String) {
        let answer = self.order("jump01", order.to_string().as_bytes()).await;
        assert_eq!(answer.status, 202, "{order}: {answer:?}");
        let id = answer.json()["id"].as_str().unwrap().to_owned();
        let mut http = Http::open(&self.cases.scene.peer("jump01")).await.unwrap();
        let output = http.get(&format!("/v1/commands/{id}/output")).await.unwrap();
        let given = std::fs::read_to_string(self.cases.scene.path("given")).unwrap();
        let folder = self.cases.scene.path("runner/state/work").join(&id);
        let given = given.replace(&folder.display().to_string(), "WORK");
        (given.lines().last().unwrap().to_owned(), String::from_utf8(output.body).unwrap())
    }
}

/// A refusal of an order.
fn bad<'a>(code: &'a str, detail: &'a str) -> Said<'a> {
    (400, code, "bad_order", Some(detail))
}

fn order(command: &str, options: Value) -> Value {
    json!({"command": command, "options": options})
}

/// An order of `vizql-extsvc-ssl enable` with one option that is not as it should be.
fn extsvc(name: &str, value: impl Into<Value>) -> Value {
    let mut options = json!([
        {"name": "connection-type", "value": "tabpy"},
        {"name": "extsvc-host", "value": "tabpy.example.com"},
        {"name": "extsvc-port", "value": "9004"},
    ]);
    let all = options.as_array_mut().unwrap();
    all.retain(|option| option["name"] != name);
    all.push(json!({"name": name, "value": value.into()}));
    order(EXTSVC, options)
}

fn sent(name: &str, content: &str) -> Value {
    json!({"name": "cert-file", "file": {"name": name, "content": content}})
}

/// An order of `external-ssl enable` with this for its certificate.
fn enable(certificate: Value) -> Value {
    let key = json!({"name": "key-file", "file": {"name": "server.key", "content": "AAAA"}});
    order(ENABLE, json!([certificate, key]))
}

/// R1, R31: what is no order is refused, whatever else it is
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_order_is_refused() {
    let stage = Stage::start().await;
    let what = "the body is an order: {\"command\": \"…\", \"options\": […]}";
    let said = (400, "body_not_json", "body_refused", Some(what));
    let list = format!("{{\"command\":\"{LIST}\"}}");
    let deep = "[".repeat(200_000);
    let texts = [
        "null", "", " ", "{", "[]", "\"x\"", "1", "{}", "{\"options\":[]}", "{\"command\":1}",
        "{\"command\":null}", "{\"command\":[\"security\"]}", &list[1..], &deep, &format!("{list}{list}"),
        &format!("{list},"), &format!("\u{feff}{list}"),
        &list.replace('}', ",\"command\":\"x\"}"), &list.replace('}', ",\"shell\":true}"),
        &list.replace('}', ",\"arguments\":[\"-x\"]}"), &list.replace('}', ",\"environment\":{}}"),
        &list.replace('}', ",\"options\":{}}"), &list.replace('}', ",\"options\":[1]}"),
        &list.replace('}', ",\"options\":[{}]}"), &list.replace('}', ",\"options\":[\"--help\"]}"),
        &list.replace('}', ",\"options\":[{\"name\":\"a\",\"value\":1}]}"),
        &list.replace('}', ",\"options\":[{\"name\":\"a\",\"path\":\"/etc/shadow\"}]}"),
        &list.replace('}', ",\"options\":[{\"name\":\"a\",\"file\":\"/etc/shadow\"}]}"),
        &list.replace('}', ",\"options\":[{\"name\":\"a\",\"file\":{\"name\":\"b\",\"content\":\"\",\"mode\":7}}]}"),
        &list.replace('}', ",\"run_seconds\":-1}"), &list.replace('}', ",\"run_seconds\":1.5}"),
        &list.replace('}', ",\"run_seconds\":\"3\"}"), &list.replace('}', ",\"run_seconds\":18446744073709551616}"),
        &list.replace('}', ",\"run_seconds\":NaN}"),
    ];
    let mut bodies: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    bodies.push(b"{\"command\":\"\xff\"}".to_vec());
    bodies.push([list.as_bytes(), b"\0"].concat());
    stage.refuses_bytes(said, &bodies).await;
    // the control
    assert_eq!(stage.runs(&order(LIST, json!([]))).await.0, "<security><external-ssl><list>");
}

/// R1, R29: commands, options and values that the catalogue has not: nothing of them reaches the runner
#[tokio::test(flavor = "multi_thread")]
async fn what_the_catalogue_has_not_is_refused() {
    let stage = Stage::start().await;
    let unknown = "there is no such command in the catalogue";
    let commands = [
        "security external-ssl",
        "",
        " ",
        "security",
        "security external-ssl list ",
        " security external-ssl list",
        "security  external-ssl list",
        "Security external-ssl list",
        "security external-ssl list --help",
        "security external-ssl list; id",
        "security\nexternal-ssl list",
        "security external-ssl list\0",
        "security external-ssl list\u{202e}",
        "jobs reconnect",
        "jobs cancel",
        "configuration set",
        "status",
        "login",
        "--help",
        "-x",
        "../../bin/sh",
        "/bin/sh",
        "sh -c id",
        &"a ".repeat(30_000),
    ];
    let orders: Vec<_> = commands.iter().map(|command| order(command, json!([]))).collect();
    stage.refuses((404, "unknown_command", "bad_order", Some(unknown)), &orders).await;
    let names = [
        "request-timeout",
        "help",
        "h",
        "-h",
        "--help",
        "username",
        "password",
        "server",
        "u",
        "p",
        "s",
        "trust-admin-controller-cert",
        "ignore-prompt",
        "",
        " ",
        "cert_file",
        "Cert-File",
        "cert-file=x",
        "cert-file\n--help",
        "\0",
        "\u{202e}",
        &"a".repeat(10_000),
    ];
    let orders: Vec<_> = names.iter().map(|name| order(LIST, json!([{"name": name}]))).collect();
    let detail = "the command has no option `--request-timeout`";
    stage.refuses(bad("unknown_option", detail), &orders).await;
    let key = json!({"name": "key-file", "file": {"name": "k", "content": ""}});
    let missing = [order(ENABLE, json!([])), order(ENABLE, json!([key]))];
    stage.refuses(bad("option_missing", "`--cert-file` is needed"), &missing).await;
    let twice = order(ENABLE, json!([sent("a.crt", ""), sent("a.crt", ""), key]));
    stage.refuses(bad("option_repeated", "`--cert-file` is given more than once"), &[twice]).await;
    let many = order(LIST, Value::Array(vec![json!({"name": "x"}); 65]));
    stage.refuses(bad("option_repeated", "more than 64 options"), &[many]).await;
    let both = json!([{"name": "minimumdate", "value": "1"}, {"name": "enddate", "value": "1"}]);
    let detail = "`--enddate` and `--minimumdate` exclude each other";
    stage.refuses(bad("options_conflict", detail), &[order("maintenance ziplogs", both)]).await;
    let mut long = order(LIST, json!([]));
    long["run_seconds"] = json!(0);
    stage.refuses(bad("bad_value", "`run_seconds` is at least 1"), &[long.clone()]).await;
    long["run_seconds"] = json!(u64::MAX);
    let detail = "it may run for 14400 s at most here, of which `--request-timeout` gets 14100 s";
    stage.refuses(bad("bad_value", detail), &[long]).await;
}

/// What is odd and allowed is run as it is: no shell, no option, and no name of a caller's on the host
#[tokio::test(flavor = "multi_thread")]
async fn what_is_odd_and_allowed_arrives_as_it_is() {
    let stage = Stage::start().await;
    for name in ["-rf.crt", "$(id).crt", "a b.crt", "..crt", "~.crt", "*.crt", "\u{202e}x.crt"] {
        let (given, output) =
            stage.runs(&enable(sent(name, &BASE64.encode(b"twelve bytes")))).await;
        let wanted = "<security><external-ssl><enable><--cert-file><WORK/cert-file.crt><--key-file><WORK/key-file.key>";
        assert_eq!(given, wanted, "{name}");
        assert!(output.contains("\"stdout\":\"12\""), "{name}: {output}");
    }
    let odd = enable(sent("no extension; id", "AAAA"));
    assert!(stage.runs(&odd).await.0.contains("<--cert-file><WORK/cert-file>"));
    for value in
        ["$(id)", "a; id", "`id`", "'\"", "*", "~root", "a=b", "%s%n", "\u{202e}a", "C:\\x"]
    {
        let given = stage.runs(&extsvc("extsvc-username", value)).await.0;
        assert!(given.ends_with(&format!("<--extsvc-username><{value}>")), "{given}");
    }
    for (name, value) in
        [("passphrase", "-x --help"), ("protocols", "-SSLv3"), ("protocols", "-all +TLSv1.2")]
    {
        let mut odd = enable(sent("a.crt", "AAAA"));
        odd["options"].as_array_mut().unwrap().push(json!({"name": name, "value": value}));
        let given = stage.runs(&odd).await.0;
        assert!(given.ends_with(&format!("<--{name}={value}>")), "{given}");
    }
    // R43: in the records nothing of it turns text around
    let audit = std::fs::read_to_string(stage.cases.scene.path("log/audit.jsonl")).unwrap();
    assert!(!audit.contains('\u{202e}'));
    assert!(!stage.runner.log().join("\n").contains('\u{202e}'));
    stage.cases.scene.verify();
}

/// R62: a certificate of ten megabytes passes whole; a body above the limit does not, however its length is
/// told; and who may not do anything here is read little of
#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_passes_and_a_larger_one_does_not() {
    let stage = Stage::start().await;
    let large =
        |bytes: usize| enable(sent("a.crt", &BASE64.encode(&vec![b'x'; bytes]))).to_string();
    let said = (413, "body_too_large", "body_refused", Some("the body is too large"));
    let body = large(12 << 20);
    let head = "POST /v1/commands HTTP/1.1\r\nHost: gate\r\n";
    let length = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let chunked =
        format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    for request in [length, chunked] {
        stage.cases.refused(request, said, Then::Ends).await;
    }
    stage.nothing_was_run();
    let (_, output) = stage.runs(&serde_json::from_str(&large(10 << 20)).unwrap()).await;
    assert!(output.contains(&format!("\"stdout\":\"{}\"", 10 << 20)), "{output}");

    let nobody = SceneOptions::commands("[\"monitor\"]");
    let scene = Scene::with(nobody).await;
    let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
    let answer = http.ask("POST", "/v1/commands", "", large(100_000).as_bytes()).await.unwrap();
    assert_eq!((answer.status, answer.code().as_deref()), (413, Some("body_too_large")));
    let mut http = Http::open(&scene.peer("jump01")).await.unwrap();
    let answer = http.ask("POST", "/v1/commands", "", large(1000).as_bytes()).await.unwrap();
    assert_eq!((answer.status, answer.code().as_deref()), (403, Some("not_permitted")));
    assert!(scene.records("command").is_empty());
}
