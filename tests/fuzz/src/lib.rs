//! What the targets share: what visible text is, said once more and not by `tsmgate-text`; a folder to write to; a
//! clock for what has deadlines.

use std::future::Future;
use std::path::PathBuf;

/// Whether a text steers nothing: no control characters, no line ends, nothing that turns text around or hides in
/// it. Unicode 16, table 4-4 and section 23.2.
pub fn is_visible(text: &str) -> bool {
    !text.chars().any(|character| {
        character.is_control()
            || matches!(character,
                '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0001}'..='\u{e007f}')
    })
}

/// A folder that nobody else may write, for the files of this process, below `TMPDIR`.
pub fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("TMPDIR can be written");
    folder
}

/// Runs to its end what waits only for bytes that are there.
pub fn wait<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("a runtime without sockets needs nothing");
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}

/// The bytes as a peer may send them: in two parts.
pub fn in_parts(bytes: &[u8], first: usize) -> impl tokio::io::AsyncRead + Unpin {
    use tokio::io::AsyncReadExt;
    let (first, rest) = bytes.split_at(first.min(bytes.len()));
    first.chain(rest)
}

/// The first byte, which chooses, and what follows it.
pub fn choice(bytes: &[u8]) -> Option<(u8, &[u8])> {
    bytes.split_first().map(|(first, rest)| (*first, rest))
}
