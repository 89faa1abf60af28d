//! The doorway of `tsmgate-runner`.

fn main() {}
