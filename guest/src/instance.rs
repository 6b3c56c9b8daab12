//! Which instance this is, of how many: for guests that share work out among themselves without talking to each other.

use std::hash::{DefaultHasher, Hash, Hasher};

/// One of the instances that run side by side.
///
/// ```no_run
#[doc = include_str!("../../examples/02-primes/src/main.rs")]
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instance {
    /// Its number, from 0.
    pub number: u64,
    /// How many there are; at least 1.
    pub count: u64,
}

impl Instance {
    /// The instance that this code runs in, as the host says in `WASM_POOL_INSTANCE` and `WASM_POOL_INSTANCES`.
    /// Without a host that says so, it is the only one.
    pub fn current() -> Instance {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        match (number("WASM_POOL_INSTANCE"), number("WASM_POOL_INSTANCES")) {
            (Some(number), Some(count)) if number < count => Instance { number, count },
            _ => Instance { number: 0, count: 1 },
        }
    }

    /// Whether `key` is this instance's to work on: each key belongs to one instance, the same in all of them, and many
    /// keys are spread evenly.
    pub fn owns(&self, key: impl Hash) -> bool {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        hasher.finish() % self.count == self.number
    }

    /// This instance's part of `0..length`, as even as it can be; the parts of all instances cover it once.
    pub fn part_of(&self, length: u64) -> std::ops::Range<u64> {
        let at = |number: u64| {
            let product = u128::from(number) * u128::from(length);
            u64::try_from(product / u128::from(self.count)).unwrap_or(length)
        };
        at(self.number)..at(self.number + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crew() -> [Instance; 3] {
        [0, 1, 2].map(|number| Instance { number, count: 3 })
    }

    #[test]
    fn each_key_is_one_instances() {
        let owners = |key: &u32| crew().iter().filter(|instance| instance.owns(key)).count();
        assert!((0..1_000).all(|key| owners(&key) == 1));
        let shares = crew().map(|instance| (0..1_000u32).filter(|key| instance.owns(key)).count());
        assert!(shares.iter().all(|share| (250..400).contains(share)), "{shares:?}");
    }

    #[test]
    fn the_parts_cover_a_range_once() {
        assert_eq!(crew().map(|instance| instance.part_of(10)), [0..3, 3..6, 6..10]);
        let all = crew().map(|instance| instance.part_of(u64::MAX));
        assert_eq!((all[0].start, all[0].end, all[2].end), (0, all[1].start, u64::MAX));
    }
}
