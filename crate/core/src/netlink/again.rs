//! Reads a table again if it changed while it was read.

use crate::error::{Error, ErrorCode};
use std::time::Duration;

/// The pauses before a table is read again that changed while it was read, milliseconds: 6 seconds in
/// total. lib/netlink/dump.ts has the same numbers.
pub(super) const PAUSES_MS: [u64; 19] =
    [0, 0, 0, 1, 2, 5, 10, 20, 40, 80, 150, 250, 400, 600, 700, 800, 900, 1000, 1000];

/// Calls `read` until the table did not change during it, with a growing pause between the calls. The runtime of the
/// caller must have timers.
///
/// # Errors
///
/// [`ErrorCode::Interrupted`] if the table changed in every attempt, and each other error of `read` at once.
pub async fn until_consistent<T>(
    mut read: impl AsyncFnMut() -> Result<T, Error>,
) -> Result<T, Error> {
    for pause in PAUSES_MS {
        match read().await {
            Err(error) if error.code() == ErrorCode::Interrupted => {}
            result => return result,
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    read().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    fn interrupted() -> Error {
        Error::new(ErrorCode::Interrupted, "list", "links", "they changed")
    }

    /// Reads with the results of `results`, on a clock that does not wait. Returns the number of calls and the pauses.
    fn read(mut results: Vec<Result<u8, Error>>) -> (Result<u8, Error>, usize, Duration) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (start, mut calls) = (Instant::now(), 0);
            let result = until_consistent(async || {
                calls += 1;
                results.pop().unwrap_or_else(|| Err(interrupted()))
            });
            let result = result.await;
            (result, calls, start.elapsed())
        })
    }

    #[test]
    fn a_table_that_changes_is_read_again_after_a_pause() {
        let (result, calls, pauses) = read(vec![Ok(7)]);
        assert_eq!((result.unwrap(), calls, pauses), (7, 1, Duration::ZERO));
        let (result, calls, pauses) =
            read(std::iter::once(Ok(7)).chain((0..8).map(|_| Err(interrupted()))).collect());
        assert_eq!((result.unwrap(), calls), (7, 9));
        assert!(pauses >= Duration::from_millis(38), "{pauses:?}");
    }

    #[test]
    fn other_errors_and_the_last_attempt_end_the_reads() {
        let other = Error::new(ErrorCode::Exhausted, "list", "links", "no memory");
        let (result, calls, pauses) = read(vec![Ok(7), Err(other)]);
        assert_eq!((result.unwrap_err().code(), calls), (ErrorCode::Exhausted, 1));
        assert_eq!(pauses, Duration::ZERO);
        let (result, calls, pauses) = read(Vec::new());
        assert_eq!((result.unwrap_err().code(), calls), (ErrorCode::Interrupted, 20));
        assert!(pauses >= Duration::from_secs(5), "{pauses:?}");
    }
}
