//! Who may, by what the user database says or does not say.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use super::*;

fn callers(users: &[u32], groups: &[u32]) -> Callers {
    Callers { users: users.iter().copied().collect(), groups: groups.iter().copied().collect() }
}

#[test]
fn only_who_is_listed_or_a_member_may() {
    let member = Some(Some(Account { name: "dora".to_owned(), groups: vec![7, 8] }));
    let nobody = Some(None);
    let refused = Err(Denial::NotListed);
    let table = [
        (callers(&[1], &[]), &member, Ok(())),
        (callers(&[1], &[]), &nobody, Ok(())),
        (callers(&[2], &[8]), &member, Ok(())),
        (callers(&[2], &[9]), &member, refused.clone()),
        (callers(&[2], &[9]), &nobody, refused.clone()),
        (callers(&[], &[]), &member, refused.clone()),
        // root is a user as any other
        (callers(&[0], &[0]), &member, refused.clone()),
        // a database that does not answer matters only where it is needed
        (callers(&[1], &[8]), &None, Ok(())),
        (callers(&[2], &[8]), &None, Err(Denial::NotJudged)),
        (callers(&[2], &[]), &None, refused),
    ];
    for (callers, found, wanted) in table {
        assert_eq!(verdict(&callers, 1, found.as_ref()), wanted, "{callers:?} {found:?}");
    }
}

#[tokio::test]
async fn the_user_database_is_asked_for_the_name() {
    let (caller, verdict) = judge(&callers(&[0], &[]), 0).await;
    assert_eq!(caller, Caller { uid: 0, name: Some("root".to_owned()) });
    assert_eq!(verdict, Ok(()));
    let (caller, verdict) = judge(&callers(&[], &[0]), 0).await;
    assert_eq!((caller.name.as_deref(), verdict), (Some("root"), Ok(())));
    let (caller, verdict) = judge(&callers(&[0], &[0]), 3_999_999_999).await;
    assert_eq!((caller.name, verdict), (None, Err(Denial::NotListed)));
}
