//! The queues of a relay: `worker` runs a thread for each, `engine` is the loop of one, `outbound` (over
//! `lanes`, one for each socket) and `inbound` (over `packet_writer`) are its two directions, `busy_poll`
//! decides whether it polls before it sleeps, `pause` for how long a source that cannot be read is not tried
//! again, `step` is what one round of a direction reports, `replies` are the relay's own packets for the
//! interface.

mod busy_poll;
mod engine;
mod inbound;
mod lanes;
mod observer;
mod outbound;
mod oversize;
mod packet_writer;
mod pause;
mod replies;
mod step;
mod stop;
mod worker;

pub use worker::Closed;

pub(super) use stop::Stop;
pub(super) use worker::{Task, run};
