//! `whoami` and `permissions`: what the gate says of its caller, as a person and as a program reads it.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::rig::{Gate, Reply, Run, at, run_at};

fn whoami(ends: OffsetDateTime) -> String {
    let ends = ends.format(&Rfc3339).unwrap();
    format!(
        r#"{{"client":"jump01","identity":"URI:tsmgate://client/jump01","address":"10.20.1.5",
        "roles":["monitor","login"],"permissions":["jobs.read","login"],"except":["security.x"],
        "certificate":{{"serial":"0a1b","sha256":"AB","not_after":"{ends}"}},
        "limits":{{"requests":{{"per_minute":600,"burst":60,"left":59}},
        "logins":{{"per_minute":12,"burst":6,"left":6}},"in_flight":{{"most":4,"now":1}}}},
        "lanes":["login","api"],"gate":{{"version":"0.1.0"}}}}"#
    )
}

fn in_days(days: i64) -> OffsetDateTime {
    // an hour more, so that the day does not turn in between
    (OffsetDateTime::now_utc() + Duration::days(days) + Duration::hours(1))
        .replace_nanosecond(0)
        .unwrap()
}

#[test]
fn who_we_are_is_a_block_of_lines() {
    let end = in_days(60);
    let run = run_at(Reply::json(&whoami(end)), &["whoami"]);
    assert_eq!(run.talk, "");
    let end = end.format(&Rfc3339).unwrap();
    assert_eq!(
        run.good(),
        format!(
            "client       jump01\n\
             identity     URI:tsmgate://client/jump01\n\
             address      10.20.1.5\n\
             roles        monitor, login\n\
             permissions  jobs.read, login\n\
             except       security.x\n\
             certificate  serial 0a1b, until {end}, in 60 days\n\
             limits       59 of 60 requests left; 6 of 6 logins left; 1 of 4 in flight\n\
             lanes        login, api\n\
             gate         tsmgated 0.1.0\n"
        )
    );
}

#[test]
fn the_request_is_plain_and_carries_nothing_of_a_session() {
    let gate = Gate::start(|_| Reply::json(&whoami(in_days(60))));
    Run::of(&mut at(&gate, &["whoami", "--json"])).good();
    let seen = gate.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].line.as_str(), seen[0].body.as_str()), ("GET /v1/whoami", ""));
    let mut names: Vec<_> = seen[0].headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["accept", "host", "user-agent"]);
    assert_eq!(seen[0].header("host"), Some(&*format!("localhost:{}", gate.port())));
}

#[test]
fn a_certificate_that_ends_soon_is_warned_of_and_one_at_the_limit_is_not() {
    for (days, warned) in
        [(0, Some("within a day")), (1, Some("in 1 day")), (20, Some("in 20 days")), (21, None)]
    {
        for arguments in [&["whoami"][..], &["whoami", "--json"]] {
            let run = run_at(Reply::json(&whoami(in_days(days))), arguments);
            match warned {
                Some(words) => {
                    assert!(run.talk.contains(&format!("ends {words}:")), "{run:?}");
                    assert_eq!(run.talk.lines().count(), 1);
                }
                None => assert_eq!(run.talk, ""),
            }
            run.good();
        }
    }
}

#[test]
fn json_is_the_gates_own_in_visible_characters() {
    let body = "{\"client\":\"j\u{9b}\u{202e}\u{e9}\",\"roles\":[]}";
    let out = run_at(Reply::json(body), &["whoami", "--json"]).good();
    assert_eq!(out, "{\"client\":\"j\\u009b\\u202e\\u00e9\",\"roles\":[]}\n");
}

#[test]
fn what_is_missing_is_left_out_and_what_is_hostile_is_escaped() {
    let body = "{\"client\":\"a\\u001b[2J\\nb\",\"roles\":[],\"limits\":7,\"certificate\":{}}";
    let run = run_at(Reply::json(body), &["whoami"]);
    assert_eq!(
        run.good(),
        "client       a\\u{1b}[2J\\u{a}b\nroles        none\ncertificate  serial -\n"
    );
}

#[test]
fn json_that_is_something_else_is_refused() {
    for body in ["[]", "{}", "7", "{\"identity\":\"x\"}"] {
        let run = run_at(Reply::json(body), &["whoami"]);
        run.says(76, "the JSON lacks client", "version");
    }
}

#[test]
fn permissions_are_a_table() {
    let body = r#"{"permissions":[
        {"name":"server.stop","effect":"stop the server","granted":true,"by":"operator","operations":["stop"]},
        {"name":"api.raw","effect":"any other path","granted":false,"by":null,"operations":[]}]}"#;
    let gate = Gate::start(move |_| Reply::json(body));
    let run = Run::of(&mut at(&gate, &["permissions"]));
    assert_eq!(
        run.good(),
        "PERMISSION   YOURS  BY        EFFECT\n\
         server.stop  yes    operator  stop the server\n\
         api.raw      no     -         any other path\n"
    );
    assert_eq!(gate.seen()[0].line, "GET /v1/permissions");
    run_at(Reply::json("{}"), &["permissions"]).says(76, "the JSON lacks permissions", "");
}

#[test]
fn a_controller_itself_knows_nothing_of_this() {
    for verb in ["whoami", "permissions", "logout"] {
        let mut command = crate::rig::tsmgate([verb, "--direct", "https://localhost:8850"]);
        let run = Run::with_input(&mut command, b"some-cookie\n");
        run.says(64, "--direct does not go with this command", "--gate HOST:PORT");
    }
}
