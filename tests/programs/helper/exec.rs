//! `exec`: where the command finds the session, where nobody finds it, and how it ends.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use super::{Helper, Running};
use crate::stage::{proc, told};

fn sh(helper: &Helper, options: &[&str], script: &str) -> (i32, String, String) {
    told(&helper.run(&[&["exec"], options, &["--", "sh", "-c", script, "sh", "more"]].concat()))
}

/// R39: the session is in the command's environment or pipe, and in nobody's arguments
#[tokio::test(flavor = "multi_thread")]
async fn the_command_has_the_session_and_its_arguments_do_not() {
    let helper = Helper::start().await;
    let (cookie, _) = helper.login(&[]);
    let pair = format!("AUTH_COOKIE={cookie}");
    let cases: &[(&[&str], &str, String)] = &[
        (&[], "echo \"$TSM_COOKIE\"", format!("{pair}\n")),
        (&["--env", "X_1", "--format", "value"], "echo \"$X_1\"", format!("{cookie}\n")),
        (&["--fd", "3"], "cat <&3; cat <&3", format!("{pair}\n")),
        (&["--fd", "9", "--format", "header"], "cat /dev/fd/9", format!("Cookie: {pair}\n")),
        (&["--fd", "4"], "echo $TSMGATE_COOKIE_FD-$TSM_COOKIE-$1", "4--more\n".into()),
        (&[], "echo $TSMGATE_COOKIE_FD-$1", "-more\n".into()),
        (&["--fd", "3"], "ls /proc/self/fd | grep -cxE '[0-3]'", "4\n".into()),
    ];
    for (options, script, wanted) in cases {
        let (code, out, err) = sh(&helper, options, script);
        assert_eq!((code, &out), (0, wanted), "{options:?} {script}: {err}");
        assert_eq!(err, "", "nothing is said of a success");
    }
    assert_eq!(helper.logins(), 1, "all of it with the cached session");
    // what we inherited ourselves is not the command's
    for (options, wanted) in [(&["--env", "X"][..], "-\n"), (&["--fd", "4"], "-4\n")] {
        let script = ["--", "sh", "-c", "echo $TSM_COOKIE-$TSMGATE_COOKIE_FD"];
        let mut command = helper.command(&[&["exec"], options, &script].concat());
        command.env("TSM_COOKIE", "another's").env("TSMGATE_COOKIE_FD", "63");
        assert_eq!(told(&command.output().unwrap()).1, wanted, "{options:?}");
    }
    // a command that runs, looked at by others
    for arguments in [
        &["exec", "--", "sh", "-c", "echo $TSM_COOKIE; cat"][..],
        &["exec", "--fd", "3", "--", "cat", "/dev/fd/3", "-"],
    ] {
        let mut command = helper.command(arguments);
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut running = Running(child);
        let mut line = String::new();
        BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), pair);
        let arguments = proc(running.0.id(), "cmdline");
        assert!(!arguments.contains(&cookie) && !arguments.contains("tsmgate"), "{arguments}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_ends_as_it_will() {
    let helper = Helper::start().await;
    for code in [0, 1, 7, 64, 255] {
        assert_eq!(sh(&helper, &[], &format!("exit {code}")).0, code);
    }
    let output = helper.run(&["exec", "--", "sh", "-c", "kill -TERM $$"]);
    assert_eq!(output.status.signal(), Some(15));
    // a reader that goes away ends it as it would without us
    let mut command = helper.command(&["exec", "--", "sh", "-c", "while echo y; do :; done"]);
    let mut running = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    running.0.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    assert_eq!(running.0.wait().unwrap().signal(), Some(13));
    // nobody has to read the pipe
    assert_eq!(sh(&helper, &["--fd", "3"], "exec 3<&-").0, 0);
    let (_, out, _) = sh(&helper, &[], "ulimit -c; ulimit -Hc");
    assert_eq!(out, "0\n0\n", "a core dump would hold the session");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_done_is_said() {
    let helper = Helper::start().await;
    helper.scene.write("plain", "no program", 0o644);
    let plain = helper.scene.path("plain");
    let missing = ["exec", "--", "no-such-command-here"];
    let (code, _, err) = told(&helper.run(&missing));
    assert_eq!(code, 66, "{err}");
    assert!(err.contains("cannot run no-such-command-here: ") && err.contains("PATH"), "{err}");
    let (code, _, err) = told(&helper.run(&["exec", "--", plain.to_str().unwrap()]));
    assert!(code == 66 && err.contains("/plain: ") && err.contains("chmod +x"), "{err}");
    let missing = ["exec", "--no-cache", "--", "no-such-command-here"];
    assert_eq!(told(&helper.run(&missing)).0, 66);
    let given = helper.scene.tsm.cookies();
    assert!(!helper.scene.api().is_open(given.last().unwrap()), "nobody has it");
    let logins = helper.logins();
    let wrong: &[(&[&str], &str)] = &[
        (&["exec"], "COMMAND"),
        (&["exec", "true"], "true"),
        (&["exec", "--fd", "2", "--", "true"], "2"),
        (&["exec", "--fd", "3", "--env", "X", "--", "true"], "--env"),
        (&["exec", "--env", "1X", "--", "true"], "no digit first"),
        (&["exec", "--fresh", "--no-cache", "--", "true"], "--no-cache"),
    ];
    for (arguments, what) in wrong {
        let (code, out, err) = told(&helper.run(arguments));
        assert!(code == 64 && out.is_empty() && err.contains(what), "{arguments:?}: {err}");
    }
    // a number that somebody else has open
    let shell = "exec 5</dev/null; exec \"$@\"";
    let arguments = ["exec", "--fd", "5", "--", "true"];
    let output = helper.in_front(&["sh", "-c", shell, "sh"], &arguments).output().unwrap();
    let (code, _, err) = told(&output);
    assert!(code == 64 && err.contains("--fd 5 is open already"), "{err}");
    assert_eq!(helper.logins(), logins, "nobody was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cache_is_used_as_it_is_told() {
    let helper = Helper::start().await;
    let cookie = |options: &[&str]| sh(&helper, options, "echo $TSM_COOKIE").1;
    let first = cookie(&[]);
    assert_eq!(cookie(&[]), first);
    let fresh = cookie(&["--fresh"]);
    assert!(fresh != first && cookie(&[]) == fresh);
    assert_ne!(cookie(&["--no-cache"]), fresh);
    assert_eq!(cookie(&[]), fresh);
    assert_eq!(helper.logins(), 3);
    std::fs::set_permissions(helper.room(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    assert_eq!(sh(&helper, &[], "true").0, 66);
    assert_eq!(sh(&helper, &["--no-cache"], "true").0, 0);
}
