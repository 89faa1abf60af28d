//! What a running command says of its job, and the arguments by which the job is followed when the command's
//! process is gone. Callers cannot ask for those: they are no row of the table.

/// What `tsm` takes to show the progress of a job and to end when the job does.
///
/// `job` is its number, as [`job`] finds it. What is no number is joined to its option by `=`, so that it
/// is never one itself; TSM refuses it.
pub fn reconnect(job: &str) -> Vec<String> {
    let id = if is_number(job) {
        vec!["--id".to_owned(), job.to_owned()]
    } else {
        vec![format!("--id={job}")]
    };
    ["jobs", "reconnect"].map(str::to_owned).into_iter().chain(id).collect()
}

/// The number of the job that a line of output names: `Job id is '1', timeout is 10 minutes.`
pub fn job(line: &str) -> Option<&str> {
    let (id, _) = shown(line).strip_prefix("Job id is '")?.split_once('\'')?;
    is_number(id).then_some(id)
}

/// How far a job is, of 100, and what is being done, where a line of output says that: `15% - Disabling all
/// services.`
pub fn progress(line: &str) -> Option<(u8, &str)> {
    let (percent, step) = shown(line).split_once("% - ")?;
    let digits = (1..=3).contains(&percent.len()) && percent.bytes().all(|b| b.is_ascii_digit());
    let percent = percent.parse().ok().filter(|percent| digits && *percent <= 100)?;
    let step = step.trim();
    (!step.is_empty()).then_some((percent, step))
}

/// What a terminal would show of a line: TSM writes over a longer one, and leaves blanks.
fn shown(line: &str) -> &str {
    line.trim().rsplit('\r').next().unwrap_or_default().trim()
}

fn is_number(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}
