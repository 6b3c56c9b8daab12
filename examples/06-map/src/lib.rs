//! Measures discs by throwing random points: one call is one point of a parameter sweep, and needs nothing but its
//! arguments. So a sweep can be run on any number of instances in any order, and gives the same numbers.
// Elsewhere it exports nothing: the names of its exports are none that a native linker takes.
#![cfg_attr(not(target_family = "wasm"), allow(dead_code))]

mod plot;
mod random;

use std::f64::consts::{PI, SQRT_2};

use bindings::exports::demo::sweep::disc::{self, Measurement};
use random::Random;

mod bindings {
    #![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all)]

    wit_bindgen::generate!({ world: "sweep" });

    #[cfg(target_family = "wasm")]
    use super::Sweep;
    #[cfg(target_family = "wasm")]
    export!(Sweep);
}

struct Sweep;

/// The area of the square that the points fall into: from -1 to 1, both ways.
const SQUARE: f64 = 4.0;

impl bindings::Guest for Sweep {
    fn square(x: u32) -> u32 {
        x.wrapping_mul(x)
    }
}

impl disc::Guest for Sweep {
    fn estimate(seed: u64, samples: u32, radius: f64) -> Measurement {
        let samples = samples.max(1);
        let mut random = Random::new(seed);
        let mut point = || {
            let (x, y) = (random.coordinate(), random.coordinate());
            x * x + y * y
        };
        let hits = (0..samples).filter(|_| point() < radius * radius).count();
        let share = hits as f64 / f64::from(samples);
        Measurement {
            radius,
            area: SQUARE * share,
            error: SQUARE * (share * (1.0 - share) / f64::from(samples)).sqrt(),
            samples,
        }
    }

    fn plot(rows: Vec<Measurement>) -> String {
        plot::svg(&rows)
    }
}

/// The area of a disc inside the square, in closed form.
fn area(radius: f64) -> f64 {
    if radius <= 1.0 {
        PI * radius * radius
    } else if radius < SQRT_2 {
        // Four sectors towards the corners, and eight triangles between them.
        let corner = (1.0 / radius).acos();
        radius * radius * (PI - 4.0 * corner) + 4.0 * (radius * radius - 1.0).sqrt()
    } else {
        SQUARE
    }
}

#[cfg(test)]
mod tests {
    use super::disc::Guest;
    use super::*;

    #[test]
    fn measures_what_the_formula_says() {
        for (seed, radius) in [(1, 0.1), (2, 0.5), (3, 1.0), (4, 1.2)] {
            let found = Sweep::estimate(seed, 100_000, radius);
            let off = (found.area - area(radius)).abs() / found.error;
            assert!(off < 4.0, "radius {radius}: {off} standard errors off");
        }
    }

    #[test]
    fn measures_the_whole_square_and_nothing() {
        let (all, nothing) = (Sweep::estimate(5, 1000, 1.5), Sweep::estimate(5, 0, 0.0));
        assert_eq!((all.area, all.error), (4.0, 0.0));
        assert_eq!((nothing.area, nothing.samples), (0.0, 1));
    }

    #[test]
    fn the_same_seed_measures_the_same() {
        let area = |seed| Sweep::estimate(seed, 10_000, 0.8).area;
        assert_eq!(area(7), area(7));
        assert_ne!(area(7), area(8));
    }

    #[test]
    fn the_formula_has_no_steps() {
        for radius in [1.0, SQRT_2] {
            assert!((area(radius - 1e-9) - area(radius + 1e-9)).abs() < 1e-6);
        }
    }
}
