//! The guest's ends of its standard streams, as WASI sees them.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdinStream, StdoutStream};
use wasmtime_wasi::p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult};

use super::{Input, Output};
use crate::ledger::{Kind, Ledger};
use crate::limiter::Vitals;
use crate::limits::{LimitHit, LimitKind};
use crate::outcome::Stop;
use crate::sync::{Mutex, Rank};

/// The most that one read gives and one write takes, in bytes: what bounds the host's copies.
const PORTION: usize = 64 << 10;

/// What a guest has written, on both streams together, and may write.
#[derive(Debug)]
pub(crate) struct Written {
    bytes: AtomicU64,
    limit: u64,
    /// With whom it writes, if with anybody.
    family: Option<Arc<Ledger>>,
}

impl Written {
    pub(crate) fn new(limit: u64, family: Option<Arc<Ledger>>) -> Written {
        Written {
            bytes: AtomicU64::new(0),
            limit,
            family,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    fn add(&self, bytes: usize) -> Result<(), Stop> {
        let sum = self.bytes.load(Relaxed).saturating_add(bytes as u64);
        match &self.family {
            Some(family) => family.spend(Kind::Output, bytes as u64).map_err(Stop::Limit)?,
            None if sum > self.limit => {
                return Err(Stop::Limit(LimitHit::new(LimitKind::Output, self.limit, None)));
            }
            None => {}
        }
        self.bytes.store(sum, Relaxed);
        Ok(())
    }
}

/// A guest's stdout or stderr.
#[derive(Clone)]
pub(crate) struct GuestOutput {
    output: Output,
    vitals: Arc<Vitals>,
    /// What the guest was told that it may write. Others may write into the same pipe meanwhile: its children, or its parent.
    promised: Arc<AtomicUsize>,
}

impl GuestOutput {
    pub(crate) fn new(output: Output, vitals: &Arc<Vitals>) -> GuestOutput {
        GuestOutput {
            output,
            vitals: Arc::clone(vitals),
            promised: Arc::default(),
        }
    }

    /// Writes all of it, as a guest would: waits for room, and what is written counts.
    pub(crate) async fn say(&self, mut bytes: &[u8]) -> Result<(), Stop> {
        while !bytes.is_empty() {
            let room = match &self.output {
                Output::Discard => PORTION,
                Output::Pipe(pipe) => {
                    poll_fn(|cx| pipe.poll_room(cx)).await;
                    pipe.room()?
                }
            };
            let (portion, rest) = bytes.split_at(room.min(bytes.len()));
            self.vitals.written.add(portion.len())?;
            if let Output::Pipe(pipe) = &self.output {
                pipe.push(portion)?;
            }
            bytes = rest;
        }
        Ok(())
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    /// Only WASI 0.3 asks for this, and it is not compiled in.
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(tokio::io::sink())
    }
}

impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.vitals.written.add(bytes.len()).map_err(trap)?;
        match &self.output {
            Output::Discard => Ok(()),
            Output::Pipe(pipe) => {
                let promised = self.promised.swap(0, Relaxed);
                if bytes.len() > promised.max(pipe.room().map_err(trap)?) {
                    return Err(StreamError::trap("more was written than the stream had room for"));
                }
                self.promised.store(promised.saturating_sub(bytes.len()), Relaxed);
                pipe.push(&bytes).map_err(trap)
            }
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        match &self.output {
            Output::Discard => Ok(PORTION),
            Output::Pipe(pipe) => {
                let room = pipe.room().map_err(trap)?.min(PORTION);
                self.promised.store(room, Relaxed);
                Ok(room)
            }
        }
    }
}

#[async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {
        if let Output::Pipe(pipe) = &self.output {
            poll_fn(|cx| pipe.poll_room(cx)).await;
        }
    }
}

fn trap(stop: Stop) -> StreamError {
    StreamError::Trap(stop.into())
}

/// A guest's stdin. Every stream that the guest opens on it shares one position.
#[derive(Debug, Clone)]
pub(crate) struct GuestInput {
    input: Input,
    ahead: Arc<Mutex<Ahead>>,
}

/// What has come and was not read yet.
#[derive(Debug, Default)]
struct Ahead {
    portions: VecDeque<Bytes>,
    /// Bytes that came so far.
    offset: u64,
    end: Option<Result<(), std::io::Error>>,
}

impl GuestInput {
    /// The guest's end of an input; `None` for one that has nothing.
    pub(crate) fn new(input: Input) -> Option<GuestInput> {
        let mut ahead = Ahead::default();
        if let Input::Null = input {
            return None;
        }
        if let Input::Bytes(bytes) = &input {
            ahead.portions.push_back(bytes.clone());
        }
        Some(GuestInput {
            input,
            ahead: Arc::new(Mutex::new(Rank::Input, ahead)),
        })
    }

    async fn next(&self, offset: u64) -> Option<std::io::Result<Bytes>> {
        match &self.input {
            Input::Null | Input::Bytes(_) => None,
            Input::Shared(shared) => shared.next().await,
            Input::Copied(copied) => copied.next(offset, PORTION).await,
        }
    }
}

impl IsTerminal for GuestInput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for GuestInput {
    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }

    /// Only WASI 0.3 asks for this, and it is not compiled in.
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncRead + Send + Sync> {
        Box::new(tokio::io::empty())
    }
}

#[async_trait]
impl InputStream for GuestInput {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut ahead = self.ahead.lock();
        let Some(first) = ahead.portions.front_mut() else {
            return match ahead.end.take() {
                None => Ok(Bytes::new()),
                Some(Ok(())) => {
                    ahead.end = Some(Ok(()));
                    Err(StreamError::Closed)
                }
                Some(Err(error)) => {
                    ahead.end = Some(Ok(()));
                    Err(StreamError::LastOperationFailed(error.into()))
                }
            };
        };
        let read = first.split_to(size.min(PORTION).min(first.len()));
        if first.is_empty() {
            ahead.portions.pop_front();
        }
        Ok(read)
    }
}

#[async_trait]
impl Pollable for GuestInput {
    async fn ready(&mut self) {
        let offset = {
            let ahead = self.ahead.lock();
            if !ahead.portions.is_empty() || ahead.end.is_some() {
                return;
            }
            ahead.offset
        };
        let next = self.next(offset).await;
        let mut ahead = self.ahead.lock();
        match next {
            Some(Ok(bytes)) => {
                ahead.offset += bytes.len() as u64;
                ahead.portions.push_back(bytes);
            }
            Some(Err(error)) => ahead.end = Some(Err(error)),
            None => ahead.end = Some(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::stdio::OutputPipe;

    #[test]
    fn what_was_promised_can_be_written_once_whoever_came_between() {
        let pipe = OutputPipe::new(4, || ());
        let output = || {
            GuestOutput::new(
                Output::Pipe(pipe.clone()),
                &Arc::new(Vitals::new(&Limits::default(), None)),
            )
        };
        let (mut parent, mut child) = (output(), output());
        assert!(matches!(parent.check_write(), Ok(4)));
        assert!(matches!(child.check_write(), Ok(4)));
        assert!(child.write(Bytes::from_static(b"abcd")).is_ok());
        assert!(parent.write(Bytes::from_static(b"ef")).is_ok());
        assert!(parent.write(Bytes::from_static(b"gh")).is_ok());
        assert!(matches!(parent.check_write(), Ok(0)));
        assert!(parent.write(Bytes::from_static(b"i")).is_err());
        assert_eq!(pipe.take_all(), b"abcdefgh");
    }
}
