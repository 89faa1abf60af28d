//! What watches the gate: its two doors and their limits, `tsmgated status` and `reload`, metrics, and
//! the alert rules and the dashboard that are made of them.

mod commands;
mod doors;
mod fake;
mod hosts;
mod limits;
mod reloads;
mod requests;
mod rules;
mod scrape;
mod series;
