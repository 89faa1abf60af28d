//! Who may, by what the user database says or does not say.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use super::*;

fn judge(users: &[u32], groups: &[&str]) -> Judge {
    Judge::new(Callers {
        users: users.iter().copied().collect(),
        groups: groups.iter().map(|&name| name.to_owned()).collect(),
    })
}

#[test]
fn who_is_not_listed_has_to_be_a_member() {
    let person = |groups: &[&str]| {
        let groups = groups.iter().map(|&name| name.to_owned()).collect();
        Person { name: "dora".to_owned(), groups }
    };
    // of the groups that were asked about
    assert_eq!(verdict(Some(&person(&["eight"]))), Ok(()));
    assert_eq!(verdict(Some(&person(&[]))), Err(Denial::NotListed));
    assert_eq!(verdict(None), Err(Denial::NotListed));
}

#[tokio::test]
async fn the_user_database_is_asked_where_a_group_may() {
    let (verdict, name) = judge(&[], &["root"]).judge(0).await;
    assert_eq!((verdict, name.known().await.as_deref()), (Ok(()), Some("root")));
    let (verdict, name) = judge(&[0], &["root"]).judge(3_999_999_999).await;
    assert_eq!((verdict, name.known().await), (Err(Denial::NotListed), None));
    // root is a user as any other
    let (verdict, _) = judge(&[1], &["daemon"]).judge(0).await;
    assert_eq!(verdict, Err(Denial::NotListed));
}

/// A database that hangs matters only where it is needed, and keeps no more threads than it may.
#[tokio::test(start_paused = true)]
async fn who_is_listed_does_not_wait_for_a_database_that_hangs() {
    let hanging = |users: &[u32], groups: &[&str]| {
        let judge = judge(users, groups);
        // as so many look-ups that do not come back
        judge.lookups.forget_permits(LOOKUPS);
        judge
    };
    let begun = Instant::now();
    let (verdict, name) = hanging(&[0], &["root"]).judge(0).await;
    assert_eq!((verdict, name.known().await), (Ok(()), None));
    let (verdict, _) = hanging(&[1], &[]).judge(0).await;
    assert_eq!(verdict, Err(Denial::NotListed));
    assert_eq!(begun.elapsed(), Duration::ZERO);
    let (verdict, _) = hanging(&[1], &["root"]).judge(0).await;
    assert_eq!((verdict, begun.elapsed()), (Err(Denial::NotJudged), LOOKUP));
}

/// The thread has the permit: whoever stops waiting for it makes no room for another.
#[tokio::test]
async fn a_lookup_gives_its_place_back_when_it_is_done() {
    let judge = judge(&[0], &[]);
    let (_, Name::Sought(lookup)) = judge.judge(0).await else { panic!("nobody is asked") };
    assert_eq!(lookup.await.unwrap().unwrap().unwrap().name, "root");
    assert_eq!(judge.lookups.available_permits(), LOOKUPS);
}
