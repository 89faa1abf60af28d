//! What cannot be recorded does not happen.

use rcgen::KeyPair;

use crate::support::{Options, Stage, files, request};

/// R42: no record, no certificate; and the same request gets it once records can be written
#[tokio::test]
async fn without_a_record_there_is_no_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    std::fs::create_dir(&log).unwrap();
    if !tests::program::have("unshare", "util-linux") {
        return;
    }
    let file = log.join("audit.jsonl");
    let options = Options { audit: Some(file.clone()), ..Options::default() };
    let mut stage = Stage::prepared(options);
    // a file system of its own for the records, which can be filled
    let mount =
        format!("mount -t tmpfs -o size=64k,mode=700 none {0:?} && exec \"$0\" \"$@\"", log);
    stage.run_in(&["unshare", "--mount", "sh", "-c", &mount]);
    let token = stage.invite("jump01");
    let key = KeyPair::generate().unwrap();
    let inside = format!("/proc/{}/root{}", stage.service().pid(), log.display());
    let ballast = format!("{inside}/ballast");
    let _ = std::fs::write(&ballast, vec![0; 1 << 20]);
    // what is left of the last page may hold a record or two
    let refused = tests::wait::until("a full disk", || async {
        let answer = stage.join(&token, &request(&key)).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(refused.refusal(), (503, "not_recorded"));
    let other = stage.invite("jump02");
    let answer = stage.join(&other, &request(&key)).await;
    assert_eq!(answer.refusal(), (503, "not_recorded"));
    assert!(stage.index().iter().all(|entry| entry.names == ["jump01"]), "{:?}", stage.index());
    assert!(stage.entry("jump02").is_none());

    std::fs::remove_file(&ballast).unwrap();
    let answer = tests::wait::until("room for records", || async {
        let answer = stage.join(&other, &request(&key)).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(answer.body["client"]["name"], "jump02");
    let text = std::fs::read(format!("{inside}/audit.jsonl")).unwrap();
    tsmgate_server::audit::verify::verify(text.as_slice(), None).unwrap();
    assert_eq!(files(&stage.path("gate/clients.d")).last().unwrap(), "jump02.toml");
}
