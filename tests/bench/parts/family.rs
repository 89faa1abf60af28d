//! A process and its living descendants: a master with its workers, a server with a process for each
//! connection.

use std::collections::BTreeMap;
use std::fs;

use nix::unistd::Pid;

/// The process itself, its children, theirs, and so on.
pub fn of(process: Pid) -> Vec<Pid> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for (child, parent) in parents() {
        children.entry(parent).or_default().push(child);
    }
    let mut family = vec![process.as_raw()];
    let mut next = 0;
    while let Some(one) = family.get(next) {
        family.extend(children.remove(one).unwrap_or_default());
        next += 1;
    }
    family.into_iter().map(Pid::from_raw).collect()
}

/// The fields of `/proc/PID/stat` from the third on: a program's name may hold blanks and brackets.
pub fn stat(process: Pid) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// Every process there is, with its parent.
fn parents() -> Vec<(i32, i32)> {
    let Ok(folders) = fs::read_dir("/proc") else { return Vec::new() };
    let processes =
        folders.flatten().filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    // the third field of proc(5) is the first of ours
    let parent = |child| stat(Pid::from_raw(child))?.get(4 - 3)?.parse().ok();
    processes.filter_map(|child| Some((child, parent(child)?))).collect()
}
