//! Where a guest's standard streams lead: nowhere, unless said otherwise.
//!
//! Nothing is inherited. Output goes through a bounded [pipe](OutputPipe) that the host drains at its own pace: a
//! guest that writes faster waits on its fiber, holds no worker, and its deadline goes on. Input comes from bytes, or
//! from a source that several guests [share](SharedInput) or each read [in full](CopiedInput).

mod copied;
mod guest;
mod pipe;
mod shared;

pub use copied::CopiedInput;
pub(crate) use guest::{GuestInput, GuestOutput, Written};
pub use pipe::{OutputPipe, Take};
pub use shared::{Portion, SharedInput};

/// The standard streams of one interpreter.
#[derive(Debug, Clone, Default)]
pub struct Stdio {
    /// What the guest reads.
    pub stdin: Input,
    /// Where its stdout goes.
    pub stdout: Output,
    /// Where its stderr goes.
    pub stderr: Output,
}

/// What a guest reads from its stdin.
#[derive(Debug, Clone, Default)]
pub enum Input {
    /// Nothing: the end of the input at once.
    #[default]
    Null,
    /// These bytes.
    Bytes(bytes::Bytes),
    /// Its part of an input that several guests share.
    Shared(SharedInput),
    /// All of an input that every guest gets in full.
    Copied(CopiedInput),
}

/// Where a guest's output goes.
#[derive(Debug, Clone, Default)]
pub enum Output {
    /// Nowhere; it still counts towards [`Limits::output`](crate::Limits::output).
    #[default]
    Discard,
    /// Into a pipe that the host drains.
    Pipe(OutputPipe),
}
