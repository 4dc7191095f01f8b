//! See [`tun2udp_fuzz::targets::filter`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tun2udp_fuzz::targets::filter(data));
