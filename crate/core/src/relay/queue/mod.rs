//! The queues of a relay: `worker` runs a thread for each, `engine` is the loop of one, `outbound` (over
//! `lanes`, one for each socket) and `inbound` are its two directions, `busy_poll` decides whether it polls
//! before it sleeps, `pause` how long a source that cannot be read is left alone, `step` is what one round
//! of a direction reports, `replies` are packets of the relay's own for the interface.

mod busy_poll;
mod engine;
mod inbound;
mod lanes;
mod outbound;
mod pause;
mod replies;
mod step;
mod worker;

pub use worker::Closed;

pub(super) use engine::Stop;
pub(super) use worker::{Task, run};
