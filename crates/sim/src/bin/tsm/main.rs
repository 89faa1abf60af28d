//! `tsm`: a pretend of the vendor's command line, for the gate's runner to start in tests and in the demo.
//!
//! A doorway: it reads arguments and surroundings, has the command carried out at the simulator's controller,
//! and ends with its exit code. It shares the table of commands with the gate and nothing else: it reads its
//! arguments by itself, and takes no form of them of which it is not known that the real one does. Facts carry
//! a mark where they are used: *documented*, *seen*, or *guess*.

use std::process::ExitCode;

use commands::Task;
use controller::Controller;
use failure::Failure;
use faults::Faults;
use output::Output;
use surroundings::Surroundings;

mod answer;
mod arguments;
mod commands;
mod controller;
mod failure;
mod faults;
mod files;
mod help;
mod job;
mod login;
mod output;
mod own;
mod prompt;
mod surroundings;
mod wire;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let given: Vec<_> = std::env::args_os().skip(1).collect();
    let faults = match Faults::of_environment() {
        Ok(faults) => faults,
        Err(failure) => return failure.report(),
    };
    if faults.lingers() {
        return faults.linger();
    }
    let mut output = Output::new(&faults);
    let ended = match faults.before(&mut output, &given) {
        Ok(()) => run(given, &mut output).await,
        Err(failure) => Err(failure),
    };
    let code = match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    };
    faults.after(&mut output).unwrap_or(code)
}

async fn run(given: Vec<std::ffi::OsString>, output: &mut Output) -> Result<(), Failure> {
    let asked = match arguments::read(given)? {
        arguments::Wanted::Help(text) => {
            text.lines().for_each(|line| output.line(line));
            return Ok(());
        }
        arguments::Wanted::Command(asked) => asked,
    };
    let surroundings = Surroundings::read(&asked.global)?;
    let controller = Controller::new(surroundings, &asked.global)?;
    commands::carry_out(Task { asked: &asked, controller, output }).await
}
