//! What `--help` says. The real one's words are not known.

use tsmgate_catalogue::command::{Command, Kind};

use crate::faults::FAULTS;
use crate::own;

/// About a command, or about all those whose paths begin so.
pub(crate) fn text(path: &str) -> String {
    match own::find(path) {
        Some(command) => of_command(command),
        None => of_group(path),
    }
}

fn of_command(command: &Command) -> String {
    let mut text = format!("tsm {}: {}\n", command.path, command.summary);
    for option in &command.options {
        let short = option.short.as_ref().map_or(String::new(), |short| format!("-{short}, "));
        let value = if option.kind == Kind::Flag { "" } else { " <value>" };
        let required = if option.required { "Required. " } else { "" };
        text += &format!("  {short}--{}{value}  {required}{}\n", option.long, option.summary);
    }
    text + "  -h, -u, -p, -s, --trust-admin-controller-cert, --request-timeout\n"
}

fn of_group(path: &str) -> String {
    let mut text = String::from(
        "A pretend of the tsm command line. It speaks to the simulated controller that TSM_SIM_SOCKET, \
         TSM_SIM_URL and TSM_SIM_CERTIFICATE name.\n\nCommands:\n",
    );
    for command in own::all().filter(|command| command.path.starts_with(path)) {
        text += &format!("  {}  {}\n", command.path, command.summary);
    }
    text += "\nWhat it does wrong is named in TSM_SIM_FAULT, several joined by commas:\n";
    for (name, what) in FAULTS {
        text += &format!("  {name}  {what}\n");
    }
    text += "\nExit codes: 0 success, 1 failure, 2 wrong usage\n";
    text
}
