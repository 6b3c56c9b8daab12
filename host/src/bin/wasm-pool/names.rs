//! What the guests of a run are called.

use std::fmt;

/// The guests of a run, by their places in it: which program each is a copy of, and which copy.
#[derive(Debug, Clone)]
pub(crate) struct Names(Vec<(String, usize)>);

impl Names {
    /// Copies of one program.
    pub(crate) fn copies(program: &str, copies: usize) -> Names {
        let mut names = Names::none();
        names.add(program, copies);
        names
    }

    /// Nobody.
    pub(crate) fn none() -> Names {
        Names(Vec::new())
    }

    /// Adds copies of a program.
    pub(crate) fn add(&mut self, program: &str, copies: usize) {
        self.0.extend((0..copies).map(|copy| (program.to_owned(), copy)));
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The program of one.
    pub(crate) fn program(&self, place: usize) -> &str {
        &self.0[place].0
    }

    /// Which copy of its program it is.
    pub(crate) fn copy(&self, place: usize) -> usize {
        self.0[place].1
    }

    /// `dedupe#3`
    pub(crate) fn label(&self, place: usize) -> impl fmt::Display {
        let (program, copy) = &self.0[place];
        format!("{program}#{copy}")
    }
}
