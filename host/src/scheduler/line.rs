//! Who has a place on the direct path, and who is next.

use std::collections::VecDeque;

/// As many places as workers, and the line of those who wait for one: `J` begins, `P` goes on.
///
/// Those who begin and those who go on take turns, each in the order in which they came.
pub(super) struct Line<J, P> {
    free: Vec<usize>,
    fresh: VecDeque<J>,
    paused: VecDeque<P>,
    fresh_was_last: bool,
}

impl<J, P> Line<J, P> {
    pub(super) fn new(places: usize) -> Line<J, P> {
        Line {
            // The first place is given first.
            free: (0..places).rev().collect(),
            fresh: VecDeque::new(),
            paused: VecDeque::new(),
            fresh_was_last: false,
        }
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.fresh.len() + self.paused.len()
    }

    /// Whether anybody has a place who wants one.
    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// A free place.
    pub(super) fn take(&mut self) -> Option<usize> {
        self.free.pop()
    }

    /// Nobody needs this place.
    pub(super) fn give_back(&mut self, place: usize) {
        self.free.push(place);
    }

    pub(super) fn begins_later(&mut self, job: J) {
        self.fresh.push_back(job);
    }

    pub(super) fn goes_on_later(&mut self, paused: P) {
        self.paused.push_back(paused);
    }

    /// Whether it is the turn of one who begins.
    pub(super) fn fresh_is_next(&self) -> bool {
        !self.fresh.is_empty() && (!self.fresh_was_last || self.paused.is_empty())
    }

    /// The next one who begins.
    pub(super) fn begins(&mut self) -> Option<J> {
        let job = self.fresh.pop_front()?;
        self.fresh_was_last = true;
        Some(job)
    }

    /// The next one who goes on.
    pub(super) fn goes_on(&mut self) -> Option<P> {
        let paused = self.paused.pop_front()?;
        self.fresh_was_last = false;
        Some(paused)
    }

    /// Somebody does not go on; whether he still waited.
    pub(super) fn leaves(&mut self, is_it: impl FnMut(&P) -> bool) -> bool {
        let at = self.paused.iter().position(is_it);
        at.and_then(|at| self.paused.remove(at)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_begin_and_those_who_go_on_take_turns() {
        let mut line = Line::new(1);
        assert_eq!((line.take(), line.take(), line.is_full()), (Some(0), None, true));
        for number in 1..=4 {
            line.begins_later(number);
        }
        for number in -3..=-1 {
            line.goes_on_later(number);
        }
        assert_eq!(line.len(), 7);
        assert!(line.leaves(|paused| *paused == -2) && !line.leaves(|paused| *paused == -2));
        let order = std::iter::from_fn(|| match line.fresh_is_next() {
            true => line.begins(),
            false => line.goes_on(),
        });
        assert_eq!(order.collect::<Vec<i32>>(), [1, -3, 2, -1, 3, 4]);
        assert!(!line.fresh_is_next());
        line.goes_on_later(-4);
        line.begins_later(5);
        // One who begins was the last.
        assert!(!line.fresh_is_next());
        line.give_back(0);
        assert_eq!((line.is_full(), line.take()), (false, Some(0)));
    }
}
