//! A reload reaches callers on this host too: open connections are judged by the entries and the user database.

use std::time::{Duration, Instant};

use tests::http::Http;
use tests::local::{User, can_make_users, connect_as, entry, login_as};
use tests::peer::{call, cookie_of};
use tests::{Scene, SceneOptions, wait};

use crate::support::until_closed;

/// By then a reload counts.
const SOON: Duration = Duration::from_secs(2);
const LOGIN: &str = "[\"login\"]";

async fn scene(entries: &str) -> Scene {
    Scene::with(SceneOptions::api("[\"monitor\"]").with_local(entries)).await
}

async fn reload(scene: &Scene) {
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
}

async fn cut(scene: &Scene) -> serde_json::Value {
    wait::until("the record of the cut", || async { scene.records("cut").pop() }).await
}

/// R10: a user who is taken out of the configuration is cut within two seconds and does not come in again;
/// another goes on
#[tokio::test]
async fn who_is_taken_out_is_cut() {
    if !can_make_users() {
        return;
    }
    let (user, other) = (User::make(), User::make());
    let of = |user: &User| entry(&format!("user = \"{}\"", user.name), LOGIN);
    let scene = scene(&(of(&user) + &of(&other))).await;
    let socket = scene.local_socket();
    let mut stream = connect_as(user.uid, &socket).await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    let mut stays = connect_as(other.uid, &socket).await.unwrap();
    cookie_of(call(&mut stays, 1).await.unwrap());
    scene.edit(&of(&user), "");
    let since = Instant::now();
    reload(&scene).await;
    assert!(until_closed(&mut stream).await.0.is_empty());
    assert!(since.elapsed() < SOON, "{:?}", since.elapsed());
    let cut = cut(&scene).await;
    assert_eq!(cut["event.reason"], "local_user_not_listed");
    assert_eq!(cut["client.user.name"], format!("local:{}", user.name));
    assert!(login_as(user.uid, &socket).await.is_err());
    cookie_of(call(&mut stays, 2).await.unwrap());
    assert_eq!(scene.tsm.counts().cookies, 3);
    assert_eq!(scene.records("cut").len(), 1);
}

/// R10: who has left a group by which he came in is cut at the next reload, also where he may come in again as
/// somebody who may less
#[tokio::test]
async fn who_has_left_a_group_is_cut() {
    if !can_make_users() {
        return;
    }
    let (user, other) = (User::make(), User::make());
    let entries = entry(&format!("group = \"{}\"", user.name), "[\"admin\"]")
        + &entry(&format!("user = \"{}\"", user.name), "[\"monitor\"]")
        + &entry(&format!("group = \"{}\"", other.name), "[\"admin\"]");
    let scene = scene(&entries).await;
    let socket = scene.local_socket();
    let mut http = Http::over(connect_as(user.uid, &socket).await.unwrap());
    let mut gone = Http::over(connect_as(other.uid, &socket).await.unwrap());
    for http in [&mut http, &mut gone] {
        assert_eq!(http.get("/v1/whoami").await.unwrap().json()["roles"][0], "admin");
    }
    // nothing has changed
    reload(&scene).await;
    assert_eq!(http.get("/v1/whoami").await.unwrap().status, 200);
    user.leave_the_group();
    other.leave_the_group();
    reload(&scene).await;
    assert!(http.is_closed().await && gone.is_closed().await);
    let both = || async { (scene.records("cut").len() == 2).then_some(()) };
    wait::until("both cuts", both).await;
    let reason = |user: &User| {
        let name = format!("local:{}", user.name);
        let cuts = scene.records("cut");
        let cut = cuts.iter().find(|cut| cut["client.user.name"] == name).unwrap();
        cut["event.reason"].as_str().unwrap().to_owned()
    };
    assert_eq!(reason(&user), "client_changed");
    assert_eq!(reason(&other), "local_user_not_listed");
    let mut again = Http::over(connect_as(user.uid, &socket).await.unwrap());
    assert_eq!(
        again.get("/v1/whoami").await.unwrap().json()["roles"],
        serde_json::json!(["monitor"])
    );
    scene.nothing_reached_tsm();
}

/// R65: a role that an entry gains or loses counts for the next request of an open connection
#[tokio::test]
async fn roles_are_asked_for_at_each_request() {
    let scene = scene(&entry("user = \"root\"", "[\"monitor\"]")).await;
    let mut http = Http::over(connect_as(0, &scene.local_socket()).await.unwrap());
    let status = "/api/0.5/status";
    assert_eq!(http.get(status).await.unwrap().status, 200);
    let local = |roles: &str| entry("user = \"root\"", roles);
    scene.edit(&local("[\"monitor\"]"), &local("[]"));
    reload(&scene).await;
    let answer = http.get(status).await.unwrap();
    assert_eq!((answer.status, answer.code().unwrap()), (403, "not_permitted".to_owned()));
    scene.edit(&local("[]"), &local("[\"monitor\"]"));
    reload(&scene).await;
    assert_eq!(http.get(status).await.unwrap().status, 200);
    let seen = scene.tsm.requests().into_iter().filter(|one| one.target == status).count();
    assert_eq!(seen, 2);
}

/// The socket stays where it is: another place takes a restart, and what was before goes on
#[tokio::test]
async fn another_place_takes_a_restart() {
    let mut scene = scene(&entry("user = \"root\"", LOGIN)).await;
    let socket = scene.local_socket();
    scene.edit("run/local.sock", "run/other.sock");
    let fault = scene.daemon.as_ref().unwrap().reload().await.unwrap_err();
    assert_eq!(fault, "restart needed: listen.local changed");
    cookie_of(login_as(0, &socket).await.unwrap());
    scene.stop().await;
    // what listens there no more says so
    assert!(login_as(0, &socket).await.is_err());
    scene.start_again().await;
    cookie_of(login_as(0, &scene.path("run/other.sock")).await.unwrap());
}

/// R54: a stop cuts who is idle at once, and says so to nobody as a refusal
#[tokio::test]
async fn a_stop_cuts_who_is_idle() {
    let mut scene = scene(&entry("user = \"root\"", LOGIN)).await;
    let mut stream = connect_as(0, &scene.local_socket()).await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    let since = Instant::now();
    scene.stop().await;
    assert!(since.elapsed() < Duration::from_secs(4), "{:?}", since.elapsed());
    assert!(until_closed(&mut stream).await.0.is_empty());
    assert!(scene.records("refused").is_empty() && scene.records("cut").is_empty());
    scene.verify();
}
