//! Random numbers that a seed decides: xoshiro256++ (Blackman and Vigna, 2018).

/// Its state; never all zeros.
pub(crate) struct Random([u64; 4]);

impl Random {
    /// Seeds that follow each other give unrelated numbers: the state is four outputs of splitmix64, as the authors advise.
    pub(crate) fn new(seed: u64) -> Self {
        let mut at = seed;
        Self([(); 4].map(|()| mix(&mut at)))
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.0;
        let (third, fourth) = (c ^ a, d ^ b);
        self.0 = [a ^ fourth, b ^ third, third ^ (b << 17), fourth.rotate_left(45)];
        a.wrapping_add(d).rotate_left(23).wrapping_add(a)
    }

    /// A number from -1 to 1, from the upper 53 bits: what an `f64` can hold.
    pub(crate) fn coordinate(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// A step of splitmix64.
fn mix(at: &mut u64) -> u64 {
    *at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *at;
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers that the authors' own programs give.
    #[test]
    fn gives_the_published_numbers() {
        let mut at = 0;
        assert_eq!(mix(&mut at), 0xe220_a839_7b1d_cdaf);
        let mut random = Random([1, 2, 3, 4]);
        assert_eq!(
            [(); 3].map(|()| random.next()),
            [41_943_041, 58_720_359, 3_588_806_011_781_223]
        );
    }

    #[test]
    fn stays_in_the_square() {
        let mut random = Random::new(1);
        let sum: f64 = (0..100_000)
            .map(|_| random.coordinate())
            .inspect(|coordinate| assert!((-1.0..1.0).contains(coordinate)))
            .sum();
        assert!(sum.abs() < 1000.0, "{sum}");
    }
}
