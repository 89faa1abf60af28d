//! The whole daemon in this process, with the simulator behind it. Each test asserts the reply, the
//! audit record, and what was not reached.

mod anew;
mod api;
mod api_reach;
mod api_table;
mod audit_chain;
mod audit_failing;
mod audit_hanging;
mod audit_records;
mod audit_rotation;
mod backend;
mod controller;
mod conversation;
mod dates;
mod judged;
mod judged_proxied;
mod leaving;
mod library;
mod limits;
mod noticed;
mod proxy;
mod python;
mod reach;
mod relay;
mod reload;
mod stop;
mod stop_last_call;
mod storms;
mod support;
mod turns;
