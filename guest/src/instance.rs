//! Which instance this is, of how many: for guests that share work out among themselves without talking to each other.

use std::hash::{DefaultHasher, Hash, Hasher};

/// One of the instances that run side by side.
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
    ///
    /// ```
    /// use wasm_pool_guest::Instance;
    ///
    /// let crew = [0, 1, 2].map(|number| Instance { number, count: 3 });
    /// let owners = crew.iter().filter(|instance| instance.owns("a/file.txt")).count();
    /// assert_eq!(owners, 1);
    /// ```
    pub fn owns(&self, key: impl Hash) -> bool {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        hasher.finish() % self.count == self.number
    }

    /// This instance's part of `0..length`, as even as it can be; the parts of all instances cover it once.
    ///
    /// ```
    /// use wasm_pool_guest::Instance;
    ///
    /// let parts = [0, 1, 2].map(|number| Instance { number, count: 3 }.part_of(10));
    /// assert_eq!(parts, [0..3, 3..6, 6..10]);
    /// ```
    pub fn part_of(&self, length: u64) -> std::ops::Range<u64> {
        let at = |number: u64| {
            let product = u128::from(number) * u128::from(length);
            u64::try_from(product / u128::from(self.count)).unwrap_or(length)
        };
        at(self.number)..at(self.number + 1)
    }
}
