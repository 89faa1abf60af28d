//! One chain, whatever happens to the file: rotation, crashes, other people's hands.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Write};

use tests::{Scene, wait};
use tsmgate_server::audit::chain::{Head, Link};
use tsmgate_server::audit::verify::{Broken, Verified, verify};
use tsmgate_server::daemon::{Daemon, StartFault};

use crate::support::outcomes;

const FILE: &str = "log/audit.jsonl";

fn check(scene: &Scene, name: &str, expected: Option<&Head>) -> Result<Verified, Broken> {
    verify(BufReader::new(File::open(scene.path(name)).unwrap()), expected)
}

fn append(scene: &Scene, bytes: &[u8]) {
    let file = OpenOptions::new().append(true).open(scene.path(FILE));
    file.unwrap().write_all(bytes).unwrap();
}

async fn stopped_after_one_call() -> Scene {
    let mut scene = Scene::start().await;
    scene.peer("jump01").cookie().await;
    scene.stop().await;
    scene
}

/// R45: a file that is moved away is begun anew, and the new one goes on with the old one's chain
#[tokio::test]
async fn a_rotated_file_continues_the_chain() {
    let scene = Scene::start().await;
    scene.peer("jump01").cookie().await;
    std::fs::rename(scene.path(FILE), scene.path("log/old.jsonl")).unwrap();
    scene.peer("jump01").cookie().await;
    let old = check(&scene, "log/old.jsonl", None).unwrap();
    let new = check(&scene, FILE, None).unwrap();
    assert_eq!(old.first, 1);
    assert_eq!(new.first, old.head.sequence + 1);
    let mut both = std::fs::read(scene.path("log/old.jsonl")).unwrap();
    both.extend(std::fs::read(scene.path(FILE)).unwrap());
    let both = verify(both.as_slice(), Some(&old.head)).unwrap();
    assert_eq!((both.first, both.head), (1, new.head));
    assert_eq!(outcomes(&scene), ["success"]);
}

/// R45: a file that is deleted is begun anew at once, and what is missing shows
#[tokio::test]
async fn a_deleted_file_is_begun_anew_and_shows() {
    let scene = Scene::start().await;
    scene.peer("jump01").cookie().await;
    let first = first_head(&scene);
    let before = check(&scene, FILE, None).unwrap();
    std::fs::remove_file(scene.path(FILE)).unwrap();
    scene.peer("jump01").cookie().await;
    let after = check(&scene, FILE, None).unwrap();
    assert_eq!(after.first, before.head.sequence + 1);
    // the new file follows on the head of the old one, and on nothing before it
    assert!(check(&scene, FILE, Some(&before.head)).is_ok());
    let missing = check(&scene, FILE, Some(&first));
    assert!(matches!(missing, Err(Broken::HeadBefore { .. })), "{missing:?}");
}

/// R45: a noted head is found again while the file grows, and missed once the tail was cut
#[tokio::test]
async fn a_cut_tail_shows_against_a_noted_head() {
    let mut scene = Scene::start().await;
    scene.peer("jump01").cookie().await;
    let noted = scene.verify().head;
    scene.peer("jump01").cookie().await;
    scene.stop().await;
    assert!(check(&scene, FILE, Some(&noted)).is_ok());
    let text = std::fs::read_to_string(scene.path(FILE)).unwrap();
    let kept = usize::try_from(noted.sequence).unwrap() - 1;
    let cut: String = text.lines().take(kept).map(|line| format!("{line}\n")).collect();
    scene.write(FILE, &cut, 0o640);
    assert!(check(&scene, FILE, None).is_ok(), "the rest is a chain of its own");
    match check(&scene, FILE, Some(&noted)) {
        Err(Broken::Head { found, expected }) => {
            assert_eq!((found.sequence, expected), (noted.sequence - 1, noted));
        }
        other => panic!("{other:?}"),
    }
}

/// R45: a line that a crash left half written is closed at the next start, and accounted for
#[tokio::test]
async fn a_torn_line_is_closed_at_the_next_start() {
    let mut scene = stopped_after_one_call().await;
    append(&scene, b"{\"@timestamp\":\"2026-01-01T00:00:00Z\",\"event.seq");
    assert!(matches!(check(&scene, FILE, None), Err(Broken::Unfinished { .. })));
    scene.start_again().await;
    scene.peer("jump01").cookie().await;
    let verified = check(&scene, FILE, None).unwrap();
    assert_eq!((verified.first, verified.torn), (1, 1));
    let text = std::fs::read_to_string(scene.path(FILE)).unwrap();
    let recovered = text.lines().find(|line| line.contains("\"recovered\"")).unwrap();
    let recovered: serde_json::Value = serde_json::from_str(recovered).unwrap();
    assert_eq!(recovered["tsmgate.audit.torn_bytes"], 47);
}

/// R45: a first line that is torn is closed as well
#[tokio::test]
async fn a_torn_first_line_is_closed() {
    let mut scene = Scene::start().await;
    scene.stop().await;
    scene.write(FILE, "{\"@timesta", 0o640);
    scene.start_again().await;
    scene.peer("jump01").cookie().await;
    let verified = check(&scene, FILE, None).unwrap();
    assert_eq!((verified.first, verified.torn), (1, 1));
}

/// R45: a line that lacks nothing but its end is whole again after the next start
#[tokio::test]
async fn a_line_torn_at_its_very_end_is_whole_again() {
    let mut scene = stopped_after_one_call().await;
    let whole = check(&scene, FILE, None).unwrap();
    let text = std::fs::read_to_string(scene.path(FILE)).unwrap();
    scene.write(FILE, text.strip_suffix('\n').unwrap(), 0o640);
    scene.start_again().await;
    scene.peer("jump01").cookie().await;
    let verified = check(&scene, FILE, Some(&whole.head)).unwrap();
    assert_eq!(verified.first, 1);
}

/// R45: what somebody else writes into the file while the daemon runs shows, and service goes on
#[tokio::test]
async fn a_line_of_somebody_else_shows() {
    for foreign in ["{\"event.action\":\"login\"}\n", "half a line", "\n"] {
        let scene = Scene::start().await;
        scene.peer("jump01").cookie().await;
        append(&scene, foreign.as_bytes());
        scene.peer("jump01").cookie().await;
        scene.peer("jump01").cookie().await;
        let found = check(&scene, FILE, None);
        assert!(matches!(found, Err(Broken::At { .. })), "{foreign:?}: {found:?}");
    }
}

/// R45: a file that is cut while the daemon runs shows, and service goes on
#[tokio::test]
async fn a_file_cut_under_the_daemon_shows() {
    let scene = Scene::start().await;
    scene.peer("jump01").cookie().await;
    let text = std::fs::read_to_string(scene.path(FILE)).unwrap();
    let kept = text.find('\n').unwrap() + 1;
    let file = OpenOptions::new().write(true).open(scene.path(FILE)).unwrap();
    file.set_len(kept as u64).unwrap();
    scene.peer("jump01").cookie().await;
    match check(&scene, FILE, None) {
        Err(Broken::At { line, .. }) => assert_eq!(line, 2),
        other => panic!("{other:?}"),
    }
}

/// R45: the daemon does not start on a file that ends in something else than a record
#[tokio::test]
async fn a_file_that_is_no_chain_is_not_continued() {
    let scene = stopped_after_one_call().await;
    for foreign in ["not a record\n", "{\"event.action\":\"login\"}\n", "\n"] {
        let before = std::fs::read(scene.path(FILE)).unwrap();
        append(&scene, foreign.as_bytes());
        let fault = Daemon::start(scene.load().unwrap()).await.err();
        assert!(matches!(fault, Some(StartFault::Audit(_))), "{foreign:?}: {fault:?}");
        std::fs::write(scene.path(FILE), before).unwrap();
    }
    let started = Daemon::start(scene.load().unwrap()).await;
    started.unwrap().stop().await;
    wait::until("a whole chain", || async { check(&scene, FILE, None).ok() }).await;
}

/// The head as it was after the first line.
fn first_head(scene: &Scene) -> Head {
    let text = std::fs::read_to_string(scene.path(FILE)).unwrap();
    let line = text.lines().next().unwrap().as_bytes();
    Link::read(line).unwrap().head(line)
}
