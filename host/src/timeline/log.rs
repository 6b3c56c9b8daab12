//! What one worker ran, piece by piece, in bounded memory.
//!
//! A piece is one turn of one life. When the log is full, turns of the same life that lie close together become one piece, which
//! keeps their sums and forgets where within it they were; how close is the *grain*, which grows with the run, so that a picture
//! as wide as a screen looks the same. A log of more lives than pieces takes no more, and counts what it leaves out.

use std::collections::HashMap;

use super::waits::Code;

/// One turn of a life on a worker, or several that were too close to be told apart. Times are nanoseconds of the recorder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece {
    pub life: u32,
    pub turns: u32,
    /// What it waited for afterwards.
    pub then: Code,
    /// From when it waited for the worker.
    pub woken: u64,
    pub began: u64,
    pub ended: u64,
    /// Of the time since it was woken: on the worker, and waiting for it. The rest it waited for other things.
    pub ran: u64,
    pub ready: u64,
    /// What was charged to the life.
    pub cpu: u64,
}

impl Piece {
    /// The next piece of the same life becomes a part of this one.
    pub(super) fn take_in(&mut self, next: &Piece) {
        self.turns = self.turns.saturating_add(next.turns);
        self.then = next.then;
        self.ended = self.ended.max(next.ended);
        self.ran += next.ran;
        self.ready += next.ready;
        self.cpu += next.cpu;
    }
}

/// A worker's log.
///
/// Invariant: there are at most `most` pieces.
pub(super) struct Log {
    pieces: Vec<Piece>,
    most: usize,
    /// Turns of a life that end within this time of the piece's begin are part of it; 0 at first.
    grain: u64,
    /// Turns for which there was no room.
    lost: u64,
    /// How long the worker has run lives.
    busy: u64,
}

/// The first grain, as a part of the time so far: finer than the columns of a picture.
const FINEST: u64 = 4_096;

impl Log {
    pub(super) fn new(most: usize) -> Log {
        Log {
            pieces: Vec::new(),
            most: most.max(2),
            grain: 0,
            lost: 0,
            busy: 0,
        }
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    pub(super) fn grain(&self) -> u64 {
        self.grain
    }

    pub(super) fn busy(&self) -> u64 {
        self.busy
    }

    /// Adds a turn of a life whose last piece here may be the one at `last`; where it is now.
    pub(super) fn add(&mut self, piece: Piece, last: u32) -> u32 {
        self.busy += piece.ran;
        if self.grain > 0
            && let Some(before) = self.pieces.get_mut(last as usize)
            && is_close(before, &piece, self.grain)
        {
            before.take_in(&piece);
            return last;
        }
        if self.pieces.len() >= self.most && !self.make_room(piece.ended) {
            self.lost += u64::from(piece.turns);
            return u32::MAX;
        }
        self.pieces.push(piece);
        u32::try_from(self.pieces.len() - 1).unwrap_or(u32::MAX)
    }

    /// Makes half of it free, if merging can.
    fn make_room(&mut self, now: u64) -> bool {
        if self.grain > now {
            return false;
        }
        while self.pieces.len() > self.most / 2 && self.grain <= now {
            self.grain = self.grain.saturating_mul(2).max(now / FINEST).max(1);
            self.merge();
        }
        self.pieces.len() < self.most
    }

    fn merge(&mut self) {
        let mut last_of: HashMap<u32, usize> = HashMap::new();
        let mut kept: Vec<Piece> = Vec::with_capacity(self.pieces.len());
        for piece in self.pieces.drain(..) {
            let at = last_of.entry(piece.life).or_insert(usize::MAX);
            match kept.get_mut(*at) {
                Some(before) if is_close(before, &piece, self.grain) => before.take_in(&piece),
                _ => {
                    *at = kept.len();
                    kept.push(piece);
                }
            }
        }
        self.pieces = kept;
    }
}

fn is_close(before: &Piece, next: &Piece, grain: u64) -> bool {
    before.life == next.life && next.ended.saturating_sub(before.woken) <= grain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(life: u32, began: u64, ended: u64) -> Piece {
        Piece {
            life,
            turns: 1,
            then: Code::TURN,
            woken: began - 1,
            began,
            ended,
            ran: ended - began,
            ready: 1,
            cpu: ended - began,
        }
    }

    #[test]
    fn a_full_log_keeps_its_sums() {
        let mut log = Log::new(64);
        let mut last = [u32::MAX; 3];
        for number in 1..=100_000u64 {
            let life = (number % 3) as usize;
            last[life] = log.add(turn(life as u32, number * 10, number * 10 + 4), last[life]);
        }
        assert!(log.pieces().len() <= 64 && log.grain() > 0, "{}", log.pieces().len());
        let sum = |of: fn(&Piece) -> u64| log.pieces().iter().map(of).sum::<u64>();
        assert_eq!(sum(|piece| piece.ran), 400_000);
        assert_eq!(sum(|piece| piece.ready), 100_000);
        assert_eq!(sum(|piece| u64::from(piece.turns)), 100_000);
        assert_eq!((log.lost(), log.busy()), (0, 400_000));
        // Every life is still told from the others.
        for life in 0..3 {
            let of_life = log.pieces().iter().filter(|piece| piece.life == life);
            let ran: u64 = of_life.map(|piece| piece.ran).sum();
            assert!((133_000..134_000).contains(&ran), "{ran}");
        }
    }

    #[test]
    fn a_log_of_too_many_lives_counts_what_it_leaves_out() {
        let mut log = Log::new(16);
        for life in 0..100 {
            log.add(turn(life, 10, 20), u32::MAX);
        }
        assert_eq!((log.pieces().len(), log.lost()), (16, 84));
    }
}
