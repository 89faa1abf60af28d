//! The runtime folder: where it is, what is refused, and what is not believed.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use super::Helper;
use crate::stage::told;

fn set_mode(path: &std::path::Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// That a login with the cache is refused with these words, and the gate not asked.
fn refused(helper: &Helper, what: &str, hint: &str) {
    let (code, out, err) = told(&helper.run(&["login", "--cache"]));
    assert_eq!((code, out.as_str()), (66, ""), "{err}");
    let lines: Vec<_> = err.lines().collect();
    assert!(lines.len() == 2 && lines[0].contains(what) && lines[1].contains(hint), "{err}");
    assert_eq!(helper.logins(), 0);
}

/// R39: a folder that others may touch, a link, and another user's folder are refused before anything is asked
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_ours_alone_is_refused() {
    let helper = Helper::start().await;
    let room = helper.room();
    fs::create_dir(&room).unwrap();
    for mode in [0o777, 0o755, 0o710, 0o701] {
        set_mode(&room, mode);
        refused(&helper, "/runtime: accessible to group or others", "chmod 700 ");
    }
    set_mode(&room, 0o700);
    chown(&room, Some(65534), None).unwrap();
    refused(&helper, "/runtime: of another user, 65534", "TSMGATE_RUNTIME_DIR");
    fs::remove_dir(&room).unwrap();
    fs::create_dir(helper.scene.path("elsewhere")).unwrap();
    set_mode(&helper.scene.path("elsewhere"), 0o700);
    symlink(helper.scene.path("elsewhere"), &room).unwrap();
    refused(&helper, "/runtime: a link, or of another kind", "TSMGATE_RUNTIME_DIR");
    fs::remove_file(&room).unwrap();
    fs::write(&room, "").unwrap();
    refused(&helper, "/runtime: a link, or of another kind", "TSMGATE_RUNTIME_DIR");
    fs::remove_file(&room).unwrap();
    assert!(super::files(&helper.scene.path("elsewhere")).is_empty());
    // one more above it is not made
    let mut command = helper.command(&["login", "--cache"]);
    command.env("TSMGATE_RUNTIME_DIR", room.join("below"));
    assert_eq!(told(&command.output().unwrap()).0, 66);
}

/// The system's own folder counts where it is this user's; /tmp never does.
#[tokio::test(flavor = "multi_thread")]
async fn the_folder_is_the_systems_where_none_is_named() {
    let helper = Helper::start().await;
    let users = helper.scene.path("xdg");
    fs::create_dir(&users).unwrap();
    let login = |folder: &std::path::Path| {
        let mut command = helper.command(&["login", "--cache"]);
        command.env_remove("TSMGATE_RUNTIME_DIR").env("XDG_RUNTIME_DIR", folder);
        told(&command.output().unwrap())
    };
    let (code, _, err) = login(&users);
    assert_eq!(code, 0, "{err}");
    assert_eq!(super::files(&users.join("tsmgate")).len(), 2);
    // another user's, as sudo can leave it: not used
    chown(&users, Some(65534), None).unwrap();
    fs::remove_dir_all(users.join("tsmgate")).unwrap();
    let (code, _, err) = login(&users);
    assert!(!users.join("tsmgate").exists(), "{err}");
    let systems = format!("/run/user/{}", nix::unistd::geteuid());
    match std::path::Path::new(&systems).exists() {
        true => assert_eq!(code, 0, "{err}"),
        false => {
            assert_eq!(code, 66, "{err}");
            assert!(err.contains("there is no runtime folder for the session cache"), "{err}");
            assert!(err.contains("TSMGATE_RUNTIME_DIR") && err.contains("enable-linger"), "{err}");
            assert!(err.contains("`exec --no-cache`"), "{err}");
        }
    }
}

/// What is in the session's place and cannot be trusted is replaced, and said; never followed, never served.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_trusted_is_replaced() {
    let helper = Helper::start().await;
    let (mut last, _) = helper.login(&[]);
    let [file] = &helper.kept()[..] else { panic!() };
    let text = fs::read_to_string(file).unwrap();
    let aside = helper.scene.path("aside");
    let spoils: [(&str, &dyn Fn()); 7] = [
        ("damaged, or of another version", &|| fs::write(file, "").unwrap()),
        ("damaged, or of another version", &|| fs::write(file, "{").unwrap()),
        ("damaged, or of another version", &|| fs::write(file, vec![b'7'; 1 << 20]).unwrap()),
        ("damaged, or of another version", &|| {
            fs::write(file, text.replace("\"version\":1", "\"version\":0")).unwrap();
        }),
        ("accessible to group or others", &|| set_mode(file, 0o640)),
        ("of another user, 65534", &|| chown(file, Some(65534), None).unwrap()),
        ("a link, or of another kind", &|| {
            fs::write(&aside, &text).unwrap();
            fs::remove_file(file).unwrap();
            symlink(&aside, file).unwrap();
        }),
    ];
    for (why, spoil) in spoils {
        spoil();
        let (cookie, said) = helper.login(&[]);
        assert_ne!(cookie, last, "{why}");
        assert!(said.contains("replaced the cached session in ") && said.contains(why), "{said}");
        let (again, said) = helper.login(&[]);
        assert_eq!(again, cookie);
        assert!(!said.contains("replaced"), "{said}");
        last = cookie;
    }
    assert_eq!(fs::read_to_string(&aside).unwrap(), text, "written through a link");
    // another run of the system: nothing is wrong, and it is not served
    let text = fs::read_to_string(file).unwrap();
    fs::write(file, text.replace("\"boot\":\"", "\"boot\":\"0")).unwrap();
    let (cookie, said) = helper.login(&[]);
    assert!(cookie != last && !said.contains("replaced"), "{said}");
}

/// What a process left that was ended in the middle does not stop the next one.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_file_of_another_time_is_in_nobodys_way() {
    let helper = Helper::start().await;
    helper.login(&[]);
    let [file] = &helper.kept()[..] else { panic!() };
    fs::write(file.with_extension("new"), "half").unwrap();
    let (cookie, _) = helper.login(&["--fresh"]);
    assert_eq!(helper.login(&[]).0, cookie);
    assert!(!file.with_extension("new").exists());
}

/// Whoever holds the lock is waited for, but not for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_is_not_given_back_is_not_waited_for_for_ever() {
    let helper = Helper::start().await;
    helper.login(&[]);
    let [file] = &helper.kept()[..] else { panic!() };
    let lock = fs::File::open(file.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    // what is good is good without a lock, also when it is time for another
    helper.login(&[]);
    helper.age(80);
    helper.login(&[]);
    helper.age(15);
    let (code, out, err) = told(&helper.run(&["login", "--cache", "--timeout", "200ms"]));
    assert_eq!((code, out.as_str()), (75, ""), "{err}");
    assert!(err.contains("another tsmgate is still getting a session"), "{err}");
    drop(lock);
    helper.login(&[]);
    assert_eq!(helper.logins(), 2);
}
