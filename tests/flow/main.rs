//! The whole daemon in this process, with the simulator behind it. Each test asserts the reply, the
//! audit record, and what was not reached.

mod anew;
mod api;
mod api_answers;
mod api_cookie;
mod api_redaction;
mod api_rights;
mod api_session;
mod api_session_end;
mod api_support;
mod api_tsm;
mod api_tsm_answers;
mod audit_chain;
mod audit_failing;
mod audit_hanging;
mod audit_records;
mod audit_rotation;
mod backend;
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
