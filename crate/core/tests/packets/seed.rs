//! From what everything random here is made.

use proptest::test_runner::{Config, RngSeed};

/// The number in the environment variable `name`, if it is set.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}: expected a whole number")))
}

/// The seed of `TUN2UDP_SEED`, else a new one; printed either way.
pub(crate) fn choose() -> u64 {
    let seed = number_of("TUN2UDP_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("TUN2UDP_SEED={seed}");
    seed
}

/// The configuration of a property test whose run can be repeated by its seed.
pub(crate) fn config() -> Config {
    // The printed seed and the smallest failing input are enough; no file is left behind.
    Config { rng_seed: RngSeed::Fixed(choose()), failure_persistence: None, ..Config::default() }
}
