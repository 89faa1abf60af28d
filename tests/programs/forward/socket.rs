//! The socket's file: whose, where, in whose place, and that it goes again.

use super::*;

use nix::sys::signal::Signal;
use nix::unistd::Group;
use tests::local::{User, can_make_users};
use tests::program::{built, have, install};
use tests::{Forwarding, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_its_users_alone_and_goes_with_the_forward() {
    let scene = Scene::start().await;
    let mut forwarding = Forwarding::start(&scene, scene.address(), &[]);
    let socket = forwarding.socket().to_owned();
    assert_eq!(access(&socket), (0, 0, 0o600));
    asked(&socket).await.unwrap();
    forwarding.signal(Signal::SIGTERM);
    let (code, log) = forwarding.end();
    assert_eq!(code, Some(0), "{log:?}");
    assert!(!socket.exists(), "it left its socket");
    assert_eq!(log.last().unwrap(), "tsmgate: stopped");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_is_given_to_whom_it_is_meant_for() {
    if !can_make_users() {
        return;
    }
    let user = User::make();
    let gid = Group::from_name(&user.name).unwrap().unwrap().gid.as_raw();
    let scene = Scene::start().await;
    let name = &user.name;
    for (owner, mode, wanted) in [
        (format!("{name}:{name}"), "0660", (user.uid, gid, 0o660)),
        (format!(":{name}"), "0660", (0, gid, 0o660)),
        (user.uid.to_string(), "0600", (user.uid, 0, 0o600)),
    ] {
        let options = ["--owner", &owner, "--mode", mode];
        let forwarding = Forwarding::start(&scene, scene.address(), &options);
        assert_eq!(access(forwarding.socket()), wanted, "{owner}");
    }
}

/// Who may not give it away is told so, and leaves nothing behind.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_system_does_not_let_us_give_away_ends_the_start() {
    if !have("setpriv", "util-linux") {
        return;
    }
    let scene = Scene::start().await;
    let socket = forward::socket(&scene);
    install(&built("tsmgate"), &scene.path("tsmgate"));
    std::os::unix::fs::chown(socket.parent().unwrap(), Some(65534), Some(65534)).unwrap();
    let output = std::process::Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(scene.path("tsmgate"))
        .args(["forward", "--gate", "localhost", "--ca", "a", "--cert", "b", "--key", "c"])
        .args(["--owner", "root", "--listen"])
        .arg(&socket)
        .output()
        .unwrap();
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(66), "{err}");
    assert!(err.contains("cannot give it away: permission denied"), "{err}");
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_was_left_behind_is_replaced() {
    let scene = Scene::start().await;
    let socket = forward::socket(&scene);
    drop(UnixListener::bind(&socket).unwrap());
    assert!(socket.exists());
    let mut forwarding = Forwarding::start(&scene, scene.address(), &[]);
    asked(&socket).await.unwrap();
    // one that a kill left behind too; and who comes after does not lose his to who went before
    forwarding.signal(Signal::SIGKILL);
    assert_eq!(forwarding.end().0, None);
    assert!(socket.exists());
    let mut forwarding = Forwarding::start(&scene, scene.address(), &[]);
    std::fs::remove_file(&socket).unwrap();
    let _other = UnixListener::bind(&socket).unwrap();
    forwarding.signal(Signal::SIGINT);
    assert_eq!(forwarding.end().0, Some(0));
    assert!(socket.exists(), "it removed somebody else's socket");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_place_is_taken_and_no_place_is_shared() {
    let scene = Scene::start().await;
    let socket = forward::socket(&scene);
    let path = socket.to_str().unwrap();
    let other = UnixListener::bind(&socket).unwrap();
    let (code, said) = refused(&scene, &["--listen", path]);
    assert_eq!(code, 66);
    assert!(said.contains("another process listens there"), "{said}");
    assert!(UnixStream::connect(&socket).is_ok(), "it is not there any more");
    drop(other);
    std::fs::remove_file(&socket).unwrap();

    std::fs::write(&socket, "a file").unwrap();
    let (code, said) = refused(&scene, &["--listen", path]);
    assert_eq!(code, 66);
    assert!(said.contains("something that is no socket is there"), "{said}");
    assert_eq!(std::fs::read_to_string(&socket).unwrap(), "a file");
    std::fs::remove_file(&socket).unwrap();

    let folder = socket.parent().unwrap();
    for mode in [0o777, 0o775] {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(mode)).unwrap();
        let (code, said) = refused(&scene, &["--listen", path]);
        assert_eq!(code, 66);
        assert!(said.contains("can be written by others"), "{said}");
    }
    assert!(!socket.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_is_said_before_anything_is_made() {
    let scene = Scene::start().await;
    let socket = forward::socket(&scene);
    let path = socket.to_str().unwrap();
    for (arguments, code, says) in [
        (&[][..], 64, "--listen PATH is missing"),
        (&["--listen", path, "--mode", "0666"], 64, "0666"),
        (&["--listen", path, "--owner", ":"], 64, "--owner names nobody"),
        (&["--listen", path, "--owner", "no-such-user"], 65, "no user no-such-user"),
        (&["--listen", path, "--allow-user", "no\u{1b}one"], 65, "this host has no user no"),
        (&["--listen", path, "--allow-group", "no-such-group"], 65, "no group no-such-group"),
        (&["--listen", "/no/such/folder/login"], 66, "/no/such/folder"),
        (&["--listen", path, "--profile", "nowhere"], 64, "nowhere"),
    ] {
        let (found, said) = refused(&scene, arguments);
        assert_eq!(found, code, "{arguments:?}: {said}");
        assert!(said.contains(says) && !said.contains('\u{1b}'), "{arguments:?}: {said}");
        assert!(!socket.exists(), "{arguments:?}");
    }
}
