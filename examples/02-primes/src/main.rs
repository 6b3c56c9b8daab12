//! Counts the primes below a number: each instance sieves its part and prints how many it found.
//!
//! `primes [LIMIT]`, 20,000,000 unless said otherwise. The sum over all instances is the number of primes below LIMIT.

use std::ops::Range;
use std::process::ExitCode;

use wasm_pool_guest::Instance;

/// Numbers that are sieved at a time: what fits a processor's cache.
const WINDOW: u64 = 64 << 10;

fn main() -> ExitCode {
    let limit = match std::env::args().nth(1).map(|text| text.parse()) {
        None => 20_000_000,
        Some(Ok(limit)) => limit,
        Some(Err(_)) => {
            eprintln!("usage: primes [LIMIT]");
            return ExitCode::from(2);
        }
    };
    let part = Instance::current().part_of(limit);
    let count = count_primes(part.clone());
    println!("{count} primes from {} to {}", part.start, part.end);
    ExitCode::SUCCESS
}

/// How many primes lie in a range.
fn count_primes(range: Range<u64>) -> u64 {
    let small = primes_below(range.end.isqrt() + 1);
    let mut count = 0;
    let mut start = range.start;
    while start < range.end {
        let end = range.end.min(start + WINDOW);
        count += count_in_window(start..end, &small);
        start = end;
    }
    count
}

fn count_in_window(window: Range<u64>, small: &[u64]) -> u64 {
    let mut composite = vec![false; (window.end - window.start) as usize];
    for &prime in small {
        let first = (window.start.div_ceil(prime) * prime).max(prime * prime);
        for multiple in (first..window.end).step_by(prime as usize) {
            composite[(multiple - window.start) as usize] = true;
        }
    }
    let from = window.start.max(2);
    (from..window.end)
        .filter(|number| !composite[(number - window.start) as usize])
        .count() as u64
}

/// All primes below a small limit.
fn primes_below(limit: u64) -> Vec<u64> {
    let mut composite = vec![false; limit as usize];
    let mut primes = Vec::new();
    for number in 2..limit {
        if !composite[number as usize] {
            primes.push(number);
            for multiple in (number * number..limit).step_by(number as usize) {
                composite[multiple as usize] = true;
            }
        }
    }
    primes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_is_known() {
        assert_eq!(count_primes(0..100), 25);
        assert_eq!(count_primes(0..1_000_000), 78_498);
        assert_eq!(count_primes(0..500_000) + count_primes(500_000..1_000_000), 78_498);
    }
}
