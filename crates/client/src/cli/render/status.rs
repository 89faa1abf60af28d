//! The cluster's status: a few lines as `tsm status` words them, or a table of every process.

use tsmgate_text::escape;

use crate::cli::colour::Tone;
use crate::cli::table::{Cell, table};
use crate::tsm::{
    Ailing, ClusterStatus, Health, Instance, NodeStatus, ServiceStatus, node_word, service_name,
    service_phrase,
};

#[cfg(test)]
mod tests;

/// So many things that are not well are named one by one.
const NAMED: usize = 10;

/// `Status: RUNNING`, a line for each node, and what is not well.
pub(in crate::cli) fn brief(status: &ClusterStatus) -> String {
    let mut text = heading(status);
    for node in &status.nodes {
        let name = escape(node.node_id.as_deref().unwrap_or("-"));
        text.push_str(&format!("{name}: {}\n", word(node.rollup_status.as_deref())));
    }
    if status.health() == Health::Degraded {
        text.push_str(&format!("Not well: {}\n", not_well(status)));
    }
    text
}

/// `Status: RUNNING`, and a table of every process with the phrases of `tsm status --verbose`. `width`
/// is the terminal's, in columns.
pub(in crate::cli) fn verbose(status: &ClusterStatus, width: Option<usize>) -> String {
    let mut rows = Vec::new();
    for node in &status.nodes {
        let id = Cell::foreign(node.node_id.as_deref());
        if node.services.is_empty() {
            rows.push([id, Cell::own(""), Cell::own(""), bare(node)]);
            continue;
        }
        for service in &node.services {
            let name = Cell::own(name(service.service_name.as_deref()));
            if service.instances.is_empty() {
                // what a process would say is said of the service
                let whole = Instance {
                    process_status: service.rollup_status.clone(),
                    ..Instance::default()
                };
                rows.push([id.clone(), name.clone(), Cell::own(""), state(service, &whole)]);
            }
            for instance in &service.instances {
                let number = Cell::foreign(instance.instance_id.as_deref());
                rows.push([id.clone(), name.clone(), number, state(service, instance)]);
            }
        }
    }
    let rows = table(["NODE", "SERVICE", "INSTANCE", "STATUS"], &rows, width);
    format!("{}{rows}", heading(status))
}

/// The columns of a cluster in one line.
pub(in crate::cli) const HEADING: [&str; 3] = ["STATUS", "NODES", "NOT WELL"];

/// A cluster in one line.
pub(in crate::cli) fn row(status: &ClusterStatus) -> [Cell; 3] {
    let health = status.health();
    let ill = if health == Health::Degraded { not_well(status) } else { String::new() };
    let rollup = status.rollup_status.as_deref();
    [
        Cell::own(escape(node_word(rollup))).whole().toned(tone(rollup)),
        Cell::own(status.nodes.len().to_string()),
        Cell::own(ill),
    ]
}

fn heading(status: &ClusterStatus) -> String {
    format!("Status: {}\n", word(status.rollup_status.as_deref()))
}

/// TSM's word for a node or all, in upper case and colour.
fn word(rollup: Option<&str>) -> String {
    tone(rollup).paint(&escape(node_word(rollup)))
}

fn tone(rollup: Option<&str>) -> Tone {
    match Health::of(rollup) {
        Health::Healthy => Tone::Good,
        Health::Stopped => Tone::Middling,
        Health::Degraded => Tone::Bad,
    }
}

fn bare(node: &NodeStatus) -> Cell {
    Cell::own(escape(node_word(node.rollup_status.as_deref())))
}

fn state(service: &ServiceStatus, instance: &Instance) -> Cell {
    let word = instance.process_status.as_deref();
    let mut text = phrase(service.service_name.as_deref(), word);
    if let Some(message) = &instance.message {
        text.push_str(": ");
        text.push_str(&escape(message));
    }
    let tone = match Health::of(word) {
        Health::Healthy => Tone::Good,
        _ if service.is_well(instance) => Tone::Quiet,
        _ => Tone::Bad,
    };
    Cell::own(text).toned(tone)
}

/// `Repository (pgsql)`, or TSM's name alone.
fn name(service: Option<&str>) -> String {
    let service = service.unwrap_or_default();
    match service_name(service) {
        Some(name) => format!("{name} ({})", escape(service)),
        None => escape(service),
    }
}

fn phrase(service: Option<&str>, word: Option<&str>) -> String {
    match word {
        None => "says nothing".to_owned(),
        Some(word) => match service_phrase(service.unwrap_or_default(), word) {
            Some(phrase) => phrase.to_owned(),
            None => format!("is \"{}\"", escape(word)),
        },
    }
}

fn not_well(status: &ClusterStatus) -> String {
    let mut ailing = status.ailing();
    let mut named: Vec<_> = ailing.by_ref().take(NAMED).map(sentence).collect();
    match ailing.count() {
        0 if named.is_empty() => named.push("the cluster; TSM does not say what of it".to_owned()),
        0 => {}
        more => named.push(format!("and {more} more, see --verbose")),
    }
    named.join("; ")
}

fn sentence(ailing: Ailing<'_>) -> String {
    let node = escape(ailing.node.unwrap_or("-"));
    let phrase = phrase(ailing.service, ailing.word);
    match (ailing.service, ailing.instance) {
        (None, None) => format!("{node} {phrase}"),
        (service, None) => format!("{node} {} {phrase}", name(service)),
        (service, Some(instance)) => {
            format!("{node} {} {} {phrase}", name(service), escape(instance))
        }
    }
}
