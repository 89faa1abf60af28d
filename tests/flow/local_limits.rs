//! One user of this host cannot take what is another's: rates, places and limits are each user's own.

use tests::http::Http;
use tests::local::{User, can_make_users, connect_as, entry, login_as};
use tests::peer::{cookie_of, refusal_of};
use tests::{Scene, SceneOptions, wait};
use tsmgate_gate::admission::local::CONNECTIONS_PER_USER;
use tsmgate_wire::Answer;

use crate::support::in_words;

const LOGIN: &str = "[\"login\"]";

/// R21: who connects faster than his rate is cut, listed or not; another is not, and the record does not grow
#[tokio::test]
async fn a_user_over_his_rate_is_cut_and_no_other() {
    if !can_make_users() {
        return;
    }
    let (user, stranger) = (User::make(), User::make());
    let options = SceneOptions {
        admission: "source_rate = { per_minute = 1, burst = 3 }".into(),
        ..SceneOptions::default()
    };
    let entries = entry(&format!("user = \"{}\"", user.name), LOGIN);
    let mut scene = Scene::with(options.with_local(&entries)).await;
    let socket = scene.local_socket();
    for _ in 0..13 {
        let error = login_as(stranger.uid, &socket).await.unwrap_err();
        assert!(["closed", "reset"].contains(&refusal_of(&error).as_str()), "{error}");
    }
    for _ in 0..3 {
        cookie_of(login_as(user.uid, &socket).await.unwrap());
    }
    login_as(user.uid, &socket).await.unwrap_err();
    assert_eq!(scene.tsm.counts().cookies, 3);
    scene.stop().await;
    let of = |reason: &str, uid: u32| {
        let (mut records, id) = (scene.records("refused"), uid.to_string());
        records.retain(|one| one["event.reason"] == reason && one["user.id"] == *id);
        let count = |one: &serde_json::Value| one["tsmgate.count"].as_u64().unwrap_or(1);
        (records.len(), records.iter().map(count).sum::<u64>())
    };
    assert_eq!(of("local_user_not_listed", stranger.uid), (2, 3));
    assert_eq!(of("source_over_rate", stranger.uid), (2, 10));
    assert_eq!(of("source_over_rate", user.uid), (1, 1));
}

/// R21: one user has so many connections and no more; another still comes in, and a place that is free is free
#[tokio::test]
async fn a_user_has_so_many_places() {
    if !can_make_users() {
        return;
    }
    let (user, other) = (User::make(), User::make());
    let of = |user: &User| entry(&format!("user = \"{}\"", user.name), "[\"monitor\"]");
    let options = SceneOptions::api("[]").with_local(&(of(&user) + &of(&other)));
    let scene = Scene::with(options).await;
    let socket = scene.local_socket();
    let mut open = Vec::new();
    for _ in 0..CONNECTIONS_PER_USER {
        let mut http = Http::over(connect_as(user.uid, &socket).await.unwrap());
        assert_eq!(http.get("/v1/whoami").await.unwrap().status, 200);
        open.push(http);
    }
    let mut beyond = Http::over(connect_as(user.uid, &socket).await.unwrap());
    assert!(beyond.get("/v1/whoami").await.is_err());
    let refused = scene.refusal("local_full").await;
    assert_eq!(
        (&refused["tsmgate.stage"], &refused["user.id"]),
        (&"admit".into(), &user.uid.to_string().into())
    );
    let mut http = Http::over(connect_as(other.uid, &socket).await.unwrap());
    assert_eq!(http.get("/v1/whoami").await.unwrap().status, 200);
    let door = scene.daemon.as_ref().unwrap().status().local.unwrap();
    let callers: Vec<_> = door.callers.into_iter().map(|one| (one.name, one.connections)).collect();
    let named = |user: &User, count| (format!("local:{}", user.name), count);
    assert_eq!(callers, [named(&user, CONNECTIONS_PER_USER), named(&other, 1)]);
    open.pop();
    wait::until("a free place", || async {
        let mut http = Http::over(connect_as(user.uid, &socket).await.unwrap());
        http.get("/v1/whoami").await.is_ok().then_some(())
    })
    .await;
}

/// R22: the members of a group have their limits each for himself
#[tokio::test]
async fn members_of_a_group_have_their_own_limits() {
    if !can_make_users() {
        return;
    }
    let users = [User::make(), User::make()];
    let entries: String = users
        .iter()
        .map(|user| {
            entry(&format!("group = \"{}\"", user.name), LOGIN)
                + "limits = { logins = { per_minute = 1, burst = 1 } }\n"
        })
        .collect();
    let scene = Scene::with(SceneOptions::default().with_local(&entries)).await;
    let socket = scene.local_socket();
    for user in &users {
        assert!(matches!(login_as(user.uid, &socket).await.unwrap(), Answer::Granted(_)));
        let told = in_words(login_as(user.uid, &socket).await.unwrap());
        assert!(told.starts_with("over_limit; retry in "), "{told}");
    }
    assert_eq!(scene.tsm.counts().cookies, 2);
    let refused = scene.refusal("client_over_rate").await;
    assert_eq!(refused["client.user.name"], format!("local:{}", users[0].name));
}
