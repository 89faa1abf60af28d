//! `tsmgated from-socat`: the file on standard output, what is left to do on standard error.

use tests::SceneOptions;

use crate::stage::{check, config, stage, tsmgated};

const LINE: &str = "sudo socat TCP-LISTEN:9999,fork,reuseaddr,frob \
                    UNIX-CONNECT:/var/run/tableau/tab-controller-login-8850";

/// R55: what it prints is taken by `check`, which names what is missing; talk is on standard error
#[tokio::test]
async fn the_printed_configuration_is_taken_by_check_and_is_closed() {
    let scene = stage(SceneOptions::default()).await;
    let (code, file, said) = tsmgated(&["from-socat", LINE]);
    assert_eq!(code, 0, "{said}");
    for part in ["danger: no TLS", "not understood: the option `frob`", "close: ", "stop: "] {
        assert!(said.contains(&format!("tsmgated: {part}")), "{part}: {said}");
    }
    // the scene's own files stand for those that are to be made
    let here = scene.path("");
    let file = file.replace("/etc/tsmgate/", &format!("{}/", here.display()));
    let audit = "[audit]\nfile = \"log/audit.jsonl\"\n";
    scene.write("tsmgated.toml", &format!("{file}\n{audit}"), 0o600);
    let (code, out, err) = check(&config(&scene));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("CLOSED: admission.allow is empty"), "{out}");
    assert!(out.contains("CLOSED: there is no [[client]]"), "{out}");
    assert!(out.contains("listens on 0.0.0.0:18850"), "{out}");
}

/// R43: the line is escaped, also where it is refused; a refusal has its own code and prints no file
#[test]
fn what_is_no_bridge_exits_with_65_and_a_hint() {
    for (line, hint) in [
        ("ssh -L 1:/x host", "there is no `socat`"),
        ("socat TCP-LISTEN:9999 TCP:\u{1b}[2J\u{202e}:1", "neither side"),
        ("socat TCP-LISTEN:9999 EXEC:'socat - UNIX:/x'", "starts a program"),
        ("socat 'x", "quote"),
        ("-d", "there is no `socat`"),
    ] {
        let (code, out, said) = tsmgated(&["from-socat", line]);
        assert_eq!((code, out.as_str()), (65, ""), "{line}: {said}");
        assert!(said.contains(hint) && !said.contains(['\u{1b}', '\u{202e}']), "{said:?}");
    }
    for arguments in [&["from-socat"][..], &["from-socat", "socat", "TCP-L:1", "UNIX:/x"]] {
        assert_eq!(tsmgated(arguments).0, 64);
    }
}
