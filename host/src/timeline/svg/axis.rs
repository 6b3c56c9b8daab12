//! The axis of time: round steps, in units that people read.

use std::time::Duration;

use crate::units::show_duration;

/// So many steps, or a few less.
const STEPS: u64 = 9;

const SECOND: u64 = 1_000_000_000;

/// Steps above ten seconds, in seconds: people count by sixty there.
const LONG: [u64; 12] = [10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400];

/// The times to mark within so many nanoseconds, and what they are called.
pub(super) fn marks(span: u64) -> Vec<(u64, String)> {
    let step = step(span);
    (0..=span / step)
        .map(|number| (number * step, show_duration(Duration::from_nanos(number * step))))
        .collect()
}

fn step(span: u64) -> u64 {
    let least = (span / STEPS).max(1);
    if least >= 5 * SECOND {
        let long = LONG.iter().map(|seconds| seconds * SECOND).find(|step| *step >= least);
        // Days, then.
        return long.unwrap_or_else(|| least.next_multiple_of(86_400 * SECOND));
    }
    let power = 10u64.pow(least.ilog10());
    [1, 2, 5, 10]
        .into_iter()
        .map(|times| times * power)
        .find(|step| *step >= least)
        .unwrap_or(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        for span in [
            1,
            90,
            12_345,
            347_000_000,
            4 * SECOND,
            59 * SECOND,
            10_000 * SECOND,
            999_999 * SECOND,
        ] {
            let marks = marks(span);
            assert!(marks.len() <= 11, "{span}: {marks:?}");
            assert!(span < 9 || marks.len() >= 4, "{span}: {marks:?}");
        }
        let names: Vec<_> = marks(347_000_000).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["0s", "50ms", "100ms", "150ms", "200ms", "250ms", "300ms"]);
        assert_eq!(marks(61 * SECOND)[3].1, "30s");
    }
}
