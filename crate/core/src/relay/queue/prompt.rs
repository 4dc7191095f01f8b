//! Whether the reply to a packet is in the device as soon as the packet was written.
//!
//! The kernel itself replies to some packets during the write: echo requests, segments of TCP without a receiver that
//! must be woken, datagrams to closed ports. While it does, the device is read after such a write without asking the poller
//! first, which saves a system call.

/// Number of prompt replies in a row after which the next one is expected.
const ENOUGH: u8 = 8;

/// Counts prompt replies.
#[derive(Debug, Default)]
pub(super) struct PromptReplies {
    in_a_row: u8,
    /// The device is read in this round because a reply is expected.
    is_trial: bool,
}

impl PromptReplies {
    /// Returns whether the next reply is likely to be prompt.
    #[inline]
    pub(super) fn are_expected(&self) -> bool {
        self.in_a_row >= ENOUGH
    }

    /// Notes that the device had a packet at once after a packet was written, or had none.
    pub(super) fn note(&mut self, is_prompt: bool) {
        self.in_a_row = if is_prompt { self.in_a_row.saturating_add(1) } else { 0 };
    }

    /// Begins a read without asking the poller.
    pub(super) fn begin_trial(&mut self) {
        self.is_trial = true;
    }

    /// Returns whether the device was read without asking the poller, once per trial.
    #[inline]
    pub(super) fn end_trial(&mut self) -> bool {
        std::mem::take(&mut self.is_trial)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_reply_is_expected_after_several_in_a_row() {
        let mut replies = PromptReplies::default();
        for _ in 0..2 {
            for number in 0..300 {
                assert_eq!(replies.are_expected(), number >= usize::from(ENOUGH), "{number}");
                replies.note(true);
            }
            replies.note(false);
            assert!(!replies.are_expected());
        }
    }

    #[test]
    fn a_trial_ends_once() {
        let mut replies = PromptReplies::default();
        assert!(!replies.end_trial());
        replies.begin_trial();
        assert!(replies.end_trial());
        assert!(!replies.end_trial());
    }
}
