//! The end of a session, for tasks that wait on the session.

use crate::error::{Error, ErrorCode};
use tokio::sync::watch;

/// The end of a session. It does not keep the session open.
#[derive(Clone, Debug)]
pub struct Closing(watch::Receiver<bool>);

impl Closing {
    /// Creates an end, and the sender that triggers it with `true`.
    pub(super) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Returns whether the session was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the session is closed. Monitors and dumps of a session that is only dropped continue.
    pub async fn closed(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|is_closed| *is_closed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Returns the error for requests to a closed session.
    #[must_use]
    pub fn error() -> Error {
        Error::new(ErrorCode::Closed, "use the netlink session", "", "it is closed")
            .with_advice("open another session")
    }
}
