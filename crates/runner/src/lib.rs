//! `tsmgate-runner`: the only program of ours that starts others.
