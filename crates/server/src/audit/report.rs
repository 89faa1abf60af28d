//! `tsmgated audit report`: the audit summed up for a security review, as a page, as JSON or in a few
//! lines.
//!
//! Everything in a file is foreign here, also where the chain is whole: text is bounded and escaped
//! when it is read and once more for the page, and what is kept has a fixed size whatever the files
//! hold. A damaged line never ends a report; it is said at the top. Nothing here writes or opens a
//! file.
//!
//! Rooms: `reading` goes through the lines and their chain, `line` is what is taken of one, `summing`
//! adds up (`timeline`, `calls`, `callers`, `requests`, `events`, `capped` are its parts), [`figures`] is the result, `html`,
//! `svg` and `text` show it.

mod callers;
mod calls;
mod capped;
mod events;
pub mod figures;
mod html;
mod line;
mod reading;
mod requests;
mod since;
mod summing;
mod svg;
mod text;
mod timeline;

pub use figures::Report;
pub use reading::Reader;
pub use since::Since;
