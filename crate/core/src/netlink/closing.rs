//! The end of a session, for what waits on it.

use crate::error::{Error, ErrorCode};
use tokio::sync::watch;

/// The end of a session. It does not keep the session open.
#[derive(Clone, Debug)]
pub struct Closing(watch::Receiver<bool>);

impl Closing {
    /// An end, and what brings it about: `true`.
    pub(super) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Whether the session was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until the session is closed. A session that is only dropped leaves what was begun with it
    /// alone.
    pub async fn closed(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|is_closed| *is_closed).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The error of what is asked of a closed session.
    #[must_use]
    pub fn error() -> Error {
        Error::new(ErrorCode::Closed, "use the netlink session", "", "it is closed")
            .with_advice("open another session")
    }
}
