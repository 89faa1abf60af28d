//! Bytes, certificates and peers that mean harm, or know no better. Each case asserts what comes back,
//! what is on record and that nothing reached TSM; and has its control, which gets a cookie.

mod admission;
mod bans;
mod bent;
mod bytes;
mod calls;
mod case;
mod certificates;
mod floods;
mod hello;
mod http;
mod made_by_openssl;
mod names;
mod openssl;
mod revocation;
mod scanners;
mod strangers;
mod tls;
mod wire;
