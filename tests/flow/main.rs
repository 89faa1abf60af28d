//! The whole daemon in this process, with the simulator behind it. Each test asserts the reply, the
//! audit record, and what was not reached.

mod relay;
