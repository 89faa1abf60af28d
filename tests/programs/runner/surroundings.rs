//! What a process of ours finds around itself: what is configured, and nothing of the runner's.

use super::stage::{READS, Stage, start};

#[test]
fn the_environment_is_what_is_configured_and_nothing_else() {
    let mut stage = Stage::prepared(
        "tr '\\0' '\\n' </proc/$$/environ",
        "tsm.path = \"/usr/bin:/bin\"\ntsm.environment = { TSM_X = \"a b\", TABLEAU_Y = \"\", LANG = \"C\" }",
    );
    let mut command = stage.command();
    command.env("LD_PRELOAD", "").env("TSM_SECRET", "x").env("NOTIFY_SOCKET", "/nowhere");
    stage.start_as(command);
    let mut lines = stage.lines(start(READS, vec![]));
    lines.sort();
    let home = format!("HOME={}", stage.path("state").display());
    assert_eq!(lines, [&home, "LANG=C", "PATH=/usr/bin:/bin", "TABLEAU_Y=", "TSM_X=a b"]);
}

#[test]
fn it_has_no_input_no_descriptor_of_ours_its_own_group_and_its_own_folder() {
    let stage = Stage::with(
        "echo in $(readlink /proc/$$/fd/0)
        for d in /proc/$$/fd/*; do echo fd $(readlink $d); done
        read -r _ _ _ _ group _ </proc/$$/stat; [ $group = $$ ] && echo leads
        echo in $PWD
        umask
        grep -E '^(NoNewPrivs|SigIgn|SigBlk)' /proc/self/status
        grep '^Max core' /proc/$$/limits",
    );
    let task = stage.order(READS);
    let all: Vec<_> = stage.events(&task.id).into_iter().map(|event| event.what).collect();
    let lines = super::stage::stdout(&all);
    let has = |line: &str| assert!(lines.iter().any(|l| l == line), "{line}: {lines:?}");
    has("in /dev/null");
    has("leads");
    has(&format!("in {}", stage.path("state/work").join(task.id.as_str()).display()));
    has("0077");
    has("NoNewPrivs:\t1");
    has("SigBlk:\t0000000000000000");
    let ours = |line: &&String| {
        line.starts_with("fd socket:")
            || line.starts_with("fd anon_inode:")
            || line.contains("state/tasks")
    };
    assert_eq!(lines.iter().find(ours), None);
    let core = lines.iter().find(|line| line.starts_with("Max core")).unwrap();
    assert!(core.contains(" 0 "), "{core}");
}
