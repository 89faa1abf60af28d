//! The vendor's commands.

use super::{Command, Effect, Mark};

pub(super) fn commands() -> Vec<Command> {
    vec![Command {
        path: "security external-ssl list".into(),
        permission: "security.external-ssl.list".into(),
        summary: "settings of the gateway's TLS".into(),
        options: Vec::new(),
        effect: Effect::Reads,
        ignores_prompt: false,
        prints_secrets: true,
        since: None,
        until: None,
        mark: Mark::Documented,
        source: "tsm security".into(),
    }]
}
