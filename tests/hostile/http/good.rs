//! The controls: clients of other people that know what they do.

use std::convert::Infallible;
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Poll};

use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Bytes, Frame};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, StatusCode, body::Incoming};
use hyper_util::rt::TokioIo;
use tests::Scene;
use tests::program::{have, texts};

use super::{OTHER, STATUS, options};

type Body = BoxBody<Bytes, Infallible>;

/// hyper's client over a connection of the peer's.
async fn hyper_client(scene: &Scene) -> SendRequest<Body> {
    let stream = scene.peer("jump01").offering(&["http/1.1"]).connect().await.unwrap();
    let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn ask(
    sender: &mut SendRequest<Body>,
    method: &str,
    path: &str,
    body: Body,
) -> Response<Incoming> {
    sender.ready().await.expect("the connection goes on");
    let request = Request::builder().method(method).uri(path).header("host", "gate");
    sender.send_request(request.body(body).unwrap()).await.unwrap()
}

fn empty() -> Body {
    Empty::new().boxed()
}

/// A body of which nobody knows the length.
struct InParts<I>(I);

impl<I: Iterator<Item = &'static str> + Unpin> hyper::body::Body for InParts<I> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.next().map(|part| Ok(Frame::data(Bytes::from(part)))))
    }
}

/// hyper reads every answer as it is meant, one after the other on one connection: TSM's, the gate's own,
/// refusals, answers without a body; and what it sends in chunks arrives whole
#[tokio::test]
async fn hyper_is_served_on_one_connection() {
    let scene = Scene::with(options()).await;
    let mut sender = hyper_client(&scene).await;
    for _ in 0..3 {
        for (method, path, status) in [
            ("GET", STATUS, 200),
            ("GET", "/v1/whoami", 200),
            ("GET", "/api/0.5/stat%75s", 400),
            ("HEAD", STATUS, 405),
            ("HEAD", "/v1/whoami", 405),
            ("GET", STATUS, 200),
            ("POST", "/api/0.5/login", 403),
            ("DELETE", "/api/0.5/other", 404),
        ] {
            let answer = ask(&mut sender, method, path, empty()).await;
            assert_eq!(answer.status().as_u16(), status, "{method} {path}");
            let body = answer.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(body.is_empty(), method == "HEAD", "{method} {path}: {body:?}");
        }
        let body = Full::new(Bytes::from_static(b"{\"a\": 1}")).boxed();
        assert_eq!(ask(&mut sender, "POST", OTHER, body).await.status(), StatusCode::BAD_REQUEST);
        let chunked = InParts(["[", "1", ",", "2", "]"].into_iter()).boxed();
        assert_eq!(
            ask(&mut sender, "POST", OTHER, chunked).await.status(),
            StatusCode::BAD_REQUEST
        );
    }
    let requests = scene.api().requests();
    let bodies: Vec<_> = requests.iter().map(|request| request.body.as_slice()).collect();
    let one: [&[u8]; 5] = [b"", b"", b"", b"{\"a\": 1}", b"[1,2]"];
    assert_eq!(bodies, one.repeat(3));
    assert_eq!(scene.records("connection").len(), 1);
    scene.verify();
}

/// curl is served: several requests on one connection, a body in chunks, HTTP/1.0; and told what it is that
/// the gate does not do
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn curl_is_served() {
    if !have("curl", "curl") {
        return;
    }
    let scene = Scene::with(options()).await;
    let client = scene.authority.client("jump01");
    scene.write("client.pem", &client.chain, 0o644);
    scene.write("client.key", &client.key, 0o600);
    scene.write("ca.pem", &scene.authority.pem(), 0o644);
    scene.write("body.json", "{\"some\": [\"thing\"]}", 0o644);
    let base = format!("https://localhost:{}", scene.address().port());
    let curl = |arguments: &[&str]| {
        let mut command = Command::new("curl");
        command.args(["-q", "--silent", "--show-error", "--max-time", "20", "--noproxy", "*"]);
        command.arg("--cert").arg(scene.path("client.pem"));
        command.arg("--key").arg(scene.path("client.key"));
        command.arg("--cacert").arg(scene.path("ca.pem"));
        command.args(arguments);
        let (said, errors) = texts(&command.output().unwrap());
        assert_eq!(errors, "");
        said
    };
    let said = |format: &'static str, arguments: &[&str]| {
        curl(&[&["--output", "/dev/null", "--write-out", format], arguments].concat())
    };
    let status = format!("{base}{STATUS}");
    let (other, nothing) = (format!("{base}{OTHER}"), format!("{base}/api/0.5/other"));
    let body = format!("@{}", scene.path("body.json").display());

    assert!(curl(&[&status]).contains("\"rollupStatus\""));
    // one connection, three answers; a discarded one between
    let format = "%{http_code} %{num_connects}\n";
    let three = ["--output", "/dev/null", "--output", "/dev/null", &status, &nothing, &status];
    assert_eq!(said(format, &three), "200 1\n404 0\n200 0\n");
    let chunked = ["--data-binary", &body, "-H", "Transfer-Encoding: chunked", &other];
    assert_eq!(said("%{http_code}", &chunked), "400");
    let last = scene.api().requests().pop().unwrap();
    assert_eq!((&*last.method, &last.body[..]), ("POST", &b"{\"some\": [\"thing\"]}"[..]));
    for (arguments, code) in [
        (&["--http1.0"][..], "200 "),
        (&["--no-alpn"], "200 "),
        (&["--cookie", "AUTH_COOKIE=other"], "200 "),
        (&["--head"], "405 method_not_allowed"),
        (&["-X", "OPTIONS"], "405 method_not_allowed"),
        (&["--compressed"], "200 "),
        (&["--range", "0-9"], "200 "),
        (&["-H", "Expect: 100-continue", "--data", "{}"], "417 expectation_refused"),
        (&["-H", "Origin: https://x", "-X", "POST"], "403 cross_site"),
        (&["-H", "Upgrade: h2c"], "400 bad_request"),
    ] {
        let said = said("%{http_code} %header{tsmgate-reason}", &[arguments, &[&status]].concat());
        assert_eq!(said, code, "{arguments:?}");
    }
    // what curl sends as it is written
    for path in ["/api/0.5/../0.5/status", "/api/0.5/./status", "//api/0.5/status"] {
        let url = format!("{base}{path}");
        assert_eq!(said("%{http_code}", &["--path-as-is", &url]), "400", "{path}");
    }
}
