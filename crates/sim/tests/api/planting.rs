//! The cookie's literal value goes where it is planted, and nowhere else.

use tsmsim::{ApiBehaviour, Place};

use super::Stage;

#[tokio::test]
async fn honest_answers_never_hold_the_cookie() {
    let stage = Stage::new().await;
    for (method, path) in [
        ("GET", "status"),
        ("GET", "export"),
        ("POST", "cleanup"),
        ("GET", "no"),
        ("POST", "logout"),
    ] {
        let answer = stage.ask(method, path).await;
        assert!(!answer.holds(&stage.tsm.cookies().pop().unwrap()), "{path}");
    }
}

#[tokio::test]
async fn the_cookie_is_planted_where_asked() {
    let stage = Stage::new().await;
    for (place, status) in [
        (Place::Body, 200),
        (Place::Chunks(7), 200),
        (Place::Deep(1_000_000), 200),
        (Place::Error(500), 500),
        (Place::SetCookie, 200),
        (Place::Location, 302),
        (Place::Header, 200),
        (Place::Reason, 200),
    ] {
        stage.api().behave_next(ApiBehaviour::Plant(place));
        let answer = stage.ask("GET", "status").await;
        let cookie = stage.tsm.cookies().pop().unwrap();
        assert_eq!((answer.status, answer.whole), (status, true), "{place:?}");
        let headers = |name: &str| answer.headers(name).concat();
        let (holder, others) = match place {
            Place::Body | Place::Error(_) => (answer.json().to_string(), answer.head.clone()),
            Place::Chunks(_) | Place::Deep(_) => {
                assert!(!answer.holds(&cookie), "it lies across chunk borders");
                assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
                (answer.json().to_string(), answer.head.clone())
            }
            Place::SetCookie => (headers("set-cookie"), answer.json().to_string()),
            Place::Location => (headers("location"), answer.json().to_string()),
            Place::Header => (headers("x-session"), answer.json().to_string()),
            Place::Reason => {
                (answer.head.lines().next().unwrap().to_owned(), answer.json().to_string())
            }
        };
        assert!(holder.contains(&cookie), "{place:?}: {holder}");
        assert!(!others.contains(&cookie), "{place:?}");
    }
}

#[tokio::test]
async fn a_bodiless_answer_gets_a_body_to_plant_in() {
    let stage = Stage::new().await;
    stage.api().behave_next(ApiBehaviour::Plant(Place::Body));
    let answer = stage.ask("GET", "nowhere").await;
    let cookie = stage.tsm.cookies().pop().unwrap();
    assert_eq!((answer.status, answer.json()["session"].as_str()), (404, Some(cookie.as_str())));
}
