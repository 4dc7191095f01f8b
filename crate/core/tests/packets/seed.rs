//! The seed of all random values.

use proptest::test_runner::{Config, RngSeed};

/// Returns the number in the environment variable `name`, if it is set.
pub(crate) fn number_of(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text:?}: expected a whole number")))
}

/// Returns the seed of `TUN2UDP_SEED` or a new one, and prints it.
pub(crate) fn choose() -> u64 {
    let seed = number_of("TUN2UDP_SEED").unwrap_or_else(|| fastrand::u64(..));
    println!("TUN2UDP_SEED={seed}");
    seed
}

/// Returns the configuration of a property test that can be repeated with its seed.
pub(crate) fn config() -> Config {
    // The printed seed and the smallest failing input are enough; no file is written.
    Config { rng_seed: RngSeed::Fixed(choose()), failure_persistence: None, ..Config::default() }
}
