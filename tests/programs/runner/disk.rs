//! A disk that is full: what cannot be kept does not run.

use std::io::Write;
use std::process::Command;

use tests::program::{built, have};
use tsmgate_catalogue::runner::{RefusalCode, State, What};

use super::stage::{READS, Stage, is_root, start, user};

/// A runner whose state is on a small file system of its own, which nobody else sees.
fn small() -> Option<Stage> {
    if !have("unshare", "util-linux") || !have("setpriv", "util-linux") {
        return None;
    }
    if !is_root() {
        eprintln!("LEFT OUT: a file system of its own takes root");
        return None;
    }
    let mut stage = Stage::prepared(
        "echo ran >>$HAND/ran; while [ -e $HAND/wait ]; do sleep 0.02; done; seq 1 100",
        "",
    );
    let (state, user) = (stage.path("state"), user());
    let script = "mount -t tmpfs -o size=128k,mode=700,uid=$1,gid=$1 tmpfs \"$2\" && \
                  exec setpriv --reuid=$1 --regid=$1 --clear-groups \"$3\" --config \"$4\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", script, "sh", &user.to_string()]);
    command.arg(&state).arg(built("tsmgate-runner")).arg(stage.path("runner.toml"));
    stage.start_as(command);
    Some(stage)
}

/// Fills the runner's file system; the file that does.
fn fill(stage: &Stage) -> std::path::PathBuf {
    let inside = stage.path("state/filler");
    let path = std::path::PathBuf::from(format!("/proc/{}/root{}", stage.pid(), inside.display()));
    let mut file = std::fs::File::create(&path).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    path
}

#[test]
fn an_order_that_cannot_be_kept_is_refused_and_does_not_run() {
    let Some(stage) = small() else { return };
    let before = stage.order(READS);
    stage.until(&before.id, State::Ended);
    let filler = fill(&stage);
    std::fs::remove_file(stage.hand("ran")).unwrap();
    assert_eq!(stage.refusal(start(READS, vec![])), RefusalCode::Storage);
    assert!(!stage.hand("ran").exists());
    assert_eq!(stage.list().len(), 1, "and none is left of it");
    std::fs::remove_file(filler).unwrap();
    let after = stage.order(READS);
    stage.until(&after.id, State::Ended);
    assert!(stage.hand("ran").exists());
}

#[test]
fn a_disk_that_fills_while_it_runs_cuts_the_output_and_the_end_is_told() {
    let Some(stage) = small() else { return };
    stage.give("wait");
    let task = stage.order(READS);
    stage.taken("ran");
    let filler = fill(&stage);
    std::fs::remove_file(stage.hand("wait")).unwrap();
    let all: Vec<_> = stage.events(&task.id).into_iter().map(|event| event.what).collect();
    assert!(matches!(all.last(), Some(What::End(end)) if end.code == Some(0)), "{all:?}");
    assert_eq!(stage.show(&task.id).state, State::Ended);
    std::fs::remove_file(filler).unwrap();
    let after = stage.order(READS);
    stage.until(&after.id, State::Ended);
}
