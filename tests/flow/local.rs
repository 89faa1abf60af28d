//! Callers on this host: who they are to the gate, by the kernel and the user database, in each lane; and
//! what is not reached.

use tests::http::Http;
use tests::local::{User, can_make_users, connect_as, entry, login_as};
use tests::peer::{call, cookie_of, refusal_of};
use tests::{Scene, SceneOptions};

/// A scene with an api lane and these `[[local]]` entries.
async fn scene(entries: &str) -> Scene {
    Scene::with(SceneOptions::api("[\"monitor\"]").with_local(entries)).await
}

/// R41: a user whom an entry names gets a cookie, and both records say who he is: no address, no certificate
#[tokio::test]
async fn a_listed_user_logs_in() {
    if !can_make_users() {
        return;
    }
    let user = User::make();
    let scene = scene(&entry(&format!("user = \"{}\"", user.name), "[\"login\"]")).await;
    let cookie = cookie_of(login_as(user.uid, &scene.local_socket()).await.unwrap());
    assert_eq!(scene.tsm.cookies(), [cookie]);
    let (connections, logins) = (scene.records("connection"), scene.records("login"));
    assert_eq!((connections.len(), logins.len()), (1, 2));
    assert_eq!(connections[0]["tsmgate.local.entries"][0], format!("user {}", user.name));
    for record in connections.iter().chain(&logins) {
        assert_eq!(record["client.user.name"], format!("local:{}", user.name), "{record}");
        assert_eq!(record["client.user.roles"][0], "login");
        assert_eq!(record["user.id"], user.uid.to_string());
        assert_eq!(record["user.name"], user.name);
        assert_eq!(record["process.pid"], std::process::id());
        assert_eq!(record["network.transport"], "unix");
        for field in ["source.ip", "source.port", "tls.client.x509.serial_number"] {
            assert!(record.get(field).is_none(), "{record}");
        }
    }
    let phases: Vec<_> = logins.iter().map(|record| &record["tsmgate.phase"]).collect();
    assert_eq!(phases, ["intent", "outcome"]);
    scene.verify();
}

/// R1, R7: a user whom no entry names is closed without a byte, and recorded; TSM sees nothing. Root is no exception
#[tokio::test]
async fn who_is_not_listed_gets_nothing() {
    if !can_make_users() {
        return;
    }
    let user = User::make();
    let scene = scene(&entry("group = \"nogroup-of-another\"", "[\"login\"]")).await;
    let socket = scene.local_socket();
    for (uid, name) in [(user.uid, &*user.name), (0, "root")] {
        let error = login_as(uid, &socket).await.unwrap_err();
        assert_eq!(refusal_of(&error), "closed");
        let refused = scene.refusal("local_user_not_listed").await;
        assert_eq!(refused["tsmgate.stage"], "identify");
        let refusals = scene.records("refused");
        let last = refusals.last().unwrap();
        assert_eq!((&last["user.id"], &last["user.name"]), (&uid.to_string().into(), &name.into()));
        assert!(last.get("client.user.name").is_none(), "{last}");
    }
    assert!(scene.records("connection").is_empty());
    scene.nothing_reached_tsm();
}

/// R7: a number that the user database does not know is nobody
#[tokio::test]
async fn a_number_without_a_user_is_refused() {
    let scene = scene(&entry("user = \"root\"", "[\"login\"]")).await;
    let error = login_as(3_999_999_999, &scene.local_socket()).await.unwrap_err();
    assert_eq!(refusal_of(&error), "closed");
    let refused = scene.refusal("local_user_unknown").await;
    assert_eq!(refused["user.id"], "3999999999");
    assert!(refused.get("user.name").is_none());
    scene.nothing_reached_tsm();
}

/// R6: a group counts by the user database: here as a supplementary one, which the connecting process does not
/// even run with
#[tokio::test]
async fn a_member_of_a_listed_group_comes_in() {
    if !can_make_users() {
        return;
    }
    let user = User::make();
    let scene = scene(&entry(&format!("group = \"{}\"", user.name), "[\"login\"]")).await;
    let socket = scene.local_socket();
    cookie_of(login_as(user.uid, &socket).await.unwrap());
    user.leave_the_group();
    assert!(login_as(user.uid, &socket).await.is_err());
    scene.refusal("local_user_not_listed").await;
    assert_eq!(scene.tsm.counts().cookies, 1);
}

/// The roles of all entries that name a user are his; whose they are stands in the record
#[tokio::test]
async fn roles_are_those_of_all_entries() {
    if !can_make_users() {
        return;
    }
    let (user, other) = (User::make(), User::make());
    let entries = entry(&format!("group = \"{}\"", user.name), "[\"monitor\"]")
        + &entry(&format!("user = \"{}\"", other.name), "[\"admin\"]")
        + &entry(&format!("user = \"{}\"", user.name), "[\"login\", \"monitor\"]");
    let scene = scene(&entries).await;
    let mut http = Http::over(connect_as(user.uid, &scene.local_socket()).await.unwrap());
    let whoami = http.get("/v1/whoami").await.unwrap().json();
    assert_eq!(whoami["client"], format!("local:{}", user.name));
    assert_eq!(whoami["identity"], format!("unix:uid={}", user.uid));
    assert_eq!(whoami["roles"], serde_json::json!(["monitor", "login"]));
    assert!(whoami.get("certificate").is_none() && whoami.get("address").is_none(), "{whoami}");
    let by = &scene.records("connection")[0]["tsmgate.local.entries"];
    let both = [format!("group {}", user.name), format!("user {}", user.name)];
    assert_eq!(*by, serde_json::json!(both));
    scene.nothing_reached_tsm();
}

/// R30: the first byte says the lane: HTTP and Thrift on the same socket, and what is neither is cut
#[tokio::test]
async fn the_first_byte_says_the_lane() {
    let scene = scene(&entry("user = \"root\"", "[\"monitor\"]")).await;
    let socket = scene.local_socket();
    let mut http = Http::over(connect_as(0, &socket).await.unwrap());
    let answer = http.get("/api/0.5/status").await.unwrap();
    assert_eq!(answer.status, 200);
    let answer = http.ask("POST", "/api/0.5/disable", "", b"").await.unwrap();
    assert_eq!(answer.status, 403, "{answer:?}");
    let mut thrift = connect_as(0, &socket).await.unwrap();
    assert_eq!(call(&mut thrift, 7).await.unwrap(), tsmgate_wire::Answer::NotAuthorized);
    let mut garbage = connect_as(0, &socket).await.unwrap();
    tests::peer::send(&mut garbage, b"\x16\x03\x01 no handshake here").await.unwrap();
    assert_eq!(tests::peer::rest(&mut garbage).await.0, b"");
    let refused = scene.refusal("not_the_conversation").await;
    assert_eq!(refused["client.user.name"], "local:root");
    assert_eq!(scene.tsm.counts().cookies, 1, "the gate's own session alone");
}
