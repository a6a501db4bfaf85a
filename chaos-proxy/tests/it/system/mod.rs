//! What only the system can show: its TCP, its ports and descriptors, the program as
//! a process, external programs. In real time, so nothing here asks more of
//! the machine than that it gets to it: no earlier than planned, and some time.

mod api;
mod api_documentation;
mod api_foreign;
mod api_golden;
mod bulk;
mod embedded;
mod faults;
mod foreign;
#[rustfmt::skip]
#[expect(unused_variables, reason = "the pages leave to the reader what is done with them")]
mod guide_examples;
mod guides;
mod in_force;
pub(crate) mod ports;
mod program;
mod program_api;
mod rebinding;
mod secured;
mod wire;
