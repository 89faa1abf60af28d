//! Manual pages and completions of the programs: of every command with all its options, and such that the
//! tools that read them have nothing to say.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use tests::program::{built, command, have};

use crate::stage::told;

/// A program, and its command line.
fn programs() -> [(&'static str, clap::Command); 4] {
    [
        ("tsmgate", tsmgate_client::cli::command()),
        ("tsmgated", tsmgate_server::cli::command()),
        ("tsmgate-runner", tsmgate_runner::cli::command()),
        ("tsmgate-authority", tsmgate_authority::cli::command()),
    ]
}

/// Each command of a command line with the name of its page; hidden ones have none.
fn tree(command: &clap::Command, name: &str) -> Vec<(String, clap::Command)> {
    let mut found = vec![(name.to_owned(), command.clone())];
    for below in command.get_subcommands() {
        if !below.is_hide_set() && below.get_name() != "help" {
            found.extend(tree(below, &format!("{name}-{}", below.get_name())));
        }
    }
    found
}

fn write(program: &str, folder: &Path) {
    let output = command(program).arg("manual").arg(folder).output().unwrap();
    assert_eq!(told(&output), (0, String::new(), String::new()), "{program}");
}

#[test]
fn every_command_has_a_page_with_every_option_and_variable() {
    for (program, mut command) in programs() {
        command.build();
        let folder = tempfile::tempdir().unwrap();
        write(program, folder.path());
        let mut wanted = BTreeSet::new();
        let whole = std::fs::read_to_string(folder.path().join(format!("{program}.1"))).unwrap();
        for (name, command) in tree(&command, program) {
            let page = std::fs::read_to_string(folder.path().join(format!("{name}.1"))).unwrap();
            let page = page.replace("\\-", "-");
            let help = command.clone().render_long_help().to_string();
            for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
                let long = option.get_long().map(|long| format!("--{long}"));
                for text in long.iter() {
                    assert!(page.contains(text) && help.contains(text), "{name}: {text}");
                }
                if let Some(variable) = option.get_env() {
                    assert!(whole.contains(variable.to_str().unwrap()), "{name}: {variable:?}");
                }
            }
            for below in tree(&command, &name).iter().skip(1) {
                let direct = below.0.trim_start_matches(&format!("{name}-"));
                if command.find_subcommand(direct).is_some() {
                    assert!(page.contains(&format!("{}(1)", below.0)), "{name}: {}", below.0);
                }
            }
            wanted.insert(format!("{name}.1"));
        }
        let made = std::fs::read_dir(folder.path()).unwrap();
        let made: BTreeSet<_> =
            made.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        assert_eq!(made, wanted);
        for heading in ["EXIT STATUS", "ENVIRONMENT", "SEE ALSO"] {
            let section =
                whole.lines().any(|line| line.replace('"', "") == format!(".SH {heading}"));
            assert!(section, "{program}: {heading}");
        }
    }
}

#[test]
fn groff_has_nothing_to_say_about_the_pages() {
    if !have("groff", "groff-base") {
        return;
    }
    for (program, _) in programs() {
        let folder = tempfile::tempdir().unwrap();
        write(program, folder.path());
        let pages = std::fs::read_dir(folder.path()).unwrap().map(|page| page.unwrap().path());
        let output = Command::new("groff")
            .args(["-man", "-ww", "-z", "-Tutf8", "-Kutf8"])
            .args(pages)
            .output()
            .unwrap();
        assert_eq!(told(&output), (0, String::new(), String::new()), "{program}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    for (program, code) in
        [("tsmgate", 66), ("tsmgated", 71), ("tsmgate-runner", 71), ("tsmgate-authority", 71)]
    {
        let output = command(program).args(["manual", "/dev/null/there"]).output().unwrap();
        let (ended, out, err) = told(&output);
        assert_eq!((ended, out.as_str()), (code, ""), "{program}: {err}");
        assert!(err.contains("/dev/null/there"), "{program}: {err}");
    }
}

#[test]
fn shells_take_the_completions() {
    let shells = [("bash", "bash", "-n"), ("zsh", "zsh", "-n"), ("fish", "fish", "--no-execute")];
    for (shell, package, only_read) in shells {
        if !have(shell, package) {
            continue;
        }
        for (program, _) in programs() {
            let output = command(program).args(["completions", shell]).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty());
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("completions");
            std::fs::write(&file, &output.stdout).unwrap();
            let output = Command::new(shell).arg(only_read).arg(&file).output().unwrap();
            assert_eq!(told(&output), (0, String::new(), String::new()), "{shell} {program}");
        }
    }
}

/// What a person types, and what bash offers then: verbs, options and the vendor's commands
#[test]
fn bash_completes_what_was_begun() {
    let offered = |words: &str, line: &str| {
        let script = format!(
            "source <({} completions bash); COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _tsmgate tsmgate '{line}' ''; echo \"${{COMPREPLY[*]}}\"",
            built("tsmgate").display()
        );
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        let (code, out, err) = told(&output);
        assert_eq!((code, err.as_str()), (0, ""), "{words}");
        out.trim().to_owned()
    };
    assert_eq!(offered("tsmgate who", "who"), "whoami");
    assert_eq!(offered("tsmgate security repo", "repo"), "repository-ssl");
    assert_eq!(offered("tsmgate status --server-n", "--server-n"), "--server-name");
}
