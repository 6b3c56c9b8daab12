//! Damaged seeds: what libFuzzer does, for toolchains that have none.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// One change to some bytes.
#[derive(Debug, Clone)]
pub(crate) enum Damage {
    /// A byte becomes another one.
    Set(Index, u8),
    /// A bit becomes the other one.
    Flip(Index, u8),
    /// Bytes come in between.
    Insert(Index, Vec<u8>),
    /// A word of such bytes comes in between, so many times.
    Word(Index, Index, usize),
    /// Bytes go.
    Remove(Index, usize),
    /// A part comes once more, somewhere else.
    Repeat(Index, usize, Index),
    /// A part of another seed comes in between.
    Splice(Index, Index, Index, usize),
    /// The rest goes.
    Cut(Index),
}

/// A seed and what is done to it; or no seed, and any bytes.
pub(crate) fn damage() -> impl Strategy<Value = (Index, Vec<Damage>)> {
    let at = any::<Index>;
    let one = prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        3 => (at(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        2 => (at(), vec(any::<u8>(), 1..9)).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        4 => (at(), at(), prop_oneof![9 => 1..3usize, 1 => 100..400usize]).prop_map(|(at, word, times)| Damage::Word(at, word, times)),
        2 => (at(), 1..20usize).prop_map(|(at, count)| Damage::Remove(at, count)),
        2 => (at(), 1..60usize, at()).prop_map(|(at, count, to)| Damage::Repeat(at, count, to)),
        2 => (at(), at(), at(), 1..200usize).prop_map(|(at, seed, from, count)| Damage::Splice(at, seed, from, count)),
        1 => at().prop_map(Damage::Cut),
    ];
    (at(), vec(one, 1..8))
}

/// Never longer than this.
const LONGEST: usize = 64 << 10;

/// The seed with its damage.
pub(crate) fn damaged(seeds: &[Vec<u8>], words: &[&str], seed: &Index, damage: &[Damage]) -> Vec<u8> {
    let mut bytes = seed.get(seeds).clone();
    for damage in damage {
        let place = |at: &Index| at.index(bytes.len() + 1);
        match damage {
            Damage::Set(at, byte) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Damage::Flip(at, bit) if !bytes.is_empty() => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Damage::Set(..) | Damage::Flip(..) => {}
            Damage::Insert(at, more) => {
                let at = place(at);
                bytes.splice(at..at, more.iter().copied());
            }
            Damage::Word(at, word, times) => {
                if !words.is_empty() {
                    let (at, more) = (place(at), word.get(words).repeat(*times));
                    bytes.splice(at..at, more.bytes());
                }
            }
            Damage::Remove(at, count) => {
                let at = place(at);
                let end = (at + count).min(bytes.len());
                bytes.drain(at..end);
            }
            Damage::Repeat(at, count, to) => {
                let (at, to) = (place(at), place(to));
                let part = bytes[at..(at + count).min(bytes.len())].to_vec();
                bytes.splice(to..to, part);
            }
            Damage::Splice(at, seed, from, count) => {
                let (at, other) = (place(at), seed.get(seeds));
                let from = from.index(other.len() + 1);
                let part = &other[from..(from + count).min(other.len())];
                bytes.splice(at..at, part.iter().copied());
            }
            Damage::Cut(at) => {
                let at = place(at);
                bytes.truncate(at);
            }
        }
        bytes.truncate(LONGEST);
    }
    bytes
}
