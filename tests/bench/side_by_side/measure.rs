//! What is measured, and in which order: turn and turn about, so that a busy minute of the machine falls on
//! all targets alike. No figure comes from a run in which a login gave anything but the right cookie.

use std::fmt;

use clap::ValueEnum;

use crate::stage::Stage;
use crate::target::Target;
use crate::{Options, interrupt};

pub mod cold;
pub mod idle;
pub mod kept;
pub mod lockout;
pub mod losses;
pub mod paced;
pub mod program;

use program::Programs;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Measure {
    /// CPU time of the proxy for one cold login.
    Cold,
    /// Latency of cold logins at a fixed rate.
    Paced,
    /// Memory of an idle connection that proved itself.
    Idle,
    /// Logins on a kept connection.
    Kept,
    /// Logins lost at reload, and at stop and start.
    Losses,
    /// How long silent strangers lock an honest client out; in the first round alone.
    Lockout,
    /// The client program from its start to its end, beside a bare one.
    Program,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value().expect("none is hidden");
        f.write_str(value.get_name())
    }
}

/// Turns of a round in which cold logins are measured: many short ones, for whoever else is on the machine comes
/// and goes within seconds.
const COLD_TURNS: u32 = 6;

impl Measure {
    /// How often each target has its turn in a round.
    fn turns(self) -> usize {
        if self == Self::Cold { COLD_TURNS as usize } else { 1 }
    }
}

/// All rounds; what the client programs came to is nobody's of the targets.
pub fn run(targets: &mut [Target], stage: &Stage, options: &Options) -> anyhow::Result<Programs> {
    let mut programs = Programs::default();
    let count = targets.len();
    for round in 0..options.rounds as usize {
        for measure in options.measures() {
            eprintln!("round {} of {}: {measure}", round + 1, options.rounds);
            for turn in 0..count * measure.turns() {
                interrupt::check()?;
                // another one begins each round: nobody always follows the same neighbour
                let target = &mut targets[(round + turn) % count];
                match measure {
                    Measure::Cold => cold::turn(target, options.logins.div_ceil(COLD_TURNS))?,
                    Measure::Paced => paced::turn(target, options.paced)?,
                    Measure::Idle => idle::turn(target, options.idle)?,
                    Measure::Kept => kept::turn(target, options.calls)?,
                    Measure::Losses => losses::turn(target, options.paced)?,
                    Measure::Lockout if round == 0 => lockout::turn(target, options.patience())?,
                    Measure::Program if target.name() == "tsmgated" => {
                        programs.turn(stage, target.recipe.port, options.starts)?;
                    }
                    Measure::Lockout | Measure::Program => {}
                }
            }
        }
    }
    Ok(programs)
}
