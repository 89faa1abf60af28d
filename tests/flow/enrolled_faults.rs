//! What cannot be taken of the folder: a bad entry harms itself alone; a folder or a deny list that cannot be read
//! lets nobody new in and forgets nobody who is out.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use tests::scene::entry;
use tests::{Authority, Scene, SceneOptions, wait};
use tsmgate_server::status::Enrolment;

use crate::enrolled::{gets_in, is_granted, proven, readings, scene};
use crate::judged::cut_record;
use crate::support::until_closed;

const LOGIN: &str = "[\"login\"]";
/// Not root, not us, and not the owner.
const STRANGER: u32 = 12345;
/// The number of `nobody`.
const OWNER: u32 = 65534;

fn enrolment(scene: &Scene) -> Enrolment {
    scene.daemon.as_ref().unwrap().status().enrolment.unwrap()
}

fn file(scene: &Scene, name: &str) -> std::path::PathBuf {
    scene.path("gate").join(name)
}

/// What is odd about an entry, how it is made, and what is said of it.
type Bad = (&'static str, fn(&Scene), &'static str);

/// Each a file of its own: the name of the client it is called after.
const BAD: &[Bad] = &[
    ("other-name", |scene| put(scene, "other-name", &entry("old", LOGIN)), "must be `other-name`"),
    (
        "other-identity",
        |scene| {
            put(
                scene,
                "other-identity",
                &entry("other-identity", LOGIN).replace("client/other-identity", "client/old"),
            )
        },
        "must be `URI:tsmgate://client/other-identity`",
    ),
    (
        "other-kind",
        |scene| put(scene, "other-kind", &entry("other-kind", LOGIN).replace("URI:", "DNS:")),
        "must be `URI:tsmgate://client/other-kind`",
    ),
    (
        "limits",
        |scene| put(scene, "limits", &(entry("limits", LOGIN) + "limits = { in_flight = 9 }\n")),
        "unknown key `limits`",
    ),
    (
        "two",
        |scene| put(scene, "two", &(entry("two", LOGIN) + &entry("three", LOGIN))),
        "one [[client]] in such a file, and not 2",
    ),
    ("none", |scene| put(scene, "none", "client = []\n"), "and not 0"),
    ("empty", |scene| put(scene, "empty", ""), "missing field `client`"),
    ("half", |scene| put(scene, "half", "[[client]]\nname = \"ha"), "half.toml:2:"),
    (
        "binary",
        |scene| fs::write(file(scene, "clients.d/binary.toml"), [0xff, 0]).unwrap(),
        "UTF-8",
    ),
    ("role", |scene| put(scene, "role", &entry("role", "[\"logn\"]")), "did you mean `login`?"),
    (
        "not-given",
        |scene| put(scene, "not-given", &entry("not-given", "[\"login\", \"admin\"]")),
        "the role `admin` is none of enrolment.roles",
    ),
    (
        "network",
        |scene| put(scene, "network", &(entry("network", LOGIN) + "networks = [\"10.0.0.0/8\"]\n")),
        "10.0.0.0/8 is outside of admission.allow",
    ),
    (
        "of-a-stranger",
        |scene| {
            put(scene, "of-a-stranger", &entry("of-a-stranger", LOGIN));
            chown(file(scene, "clients.d/of-a-stranger.toml"), Some(STRANGER), None).unwrap();
        },
        "belongs to uid 12345",
    ),
    (
        "for-all",
        |scene| {
            put(scene, "for-all", &entry("for-all", LOGIN));
            let mode = Permissions::from_mode(0o666);
            fs::set_permissions(file(scene, "clients.d/for-all.toml"), mode).unwrap();
        },
        "can be written by others",
    ),
    (
        "link",
        |scene| {
            scene.write("link.toml", &entry("link", LOGIN), 0o644);
            symlink(scene.path("link.toml"), file(scene, "clients.d/link.toml")).unwrap();
        },
        "is not a regular file",
    ),
    (
        "large",
        |scene| put(scene, "large", &(entry("large", LOGIN) + &"#\n".repeat(32 * 1024))),
        "is larger than 8192 bytes",
    ),
    ("no name", |scene| put(scene, "no name", &entry("no name", LOGIN)), "letters, digits or"),
    (
        "old",
        |scene| put(scene, "old", &entry("old", "[\"login\", \"monitor\"]")),
        "old.toml: its name is that of the configuration's client `old`",
    ),
    (
        "theirs",
        |scene| put(scene, "theirs", &entry("theirs", LOGIN)),
        "theirs.toml: its identity is that of the configuration's client `elsewhere`",
    ),
];

fn put(scene: &Scene, name: &str, text: &str) {
    scene.publish(&format!("clients.d/{name}.toml"), text);
}

/// The only roles there may be, and a client of the configuration with an identity that somebody else claims.
fn more() -> String {
    let theirs = entry("elsewhere", "[\"monitor\"]");
    let theirs = theirs.replace("client/elsewhere", "client/theirs");
    format!("roles = [\"login\", \"monitor\"]\n{theirs}")
}

/// R46: an entry that says more than its client, or that others may have written, is left out with a sentence,
/// and keeps nobody else out
#[tokio::test]
async fn a_bad_entry_is_left_out_alone() {
    let scene = scene(&more()).await;
    for (number, (name, spoil, says)) in BAD.iter().enumerate() {
        spoil(&scene);
        wait::until(name, || async { (enrolment(&scene).left_out == number + 1).then_some(()) })
            .await;
        let status = scene.daemon.as_ref().unwrap().status();
        let told = |all: &[String]| all.iter().any(|one| one.contains(says));
        assert!(told(&status.warnings), "{name}: {:?}", status.warnings);
        assert!(told(&status.enrolment.unwrap().trouble), "{name}");
        assert!(status.ready, "{name}: {:?}", status.trouble);
    }
    for (number, (name, ..)) in BAD.iter().enumerate() {
        if !["old", "no name"].contains(name) {
            // an address each: several failures of one are summed up, and end in a ban
            let peer = scene.peer(name).from(&format!("127.0.2.{}", number + 1));
            assert!(!is_granted(&peer).await, "{name} was let in");
        }
    }
    scene.nothing_reached_tsm();
    // `theirs` is a client of the configuration, which may not log in
    wait::until("the refusals", || async {
        let refused = scene.records("refused").into_iter();
        let unknown = refused.filter(|line| line["event.reason"] == "client_unknown").count();
        (unknown == BAD.len() - 3).then_some(())
    })
    .await;
    scene.refusal("permission_missing").await;

    scene.joins("good");
    gets_in(&scene.peer("good")).await;
    let status = enrolment(&scene);
    assert_eq!((status.clients, status.left_out), (1, BAD.len()));
    // the configuration's own entry counts, and is as it was
    scene.peer("old").cookie().await;
    assert!(readings(&scene, "failure").is_empty());
    // also for a start
    assert_eq!(scene.load().unwrap().snapshot.policy.enrolled().len(), 1);
}

/// R46: files of the owner count in the folder, and nowhere else
#[tokio::test]
async fn the_owners_files_count_there_alone() {
    let scene = scene("").await;
    scene.joins("new01");
    let of_owner = |path: &std::path::Path| chown(path, Some(OWNER), None).unwrap();
    for name in ["", "clients.d", "clients.d/new01.toml", "revoked.toml", "clients.crl"] {
        of_owner(&file(&scene, name));
    }
    gets_in(&scene.peer("new01")).await;
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    scene.write("clients.d/more.toml", &entry("more", LOGIN), 0o644);
    for name in ["tsmgated.toml", "client-ca.pem", "clients.d/more.toml"] {
        of_owner(&scene.path(name));
        let fault = scene.daemon.as_ref().unwrap().reload().await.unwrap_err();
        assert!(fault.contains(name) && fault.contains("belongs to uid 65534"), "{fault}");
        assert!(scene.load().is_err(), "{name}");
        chown(scene.path(name), Some(0), None).unwrap();
    }
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    scene.peer("more").cookie().await;
}

/// What can be wrong with the deny list or the folder, and what is said of it.
const FAULTS: &[Bad] = &[
    ("half", |scene| scene.publish("revoked.toml", "serials = [\n\"01\",\n"), "revoked.toml:"),
    ("empty", |scene| scene.publish("revoked.toml", ""), "missing field `serials`"),
    ("no serial", |scene| scene.publish("revoked.toml", "serials = [\"xyz\"]"), "`xyz` is not"),
    ("a key", |scene| scene.publish("revoked.toml", "serials = []\nserial = 1"), "`serials`?"),
    ("gone", |scene| fs::remove_file(file(scene, "revoked.toml")).unwrap(), "revoked.toml"),
    (
        "of a stranger",
        |scene| chown(file(scene, "revoked.toml"), Some(STRANGER), None).unwrap(),
        "belongs to uid 12345",
    ),
    (
        "a folder for all",
        |scene| fs::set_permissions(file(scene, ""), Permissions::from_mode(0o777)).unwrap(),
        "can be written by others",
    ),
    (
        "entries for all",
        |scene| {
            fs::set_permissions(file(scene, "clients.d"), Permissions::from_mode(0o777)).unwrap()
        },
        "can be written by others",
    ),
    (
        "no entries",
        |scene| fs::rename(file(scene, "clients.d"), scene.path("away")).unwrap(),
        "clients.d",
    ),
    ("no folder", |scene| fs::rename(file(scene, ""), scene.path("away")).unwrap(), "gate"),
];

/// R53: where the folder or its deny list cannot be read, a start fails; while the gate runs, whoever is out stays
/// out, whoever is in stays in, nobody new comes in, and log, status, metrics and audit say so
#[tokio::test]
async fn what_cannot_be_read_loosens_nothing() {
    for (case, spoil, says) in FAULTS {
        let scene = scene("").await;
        let revoked = scene.authority.client("new01");
        let (out, stays) = (scene.peer_with(Some(&revoked)), scene.peer("new02"));
        scene.joins("new01");
        scene.joins("new02");
        gets_in(&out).await;
        scene.revokes(&[&revoked.serial]);
        wait::until("the revocation", || async { out.login().await.err() }).await;
        let mut open = proven(&stays).await;
        let asked = scene.tsm.counts().connections;

        spoil(&scene);
        let record = wait::until(case, || async { readings(&scene, "failure").pop() }).await;
        let message = record["error.message"].as_str().unwrap();
        assert!(message.contains(says), "{case}: {message}");
        let status = scene.daemon.as_ref().unwrap().status();
        let enrolment = status.enrolment.as_ref().unwrap();
        assert!(
            !enrolment.readable && enrolment.trouble[0].contains(says),
            "{case}: {enrolment:?}"
        );
        assert!(status.warnings.iter().any(|one| one.contains(says)), "{case}");
        assert!(status.reload.as_ref().unwrap().fault.is_some(), "{case}");
        assert!(status.ready, "{case}: {:?}", status.trouble);
        let fault = scene.load().expect_err(case).to_string();
        assert!(fault.contains(says), "{case}: {fault}");

        // as somebody who may still write there would; where there is nothing left to write to, nobody is new
        if file(&scene, "clients.d").is_dir() {
            scene.joins("new03");
            wait::until(case, || async { (readings(&scene, "failure").len() > 1).then_some(()) })
                .await;
            assert!(scene.peer("new03").login().await.is_err(), "{case}: somebody new was let in");
        }
        // nothing there keeps the administrator's own changes from counting
        scene.daemon.as_ref().unwrap().reload().await.expect(case);
        assert!(out.login().await.is_err(), "{case}: a revoked certificate was let in");
        assert_eq!(scene.tsm.counts().connections, asked, "{case}");
        tests::peer::call(&mut open, 2).await.expect(case);
        stays.cookie().await;
        let cuts = scene.records("cut");
        assert!(cuts.iter().all(|cut| cut["client.user.name"] == "new01"), "{case}: {cuts:?}");
    }
}

/// R53: what is good again counts: who is new comes in, and who is out stays out
#[tokio::test]
async fn a_list_that_is_mended_counts() {
    let scene = scene("").await;
    let out = scene.authority.client("new01");
    scene.joins("new01");
    gets_in(&scene.peer("new01")).await;
    scene.revokes(&[&out.serial]);
    let out = (scene.peer_with(Some(&out)), out.serial);
    wait::until("the revocation", || async { out.0.login().await.err() }).await;
    scene.publish("revoked.toml", "");
    wait::until("the fault", || async { readings(&scene, "failure").pop() }).await;
    scene.joins("new02");
    scene.revokes(&[&out.1]);
    gets_in(&scene.peer("new02")).await;
    assert!(out.0.login().await.is_err());
    let status = scene.daemon.as_ref().unwrap().status();
    assert!(status.enrolment.unwrap().readable);
    assert_eq!(status.reload.unwrap().fault, None);
}

/// R10: an entry that is taken out counts though the deny list cannot be read
#[tokio::test]
async fn who_is_taken_out_is_cut_all_the_same() {
    let scene = scene("").await;
    scene.joins("new01");
    let joined = scene.peer("new01");
    gets_in(&joined).await;
    let mut open = proven(&joined).await;
    scene.publish("revoked.toml", "");
    scene.leaves("new01");
    assert!(until_closed(&mut open).await.0.is_empty());
    assert_eq!(cut_record(&scene).await["event.reason"], "client_unknown");
    assert!(joined.login().await.is_err());
}

/// R53: a list of the folder is missing, and the gate does not start
#[tokio::test]
async fn a_missing_revocation_list_is_a_fault() {
    let authority = Authority::new("tests");
    let mut options = SceneOptions::enrolling(&authority, "");
    options.files.retain(|(name, _)| name != "gate/clients.crl");
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::prepare(folder, authority, &options).await;
    let fault = scene.load().unwrap_err().to_string();
    assert!(fault.contains("gate/clients.crl"), "{fault}");
    scene.write("gate/clients.crl", &scene.authority.revocation_list(&[]), 0o644);
    scene.load().unwrap();
}

/// R10, R53: a revocation list of the service's that is no good any more goes on as it was, and keeps nobody else's
/// revocation from counting; a good one counts again
#[tokio::test]
async fn a_list_that_is_no_good_keeps_nothing_else_from_counting() {
    let scene = scene("").await;
    let authority = &scene.authority;
    let [by_list, by_hand] = ["new01", "old"].map(|name| authority.client(name));
    scene.joins("new01");
    gets_in(&scene.peer_with(Some(&by_list))).await;
    scene.publish("clients.crl", &authority.revocation_list(&[&by_list.serial]));
    let (listed, denied) = (scene.peer_with(Some(&by_list)), scene.peer_with(Some(&by_hand)));
    wait::until("the list", || async { listed.login().await.err() }).await;
    denied.cookie().await;

    let stranger = tests::Authority::new("a stranger's");
    for (case, says, text) in [
        ("garbage", "there is no revocation list in it", "no list".to_owned()),
        ("an older one", "older than the one in force", {
            let now = time::OffsetDateTime::now_utc();
            let day = time::Duration::DAY;
            authority.revocation_list_of(&[], now - day, now + day)
        }),
    ] {
        let kept = |why: &str| format!("{why}; the last one that was good goes on counting");
        let is_kept = |status: &tsmgate_server::status::Status| {
            status.warnings.iter().any(|one| one.ends_with(&kept(says)))
        };
        scene.publish("clients.crl", &text);
        let status = wait::until(case, || async {
            Some(scene.daemon.as_ref().unwrap().status()).filter(is_kept)
        })
        .await;
        assert!(status.ready, "{case}");
        assert!(listed.login().await.is_err(), "{case}: who is on the list was let in");
    }
    // of somebody whom nobody trusts
    scene.publish("clients.crl", &stranger.revocation_list(&[]));
    let text = fs::read_to_string(scene.path("tsmgated.toml")).unwrap();
    let revoked = format!("{text}\n[revoked]\nserials = [{:?}]\n", by_hand.serial);
    scene.write("tsmgated.toml", &revoked, 0o600);
    scene.daemon.as_ref().unwrap().reload().await.unwrap();
    assert!(denied.login().await.is_err(), "an administrator's revocation does not count");
    scene.publish("clients.crl", &authority.revocation_list(&[&by_list.serial]));
    assert!(listed.login().await.is_err());
}
