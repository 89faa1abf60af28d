//! What runs out while the daemon runs: certificates, lists and authorities, announced before and acted
//! upon then, without a reload.

use tests::peer::{Stream, call, cookie_of};
use tests::{Authority, Peer, Scene, SceneOptions, wait};
use time::{Duration, OffsetDateTime};
use tsmgate_server::status::Status;

use crate::judged::{cut_record, two};
use crate::support::until_closed;

/// So soon that a test can wait for it, and late enough to be connected before.
const SOON: Duration = Duration::seconds(3);
/// Dates have whole seconds, and one is good to the end of its last.
const LATEST: Duration = Duration::milliseconds(2500);

fn soon() -> OffsetDateTime {
    (OffsetDateTime::now_utc() + SOON).replace_nanosecond(0).unwrap()
}

fn status(scene: &Scene) -> Status {
    scene.daemon.as_ref().unwrap().status()
}

/// A connection on which a call was answered.
async fn proven(peer: &Peer) -> Stream {
    let mut stream = peer.connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    stream
}

/// That the connection is cut just after `end`, for this reason.
async fn is_cut_at(scene: &Scene, open: &mut Stream, end: OffsetDateTime, code: &str) {
    let (bytes, _) = until_closed(open).await;
    let late = OffsetDateTime::now_utc() - end;
    assert!(bytes.is_empty(), "{bytes:x?}");
    assert!(late >= Duration::ZERO && late < LATEST, "cut {late} after the end");
    assert_eq!(cut_record(scene).await["event.reason"], code);
    assert!(scene.records("reload").is_empty());
}

async fn is_refused(scene: &Scene, peer: &Peer, code: &str) {
    assert!(peer.login().await.is_err(), "an answer");
    scene.refusal(code).await;
}

/// R11: a certificate that ends while its connection is open takes it along, and nobody else's
#[tokio::test]
async fn a_certificate_that_ends_cuts() {
    let scene = Scene::with(two("")).await;
    let end = soon();
    let victim = scene.authority.client_with("jump01", |params| params.not_after = end);
    let peer = scene.peer_with(Some(&victim));
    let (mut open, mut stays) = (proven(&peer).await, proven(&scene.peer("other")).await);
    is_cut_at(&scene, &mut open, end, "certificate_expired").await;
    is_refused(&scene, &peer, "certificate_expired").await;
    cookie_of(call(&mut stays, 2).await.unwrap());
    assert_eq!(scene.records("cut").len(), 1);
    assert_eq!(scene.tsm.counts().connections, 3);
    scene.verify();
}

/// R11: so does an intermediate authority's certificate
#[tokio::test]
async fn an_intermediate_that_ends_cuts() {
    let root = Authority::new("tests");
    let end = soon();
    let between = root.intermediate("between", |params| params.not_after = end);
    let scene = Scene::of(root, two("")).await;
    let peer = scene.peer_with(Some(&between.client("jump01")));
    let (mut open, mut stays) = (proven(&peer).await, proven(&scene.peer("other")).await);
    is_cut_at(&scene, &mut open, end, "certificate_expired").await;
    is_refused(&scene, &peer, "certificate_expired").await;
    cookie_of(call(&mut stays, 2).await.unwrap());
}

/// Options with a list that ends then.
fn with_list(authority: &Authority, end: OffsetDateTime, more: &str) -> SceneOptions {
    let list = authority.revocation_list_of(&[], end - Duration::HOUR, end);
    SceneOptions {
        tls: format!("revocation_list = \"clients.crl\"\n{more}"),
        files: vec![("clients.crl".into(), list)],
        ..two("")
    }
}

/// R9, R11: a revocation list that is past its next update cuts everybody, and a new one lets them in
#[tokio::test]
async fn a_revocation_list_that_ends_cuts() {
    let authority = Authority::new("tests");
    let end = soon();
    let options = with_list(&authority, end, "");
    let scene = Scene::of(authority, options).await;
    let peer = scene.peer("jump01");
    let mut open = proven(&peer).await;
    let before = status(&scene);
    assert!(before.ready, "{:?}", before.trouble);
    assert!(before.warnings.iter().any(|line| line.contains("issue a new one")), "{before:?}");
    assert!(before.line().contains("next to end: revocation list in 0 days"), "{}", before.line());

    is_cut_at(&scene, &mut open, end, "revocation_list_expired").await;
    is_refused(&scene, &peer, "revocation_list_expired").await;
    let after = status(&scene);
    assert!(!after.ready);
    let told = |line: &str| line.contains("every certificate of its issuer is refused");
    assert!(after.trouble.iter().any(|line| told(line)), "{after:?}");
    assert!(told(&after.line()) && !after.line().contains("in 0 days"), "{}", after.line());

    // noticed without being told
    scene.write("clients.crl", &scene.authority.revocation_list(&[]), 0o644);
    wait::until("a login", || async { peer.login().await.ok() }).await;
    assert!(status(&scene).ready);
    assert_eq!(scene.tsm.counts().connections, 2);
    scene.verify();
}

/// R9, R11: told to warn, it goes on counting, and the status says so
#[tokio::test]
async fn a_revocation_list_that_ends_may_go_on_counting() {
    let authority = Authority::new("tests");
    let end = soon();
    let options = with_list(&authority, end, "expired_revocation_list = \"warn\"");
    let scene = Scene::of(authority, options).await;
    let mut open = proven(&scene.peer("jump01")).await;
    let said = wait::until("the warning", || async {
        let warnings = status(&scene).warnings;
        warnings.into_iter().find(|line| line.contains("it goes on counting"))
    })
    .await;
    assert!(said.contains("clients.crl"), "{said}");
    // two looks at the dates later
    let later = end + Duration::seconds(2);
    wait::until("later", || async { (OffsetDateTime::now_utc() > later).then_some(()) }).await;
    cookie_of(call(&mut open, 2).await.expect("cut by a list that only warns"));
    scene.peer("jump01").cookie().await;
    assert!(scene.records("cut").is_empty());
    assert!(status(&scene).ready);
}

/// R11: an authority that ends takes its clients along, and no other's
#[tokio::test]
async fn an_authority_that_ends_cuts_its_clients() {
    let (first, end) = (Authority::new("tests"), soon());
    let second = Authority::new_with("second", |params| params.not_after = end);
    let client_authority = Some(first.pem() + &second.pem());
    let scene = Scene::of(first, SceneOptions { client_authority, ..two("") }).await;
    let peer = scene.peer_with(Some(&second.client("jump01")));
    let (mut open, mut stays) = (proven(&peer).await, proven(&scene.peer("other")).await);
    is_cut_at(&scene, &mut open, end, "certificate_invalid").await;
    is_refused(&scene, &peer, "certificate_invalid").await;
    cookie_of(call(&mut stays, 2).await.unwrap());
    scene.peer("other").cookie().await;
    let trouble = status(&scene).trouble;
    assert!(trouble.iter().any(|line| line.contains("the authority CN=second expired")));
    assert_eq!(scene.records("cut").len(), 1);
}

/// R11: without its last authority the gate is closed and lives; a new one opens it
#[tokio::test]
async fn the_last_authority_that_ends_closes_the_gate() {
    let end = soon();
    let last = Authority::new_with("last", |params| params.not_after = end);
    let options = SceneOptions { client_authority: Some(last.pem()), ..two("") };
    let scene = Scene::of(Authority::new("tests"), options).await;
    let peer = scene.peer_with(Some(&last.client("jump01")));
    let mut open = proven(&peer).await;
    is_cut_at(&scene, &mut open, end, "gate_closed").await;
    is_refused(&scene, &peer, "gate_closed").await;
    assert_eq!(scene.records("ban").len(), 0, "what is the operator's bans nobody");
    assert!(!status(&scene).ready);
    let daemon = scene.daemon.as_ref().unwrap();
    let fault = daemon.reload().await.unwrap_err();
    assert!(fault.contains("the authority CN=last expired on"), "{fault}");

    scene.write("client-ca.pem", &scene.authority.pem(), 0o644);
    daemon.reload().await.unwrap();
    scene.peer("jump01").cookie().await;
    assert!(status(&scene).ready, "{:?}", status(&scene).trouble);
    assert_eq!(scene.tsm.counts().connections, 2);
}

/// Waits for the time: a start or a reload that is slow must not miss an end.
async fn pass(end: OffsetDateTime) {
    let past = || async { (OffsetDateTime::now_utc() > end + Duration::SECOND).then_some(()) };
    wait::until("the end", past).await;
}

/// R11: an authority that ends between being read and the first look at the dates does not count
#[tokio::test]
async fn an_authority_that_ends_while_it_starts_does_not_count() {
    let (first, end) = (Authority::new("tests"), soon());
    let second = Authority::new_with("second", |params| params.not_after = end);
    let client_authority = Some(first.pem() + &second.pem());
    let options = SceneOptions { client_authority, ..two("") };
    let mut scene = Scene::prepare(tempfile::tempdir().unwrap(), first, &options).await;
    let loaded = scene.load().unwrap();
    pass(end).await;
    scene.daemon = Some(tsmgate_server::daemon::Daemon::start(loaded).await.unwrap());
    let peer = scene.peer_with(Some(&second.client("jump01")));
    is_refused(&scene, &peer, "certificate_invalid").await;
    scene.peer("other").cookie().await;
}

/// R52: fourteen days before our certificate or an authority ends, and from half of a list's life on,
/// the status says so, and not before
#[tokio::test]
async fn what_ends_soon_is_announced() {
    let now = OffsetDateTime::now_utc();
    let root = Authority::new_with("tests", |params| {
        params.not_after = now + Duration::days(21) + Duration::HOUR;
    });
    let list = |begun: i64, left: i64| {
        root.revocation_list_of(&[], now - Duration::hours(begun), now + Duration::hours(left))
    };
    let (young, old) = (list(12, 30), list(11, 9));
    let longer = root.server(|params| params.not_after = now + Duration::days(22));
    let shorter = root.server(|params| params.not_after = now + Duration::days(20));
    let ending =
        Authority::new_with("ending", |params| params.not_after = now + Duration::days(20));
    let options = SceneOptions {
        tls: "revocation_list = \"clients.crl\"".into(),
        files: vec![("clients.crl".into(), young)],
        ..SceneOptions::default()
    };
    let scene = Scene::of(root, options).await;
    let daemon = scene.daemon.as_ref().unwrap();
    let show = |server: &tests::Identity| {
        scene.write("server.pem", &server.chain, 0o644);
        scene.write("server.key", &server.key, 0o600);
    };
    show(&longer);
    daemon.reload().await.unwrap();
    assert_eq!(daemon.status().warnings, Vec::<String>::new());

    show(&shorter);
    scene.write("clients.crl", &(old + &ending.revocation_list(&[])), 0o644);
    scene.write("client-ca.pem", &(scene.authority.pem() + &ending.pem()), 0o644);
    daemon.reload().await.unwrap();
    let status = daemon.status();
    let warned = |what: &str| status.warnings.iter().filter(|line| line.contains(what)).count();
    assert_eq!(warned("server.pem: our certificate ends in 19 days"), 1, "{status:?}");
    assert_eq!(warned("the authority CN=ending ends on"), 1, "{status:?}");
    assert_eq!(warned("the revocation list ends on"), 1, "{status:?}");
    assert_eq!(status.warnings.len(), 3, "{status:?}");
    assert!(status.ready, "a warning is no trouble: {:?}", status.trouble);
    assert!(status.line().contains("next to end: revocation list in 0 days"), "{}", status.line());
    let kinds: Vec<_> = status.endings.iter().map(|end| end.kind.as_str()).collect();
    assert_eq!(kinds[..2], ["revocation_list", "revocation_list"]);
    assert!(kinds.contains(&"server") && kinds.contains(&"authority"));
}
