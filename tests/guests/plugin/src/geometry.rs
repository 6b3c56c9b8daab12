//! Points in the plane.

use crate::bindings::exports::demo::plugin::geometry::{Guest, Point};

impl Guest for crate::Plugin {
    fn distance(a: Point, b: Point) -> f64 {
        (a.x - b.x).hypot(a.y - b.y)
    }

    fn centroid(points: Vec<Point>) -> Option<Point> {
        if points.is_empty() {
            return None;
        }
        let count = points.len() as f64;
        Some(Point {
            x: points.iter().map(|point| point.x).sum::<f64>() / count,
            y: points.iter().map(|point| point.y).sum::<f64>() / count,
        })
    }

    fn name() -> String {
        "geometry".to_owned()
    }
}
