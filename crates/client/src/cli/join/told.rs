//! What a host that has joined is told: a few lines for a person, an object for a program. The peers' texts are
//! escaped.

use serde_json::{Value, json};
use tsmgate_pki::time_text;
use tsmgate_text::escape;

use super::{Joined, Joining};
use crate::json;
use crate::system::peer::our_user;

/// The lines.
pub(super) fn block(joining: &Joining, joined: &Joined, who: Option<&Value>) -> String {
    let leaf = &joined.accepted.leaf;
    let client = &joined.enrolled.client;
    let mut block = String::new();
    let mut line = |name: &str, text: &str| block.push_str(&format!("{name:<11}  {text}\n"));
    line("client", joining.token.name.as_str());
    let current = if joined.is_current { ", the current one" } else { "" };
    line("gate", &format!("{}, profile {}{current}", joined.accepted.gate, joining.name));
    line("roles", &words(&client.roles));
    if let Some(who) = who {
        line("permissions", &words(&permissions(who)));
    }
    if !client.networks.is_empty() {
        line("networks", &words(&client.networks));
    }
    let (ends, due) = (time_text(leaf.ends), time_text(leaf.due()));
    line("certificate", &format!("until {ends}, due for renewal {due}"));
    line("renewal", timer());
    block
}

/// The object, one line.
pub(super) fn json(joining: &Joining, joined: &Joined, who: Option<&Value>) -> String {
    let leaf = &joined.accepted.leaf;
    let client = &joined.enrolled.client;
    json::line(&json!({
        "client": joining.token.name.as_str(),
        "profile": joining.name.as_str(),
        "current": joined.is_current,
        "folder": joining.folder.to_string_lossy(),
        "gate": joined.accepted.gate.to_string(),
        "authority": joining.service.peer(),
        "roles": client.roles,
        "networks": client.networks,
        "permissions": who.map(permissions),
        "serial": leaf.serial(),
        "not_before": time_text(leaf.begins),
        "not_after": time_text(leaf.ends),
        "renewed_from": time_text(leaf.due()),
        "timer": timer(),
    }))
}

/// What has the certificate renewed by itself, for this user.
fn timer() -> &'static str {
    if our_user() == 0 {
        "systemctl enable --now tsmgate-renew-client.timer"
    } else {
        "systemctl --user enable --now tsmgate-renew-client.timer"
    }
}

fn permissions(who: &Value) -> Vec<String> {
    let all = who.get("permissions").and_then(Value::as_array);
    let texts = all.into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

fn words(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(escape).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}
