//! The numbers of all system calls, each with its answer, as a program for the kernel: a search tree.
//!
//! The kernel runs a filter once for every number when it is installed, to know which calls need no filter later. A list that
//! is looked through from its beginning makes that half a millisecond; a tree, some microseconds.

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, SeccompAction, sock_filter};

/// What becomes of a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Allowed,
    /// `EPERM`
    Refused,
    /// `ENOSYS`
    Absent,
    /// What comes behind the tree looks at its arguments.
    Asked,
}

/// Instructions of classic BPF, as the kernel numbers them.
const LOAD: u16 = 0x20;
const JUMP: u16 = 0x05;
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const RETURN: u16 = 0x06;

/// Behind the tree, before it is known how far that is.
const BEHIND: u32 = u32::MAX;

/// Where a call's number and its architecture are found.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// A filter that allows everything.
pub(super) fn allow_all() -> BpfProgram {
    vec![statement(RETURN, SeccompAction::Allow.into())]
}

/// The tree for `architecture`, as the kernel numbers those; any other's calls end the process. `answers` up to `newest`, where
/// a number without one is allowed, and what comes after that is absent. It is followed by what looks at arguments.
pub(super) fn program(architecture: u32, answers: &BTreeMap<u32, Answer>, newest: u32) -> BpfProgram {
    let mut program = vec![
        statement(LOAD, ARCHITECTURE),
        jump(IF_EQUAL, architecture, 1, 0),
        statement(RETURN, SeccompAction::KillProcess.into()),
        statement(LOAD, NUMBER),
    ];
    let mut tree = subtree(&ranges(answers, newest));
    let length = tree.len();
    for (at, instruction) in tree.iter_mut().enumerate() {
        if instruction.code == JUMP && instruction.k == BEHIND {
            instruction.k = distance(length - at - 1);
        }
    }
    program.append(&mut tree);
    program
}

/// Where each run of numbers with the same answer begins.
fn ranges(answers: &BTreeMap<u32, Answer>, newest: u32) -> Vec<(u32, Answer)> {
    let mut ranges = vec![(0, Answer::Allowed)];
    for (number, answer) in answers.range(..=newest) {
        begin(&mut ranges, *number, *answer);
        begin(&mut ranges, number + 1, Answer::Allowed);
    }
    begin(&mut ranges, newest + 1, Answer::Absent);
    ranges
}

/// From this number on there is another answer, whatever was thought of it before.
fn begin(ranges: &mut Vec<(u32, Answer)>, number: u32, answer: Answer) {
    if ranges.last().is_some_and(|(begins, _)| *begins == number) {
        ranges.pop();
    }
    if ranges.last().is_none_or(|(_, last)| *last != answer) {
        ranges.push((number, answer));
    }
}

/// A search among ranges: the lower half follows at once, the upper one behind it.
fn subtree(ranges: &[(u32, Answer)]) -> BpfProgram {
    match ranges {
        [] => Vec::new(),
        [(_, answer)] => vec![leaf(*answer)],
        _ => {
            let (lower, upper) = ranges.split_at(ranges.len() / 2);
            let (mut lower, mut upper, begins) = (subtree(lower), subtree(upper), upper[0].0);
            let mut tree = match u8::try_from(lower.len()) {
                Ok(over) => vec![jump(IF_AT_LEAST, begins, over, 0)],
                Err(_) => vec![jump(IF_AT_LEAST, begins, 0, 1), statement(JUMP, distance(lower.len()))],
            };
            tree.append(&mut lower);
            tree.append(&mut upper);
            tree
        }
    }
}

fn leaf(answer: Answer) -> sock_filter {
    let action = match answer {
        Answer::Asked => return statement(JUMP, BEHIND),
        Answer::Allowed => SeccompAction::Allow,
        Answer::Refused => SeccompAction::Errno(libc::EPERM.unsigned_abs()),
        Answer::Absent => SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
    };
    statement(RETURN, action.into())
}

/// A filter has at most 4,096 instructions.
fn distance(instructions: usize) -> u32 {
    u32::try_from(instructions).unwrap_or(BEHIND)
}

fn statement(code: u16, k: u32) -> sock_filter {
    jump(code, k, 0, 0)
}

fn jump(code: u16, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// What the kernel does with a filter.
#[cfg(test)]
pub(super) mod kernel {
    use seccompiler::sock_filter;

    /// A system call as a filter sees it.
    #[derive(Debug, Clone, Copy, Default)]
    pub(crate) struct Call {
        pub(crate) number: u32,
        pub(crate) architecture: u32,
        pub(crate) arguments: [u64; 6],
    }

    impl Call {
        fn word(&self, offset: u32) -> u32 {
            match offset {
                super::NUMBER => self.number,
                super::ARCHITECTURE => self.architecture,
                _ => {
                    let place = offset - 16;
                    let argument = self.arguments[place as usize / 8];
                    (argument >> (place % 8 * 8)) as u32
                }
            }
        }
    }

    /// What the filter returns; `None` when it ends without.
    pub(crate) fn run(program: &[sock_filter], call: &Call) -> Option<u32> {
        let (mut at, mut value) = (0, 0);
        while let Some(sock_filter { code, jt, jf, k }) = program.get(at).cloned() {
            at += 1;
            let taken = match code {
                0x20 => {
                    value = call.word(k);
                    continue;
                }
                0x54 => {
                    value &= k;
                    continue;
                }
                0x06 => return Some(k),
                0x05 => {
                    at += k as usize;
                    continue;
                }
                0x15 => value == k,
                0x25 => value > k,
                0x35 => value >= k,
                other => panic!("no such instruction: {other:#x}"),
            };
            at += usize::from(if taken { jt } else { jf });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::kernel::{Call, run};
    use super::*;

    const HERE: u32 = 0xc000_003e;

    fn asked(program: &BpfProgram, architecture: u32, number: u32) -> Option<u32> {
        let call = Call {
            number,
            architecture,
            ..Call::default()
        };
        run(program, &call)
    }

    #[test]
    fn every_number_has_its_answer() {
        let some = |every: u32, answer| {
            (0..=469)
                .filter(move |number| number % every == 0)
                .map(move |n| (n, answer))
        };
        let sets: [BTreeMap<u32, Answer>; 4] = [
            BTreeMap::new(),
            BTreeMap::from([(0, Answer::Refused), (469, Answer::Asked)]),
            some(7, Answer::Refused).chain(some(11, Answer::Asked)).collect(),
            some(5, Answer::Absent).chain(some(3, Answer::Refused)).collect(),
        ];
        for answers in sets {
            let program = program(HERE, &answers, 469);
            for number in (0..2_000).chain([0x4000_0000, 0x4000_0000 + 59, u32::MAX]) {
                let expected = match number {
                    ..=469 => answers.get(&number).copied().unwrap_or(Answer::Allowed),
                    _ => Answer::Absent,
                };
                let returned = match expected {
                    Answer::Asked => None,
                    answer => Some(leaf(answer).k),
                };
                assert_eq!(asked(&program, HERE, number), returned, "{number}");
                let elsewhere = asked(&program, 0x4000_0003, number);
                assert_eq!(elsewhere, Some(SeccompAction::KillProcess.into()));
            }
        }
    }
}
