//! How the picture looks: on light and on dark ground, to people who tell few colours apart, and in print.
//!
//! What matters most is also told by shape: who runs is as high as the lane, who waits is a thin band.

use std::io::{self, Write};

use super::columns::KINDS;
use crate::svg::text;

/// The rules of a timeline, for light and for dark ground.
pub(super) const SHEET: (&str, &str) = (
    "
.ran{fill:#0072b2}.ran1{fill:#3c8fc4}.ready{fill:#e69f00;fill-opacity:.7}.depth{fill:#8a929c}
.get{fill:#009e73}.put{fill:#cc79a7}.call{fill:#d55e00}.poll{fill:#a6adb7}.host{fill:#c9b700}.idle{fill:#d8dce2}
.on{fill:#fff}
",
    "
.ran{fill:#2f94d6}.ran1{fill:#7cc0ec}.poll{fill:#6e7681}.idle{fill:#3d444d}.host{fill:#e4d44a}.depth{fill:#7d8590}.on{fill:#0d1117}
",
);

/// Writes the legend from this point on: what there is in the picture.
pub(super) fn legend(out: &mut dyn Write, x: f64, y: f64, waits: [bool; KINDS.len()]) -> io::Result<()> {
    let mut x = x;
    let mut entry = |class: &str, name: &str, height: f64| {
        writeln!(
            out,
            "<rect class=\"{class}\" x=\"{x:.0}\" y=\"{:.1}\" width=\"14\" height=\"{height}\"/>",
            y - 4.0 - height / 2.0
        )?;
        text(out, "dim", x + 19.0, y, name)?;
        x += 34.0 + 5.6 * name.len() as f64;
        Ok::<_, io::Error>(())
    };
    entry("ran", "runs", 11.0)?;
    entry("ready", "waits for a worker", 11.0)?;
    for ((class, name), there) in KINDS.into_iter().zip(waits) {
        if there {
            entry(class, name, 4.0)?;
        }
    }
    Ok(())
}
