//! Pure bytes: no I/O, no kernel but for the sums of [`crate::sys`].
