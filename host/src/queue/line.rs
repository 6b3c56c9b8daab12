//! Who waits, in the order of coming.

use std::collections::VecDeque;

/// A FIFO whose members may leave before it is their turn.
///
/// Invariants: tickets grow towards the back; at most half of the places, and a few, are empty.
pub(super) struct Line<T> {
    places: VecDeque<(Ticket, Option<T>)>,
    next: u64,
    members: usize,
}

/// A place in a line; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticket(u64);

/// So many empty places are not worth tidying up.
const FEW: usize = 16;

impl<T> Line<T> {
    pub(super) fn new() -> Line<T> {
        Line {
            places: VecDeque::new(),
            next: 0,
            members: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members == 0
    }

    pub(super) fn len(&self) -> usize {
        self.members
    }

    /// Joins at the back.
    pub(super) fn join(&mut self, member: T) -> Ticket {
        let ticket = Ticket(self.next);
        self.next += 1;
        self.members += 1;
        self.places.push_back((ticket, Some(member)));
        ticket
    }

    /// Who is first.
    pub(super) fn first(&mut self) -> Option<&mut T> {
        while let Some((_, None)) = self.places.front() {
            self.places.pop_front();
        }
        self.places.front_mut().and_then(|(_, member)| member.as_mut())
    }

    /// Takes out who is first.
    pub(super) fn take_first(&mut self) -> Option<T> {
        loop {
            let (_, place) = self.places.pop_front()?;
            if let Some(member) = place {
                self.members -= 1;
                return Some(member);
            }
        }
    }

    /// Takes out who has this place, if he still has it.
    pub(super) fn leave(&mut self, ticket: Ticket) -> Option<T> {
        let at = self.places.binary_search_by_key(&ticket, |(ticket, _)| *ticket).ok()?;
        let member = self.places[at].1.take()?;
        self.members -= 1;
        if self.places.len() > 2 * self.members + FEW {
            self.places.retain(|(_, place)| place.is_some());
        }
        Some(member)
    }

    /// Takes out everybody.
    pub(super) fn take_all(&mut self) -> impl Iterator<Item = T> {
        self.members = 0;
        std::mem::take(&mut self.places)
            .into_iter()
            .filter_map(|(_, place)| place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_stays_is_served_in_order_and_whoever_leaves_leaves_no_hole() {
        let mut line = Line::new();
        let tickets: Vec<_> = (0..100).map(|member| line.join(member)).collect();
        for ticket in tickets.iter().filter(|ticket| ticket.0 % 3 != 0) {
            assert_eq!(line.leave(*ticket), Some(ticket.0));
            assert_eq!(line.leave(*ticket), None);
        }
        assert!(line.places.len() <= 2 * line.members + FEW);
        assert_eq!(line.first(), Some(&mut 0));
        let served: Vec<_> = std::iter::from_fn(|| line.take_first()).collect();
        assert_eq!(served, (0..100).step_by(3).collect::<Vec<_>>());
        assert!(line.is_empty());
    }

    #[test]
    fn one_who_waits_for_ever_does_not_let_the_line_grow() {
        let mut line = Line::new();
        let stays = line.join(0);
        for round in 1..10_000 {
            let ticket = line.join(round);
            line.leave(ticket);
        }
        assert!(line.places.len() <= 2 + FEW);
        assert_eq!(line.leave(stays), Some(0));
    }
}
