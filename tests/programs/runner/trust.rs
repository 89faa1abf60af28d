//! The `tsm` program is judged before every start: who could have written it decides what runs as us.

use std::os::unix::fs::{chown, symlink};

use tsmgate_catalogue::runner::RefusalCode;

use super::stage::{READS, Stage, is_root, set_mode, start};

/// That it is refused as it is now, with these words, and nothing runs.
fn refused(stage: &Stage, words: &str) {
    let refused = stage.begin(start(READS, vec![])).unwrap_err();
    assert_eq!(refused.code, RefusalCode::Program);
    assert!(refused.message.contains(words), "{}", refused.message);
    assert!(!stage.hand("ran").exists());
    assert!(stage.list().is_empty());
}

fn stage() -> Stage {
    Stage::with("touch $HAND/ran")
}

/// The control: it runs when all is good again.
fn good(stage: &Stage) {
    stage.lines(start(READS, vec![]));
    assert!(stage.hand("ran").exists());
}

#[test]
fn a_program_that_is_missing_is_refused_and_one_that_comes_back_runs() {
    let stage = stage();
    let (program, aside) = (stage.path("bin/tsm"), stage.path("bin/aside"));
    std::fs::rename(&program, &aside).unwrap();
    refused(&stage, "cannot look at");
    std::fs::create_dir(&program).unwrap();
    refused(&stage, "is not a regular file");
    std::fs::remove_dir(&program).unwrap();
    std::fs::rename(&aside, &program).unwrap();
    set_mode(&program, 0o644);
    refused(&stage, "cannot be executed");
    set_mode(&program, 0o755);
    good(&stage);
}

#[test]
fn a_program_or_folder_that_others_may_write_is_refused() {
    let stage = stage();
    for (name, mode) in [
        ("bin/tsm", 0o775),
        ("bin/tsm", 0o757),
        ("bin", 0o775),
        ("bin", 0o777),
        ("bin", 0o1777),
        ("", 0o777),
    ] {
        set_mode(&stage.path(name), mode);
        refused(&stage, "can be written by others");
        set_mode(&stage.path(name), 0o755);
    }
    good(&stage);
}

#[test]
fn a_program_or_folder_of_somebody_else_is_refused() {
    if !is_root() {
        eprintln!("LEFT OUT: files cannot be given away without being root");
        return;
    }
    let stage = stage();
    for name in ["bin/tsm", "bin"] {
        chown(stage.path(name), Some(4711), None).unwrap();
        refused(&stage, "belongs to uid 4711");
        chown(stage.path(name), Some(0), None).unwrap();
    }
    // the runner's own user is no owner either, unless it is configured
    chown(stage.path("bin/tsm"), Some(super::stage::user()), None).unwrap();
    refused(&stage, "none of `tsm.program_owners`");
    chown(stage.path("bin/tsm"), Some(0), None).unwrap();
    good(&stage);
}

#[test]
fn a_symlink_is_followed_and_its_folder_judged() {
    let stage = stage();
    let (program, real) = (stage.path("bin/tsm"), stage.path("real"));
    std::fs::create_dir(&real).unwrap();
    set_mode(&real, 0o755);
    std::fs::rename(&program, real.join("tsm")).unwrap();
    // through a folder in which others could put another link
    symlink(real.join("tsm"), stage.hand("link")).unwrap();
    symlink(stage.hand("link"), &program).unwrap();
    refused(&stage, "hand can be written by others");
    std::fs::remove_file(&program).unwrap();
    // to a program in such a folder
    symlink(&real, stage.path("bin/current")).unwrap();
    symlink("current/tsm", &program).unwrap();
    set_mode(&real, 0o777);
    refused(&stage, "real can be written by others");
    set_mode(&real, 0o755);
    // round and round
    std::fs::remove_file(&program).unwrap();
    symlink("tsm", &program).unwrap();
    refused(&stage, "cannot look at");
    std::fs::remove_file(&program).unwrap();
    symlink("current/tsm", &program).unwrap();
    good(&stage);
}

#[test]
fn check_tells_what_would_be_refused() {
    let stage = stage();
    let run = || stage.command().arg("check").output().unwrap();
    let good = run();
    assert_eq!(good.status.code(), Some(0), "{}", String::from_utf8_lossy(&good.stderr));
    assert!(String::from_utf8_lossy(&good.stdout).contains("serves security.*"));
    set_mode(&stage.path("bin/tsm"), 0o775);
    let bad = run();
    assert_eq!(bad.status.code(), Some(66));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("can be written by others"));
    set_mode(&stage.path("bin/tsm"), 0o755);
    stage.configure("limits.runmost = \"1h\"");
    assert_eq!(run().status.code(), Some(65));
    set_mode(&stage.path("runner.toml"), 0o666);
    assert_eq!(run().status.code(), Some(66));
    std::fs::remove_file(stage.path("runner.toml")).unwrap();
    assert_eq!(run().status.code(), Some(66));
    assert_eq!(stage.command().arg("chek").output().unwrap().status.code(), Some(64));
}
