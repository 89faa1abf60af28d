//! What of this client is particular to Unix: a small function each, so that another system's can stand in
//! its place.

pub(crate) mod standing;
