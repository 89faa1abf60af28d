//! Where a call cannot be recorded it does not happen, and where its outcome cannot, the cookie stays.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use tests::peer::{call, cookie_of, timed};
use tests::{Scene, wait};
use tsmgate_server::audit::verify::verify;
use tsmsim::Behaviour;

use crate::support::{SOON, calls_at_tsm, in_words, outcomes, phase};

/// R42: without a folder for the record a call is refused before TSM is asked; with it back, all works
#[tokio::test]
async fn a_call_without_a_record_does_not_happen() {
    let scene = Scene::start().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    std::fs::rename(scene.path("log"), scene.path("gone")).unwrap();
    for sequence in 2..5 {
        let (answer, time) = timed(call(&mut stream, sequence)).await;
        assert_eq!(in_words(answer.unwrap()), "audit_unavailable");
        assert!(time < SOON, "{time:?}");
    }
    assert_eq!(scene.tsm.counts().connections, 1);
    std::fs::rename(scene.path("gone"), scene.path("log")).unwrap();
    cookie_of(call(&mut stream, 5).await.unwrap());
    assert_eq!(scene.tsm.counts().connections, 2);
    assert_eq!(outcomes(&scene), ["success", "success"]);
    assert!(scene.records("records-lost")[0]["tsmgate.count"].as_u64() >= Some(1));
    assert_eq!(scene.verify().first, 1);
}

/// R42: a folder that is deleted and made anew gets a new file, which goes on with the chain
#[tokio::test]
async fn a_new_folder_gets_a_new_file() {
    let scene = Scene::start().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    let before = scene.verify().head;
    std::fs::remove_dir_all(scene.path("log")).unwrap();
    assert_eq!(in_words(call(&mut stream, 2).await.unwrap()), "audit_unavailable");
    std::fs::create_dir(scene.path("log")).unwrap();
    cookie_of(call(&mut stream, 3).await.unwrap());
    assert_eq!(scene.verify().first, before.sequence + 1);
    assert_eq!(scene.tsm.counts().connections, 2);
}

/// R42: a symlink in the file's place is not followed, and nothing is written where it leads
#[tokio::test]
async fn a_symlink_in_the_files_place_is_not_followed() {
    let scene = Scene::start().await;
    let file = scene.path("log/audit.jsonl");
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    scene.write("victim", "", 0o600);
    std::fs::rename(&file, scene.path("log/aside")).unwrap();
    std::os::unix::fs::symlink(scene.path("victim"), &file).unwrap();
    assert_eq!(in_words(call(&mut stream, 2).await.unwrap()), "audit_unavailable");
    assert_eq!(std::fs::read(scene.path("victim")).unwrap(), b"");
    assert_eq!(scene.tsm.counts().connections, 1);
    std::fs::rename(scene.path("log/aside"), &file).unwrap();
    cookie_of(call(&mut stream, 3).await.unwrap());
    scene.verify();
}

/// R42: a new file that others may write is not written into, and calls are refused until they may not
#[tokio::test]
async fn a_new_file_that_others_may_write_is_refused() {
    let scene = Scene::start().await;
    let file = scene.path("log/audit.jsonl");
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    cookie_of(call(&mut stream, 1).await.unwrap());
    // as a rotation does that makes the next file itself
    scene.write("log/next", "", 0o666);
    std::fs::hard_link(&file, scene.path("log/aside")).unwrap();
    std::fs::rename(scene.path("log/next"), &file).unwrap();
    for sequence in 2..4 {
        assert_eq!(in_words(call(&mut stream, sequence).await.unwrap()), "audit_unavailable");
    }
    let status = scene.daemon.as_ref().unwrap().status();
    assert!(!status.audit_writable && !status.ready, "{status:?}");
    assert_eq!(std::fs::read(&file).unwrap(), b"");
    assert_eq!(scene.tsm.counts().connections, 1);
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    cookie_of(call(&mut stream, 4).await.unwrap());
    let before = std::fs::read(scene.path("log/aside")).unwrap();
    let head = verify(before.as_slice(), None).unwrap().head;
    assert_eq!(scene.verify().first, head.sequence + 1);
}

/// R42: an outcome that cannot be recorded keeps the cookie here, and that it did is not forgotten
#[tokio::test]
async fn a_cookie_whose_outcome_has_no_record_does_not_leave() {
    let scene = Scene::start().await;
    scene.tsm.behave_next(Behaviour::Delay(Duration::from_millis(500)));
    let peer = scene.peer("jump01");
    let caller = tokio::spawn(async move {
        let mut stream = peer.connect().await.unwrap();
        let answer = in_words(call(&mut stream, 1).await.unwrap());
        (answer, stream)
    });
    calls_at_tsm(&scene, 1).await;
    std::fs::rename(scene.path("log"), scene.path("gone")).unwrap();
    let (answer, mut stream) = caller.await.unwrap();
    assert_eq!(answer, "audit_unavailable");
    assert_eq!(scene.tsm.counts().cookies, 1);
    std::fs::rename(scene.path("gone"), scene.path("log")).unwrap();

    cookie_of(call(&mut stream, 2).await.unwrap());
    assert_eq!(phase(&scene, "intent").len(), 2);
    let granted = outcomes(&scene).into_iter().filter(|outcome| outcome == "success").count();
    assert_eq!(granted, 1, "the first has an outcome that it cannot have");
    // the call of which only the intent was on file is accounted for: by its outcome, where that came
    // just late enough, or by the count of what could not be recorded
    wait::until("what became of the first call", || async {
        let withheld = outcomes(&scene).into_iter().find(|outcome| outcome == "audit_unavailable");
        let lost = scene.records("records-lost").into_iter();
        let mut lost = lost.filter_map(|record| record["tsmgate.count"].as_u64());
        withheld.map(drop).or_else(|| lost.any(|count| count > 0).then_some(()))
    })
    .await;
    scene.verify();
}

/// A small file system over a folder; gone when dropped, also by a panic.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// `None` where the host does not allow it.
    fn over(folder: PathBuf) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=128k,mode=0755", "tmpfs"]).arg(&folder);
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self(folder));
        }
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "mounting a tmpfs is not allowed");
        eprintln!("LEFT OUT: mounting a tmpfs is not allowed");
        None
    }

    /// Fills it to the last page.
    fn fill(&self) {
        use std::io::Write;
        let mut filler = std::fs::File::create(self.0.join("filler")).unwrap();
        while filler.write_all(&[b'x'; 4096]).is_ok() {}
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // lazily: the daemon still holds its file
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// R42: on a full disk a call is on record and granted, or refused; with room again all works
#[tokio::test]
async fn a_full_disk_refuses_calls_and_leaves_no_half_line() {
    let mut scene = Scene::start().await;
    scene.stop().await;
    let Some(disk) = SmallDisk::over(scene.path("log")) else { return };
    scene.start_again().await;
    let mut stream = scene.peer("jump01").connect().await.unwrap();
    cookie_of(call(&mut stream, 0).await.unwrap());
    disk.fill();
    let (mut granted, mut refused) = (1, 0);
    for sequence in 1..10 {
        match in_words(call(&mut stream, sequence).await.unwrap()).as_str() {
            "granted" => granted += 1,
            "audit_unavailable" => refused += 1,
            other => panic!("{other}"),
        }
        let outcomes = outcomes(&scene);
        let recorded = outcomes.iter().filter(|outcome| *outcome == "success").count();
        assert_eq!(recorded, granted, "a cookie without a record");
        scene.verify();
    }
    assert!(refused >= 7, "the disk was not full: {granted} granted");
    // whatever TSM was asked for has its intent on file
    let intents = phase(&scene, "intent").len() as u64;
    assert_eq!(scene.tsm.counts().connections, intents);
    disk.empty();
    cookie_of(call(&mut stream, 10).await.unwrap());
    assert!(!scene.records("records-lost").is_empty());
    drop(stream);
    scene.stop().await;
    assert_eq!(scene.verify().first, 1);
}

/// R42: a torn line on a full disk keeps the daemon from starting, and no longer than the disk is full
#[tokio::test]
async fn a_torn_line_on_a_full_disk_waits_for_room() {
    let mut scene = Scene::start().await;
    scene.stop().await;
    let Some(disk) = SmallDisk::over(scene.path("log")) else { return };
    // the last page has room for the beginning of a record, and no more
    scene.write("log/audit.jsonl", &"x".repeat(4096 - 20), 0o640);
    disk.fill();
    assert!(tsmgate_server::daemon::Daemon::start(scene.load().unwrap()).await.is_err());
    disk.empty();
    scene.start_again().await;
    scene.peer("jump01").cookie().await;
    assert_eq!(scene.verify().torn, 1);
}
