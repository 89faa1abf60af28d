//! Configuration as every service of ours reads it.
//!
//! * [`files`]: reading files that decide, which nobody else may have written.
//! * [`fault`]: what is wrong with a file, and where.
//! * [`values`]: lengths of time and sizes as they are written.
//! * [`accounts`]: users and groups, by name or number.
//! * [`sockets`]: places for Unix sockets of our own.
//! * [`table!`]: a table of a file, each of whose keys has a default.
//!
//! What a key means is its service's own matter.

pub mod accounts;
pub mod fault;
pub mod files;
pub mod sockets;
pub mod values;

/// A table of a configuration file: unknown keys are refused, and each key has its default here.
#[macro_export]
macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }
    };
}
