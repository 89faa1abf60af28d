//! Renewals that fail: the old certificate stays to the byte, and until when it is good is said.

use std::process::Command;

use crate::rig::{Asked, Authority, Grant, Home, Reply, Service, life, run};

/// One renewal at a service that answers so; the old certificate has a day left.
fn fails(
    reply: impl Fn(&Grant, &Asked) -> Reply + Send + Sync + 'static,
    code: i32,
    what: &str,
    hint: &str,
) {
    let service = Service::scripted(move |grant, asked| Some(reply(grant, asked)));
    let home = Home::new();
    home.joined(&service, -20 * 24..24);
    let old = home.read("cert.pem");
    let run = home.run(&["renew", "--if-needed", "--timeout", "3s"]);
    run.says(code, what, hint);
    assert!(run.talk.contains("; the old certificate stays, good until 20"), "{run:?}");
    assert!(run.talk.starts_with("tsmgate: jump01: "), "{run:?}");
    assert_eq!(home.read("cert.pem"), old, "{what}");
}

#[test]
fn a_refusal_leaves_the_old_one_and_says_how_to_get_in_again() {
    let again = "join again: `tsmgate pki invite jump01 …` on the TSM host, `tsmgate join` here";
    for code in ["certificate_unknown", "certificate_revoked", "certificate_expired"] {
        fails(move |_, _| Reply::refused(403, code), 71, code, again);
    }
    fails(|_, _| Reply::refused(403, "not_enrolled"), 77, "not_enrolled", again);
    fails(|_, _| Reply::refused(403, "network_refused"), 77, "network_refused", "--networks");
    fails(|_, _| Reply::refused(429, "too_many_certificates"), 75, "too_many", "see the timers");
    fails(|_, _| Reply::refused(503, "authority_trouble"), 75, "trouble", "try again later");
    fails(|_, _| Reply::Hold, 70, "no answer in time", "may be given again");
    fails(|_, _| Reply::Close, 70, "ended before its answer was here", "the same command again");
}

#[test]
fn a_certificate_that_is_not_the_next_one_is_not_taken() {
    let unused = "nothing of it was used";
    fails(|grant, asked| grant.grant("jump02", asked, life(-1..999)), 76, "name, jump02", unused);
    let another_key = |grant: &Grant, _: &Asked| {
        let key = rcgen::KeyPair::generate().unwrap();
        let pem = grant.authority.client("jump01", &key, life(-1..999));
        Reply::Json(200, grant.enrolled(&pem).to_string())
    };
    fails(another_key, 76, "of another key", unused);
    let another_authority = |grant: &Grant, asked: &Asked| {
        let request = asked.body["request"].as_str().unwrap();
        let pem = Authority::new().sign("jump01", request, life(-1..999));
        Reply::Json(200, grant.enrolled(&pem).to_string())
    };
    fails(another_authority, 76, "that is not the authority's", unused);
    let to_come = |grant: &Grant, asked: &Asked| grant.grant("jump01", asked, life(5..999));
    fails(to_come, 76, "and this host's clock says", "may be hours off");
    let unreadable = |grant: &Grant, _: &Asked| Reply::Json(200, grant.enrolled("").to_string());
    fails(unreadable, 76, "no certificate that can be read", unused);
}

#[test]
fn a_service_of_another_authority_is_shown_and_told_nothing() {
    let (home, service) = (Home::new(), Service::start());
    home.joined(&service, -20 * 24..24);
    home.put("authority.pem", &Authority::new().pem, 0o644);
    home.run(&["renew"]).says(76, "its certificate is not of the given authority", "authority_ca");
    assert!(service.asked().is_empty());
}

#[test]
fn of_several_profiles_one_failure_is_the_answer_and_the_others_are_renewed() {
    let (home, service) = (Home::new(), Service::start());
    home.joined(&service, -20 * 24..24);
    let text = home.configuration();
    let (_, profile) = text.split_once('\n').unwrap();
    let ended =
        profile.replace("profile.jump01", "profile.another").replace("cert.pem", "none.pem");
    std::fs::write(home.folder().join("config.toml"), format!("{profile}{ended}")).unwrap();
    let run = home.run(&["renew", "--all"]);
    run.says(66, "another: ", "");
    assert!(run.out.starts_with("jump01: renewed"), "{run:?}");
}

#[test]
fn a_full_disk_leaves_the_old_one_and_nothing_half_written() {
    let (home, service) = (Home::new(), Service::start());
    home.joined(&service, -20 * 24..24);
    let old = home.read("cert.pem");
    let renews = home.command(["renew"]);
    let mut limited = Command::new("sh");
    // no file may have more than 512 bytes, and whoever tries is told so and not killed
    limited.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" renew"]).arg(renews.get_program());
    limited.env_clear().envs(renews.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let run = run(&mut limited, "");
    run.says(66, "cannot write", "free space");
    assert!(run.talk.contains("; the old certificate stays, good until 20"), "{run:?}");
    assert_eq!(home.read("cert.pem"), old);
    let folder = home.file("cert.pem").parent().unwrap().to_owned();
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 4);
}
