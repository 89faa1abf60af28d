//! `tsmgate-runner` as it is built: asked over its socket, with a `tsm` of each test's own making.

mod asking;
mod disk;
mod files;
mod following;
mod life;
mod notices;
mod order;
mod output;
mod processes;
mod queue;
mod stage;
mod surroundings;
mod talk;
mod trust;
