//! One input that several guests share: each portion goes to one of them.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use bytes::Bytes;

use crate::sync::{Mutex, Rank};

/// Portions that wait between the reader and the guests: enough to keep every worker fed while the reader is in the
/// kernel; as many of the longest are 16 MiB.
const AHEAD: usize = 16;

/// The longest portion, in bytes; a longer line is handed out in pieces to whoever asks.
const LONGEST: u64 = 1 << 20;

/// An input that guests share; whoever asks first gets the next portion. Cloning gives another share of the same input.
///
/// The source is read by a thread of its own, which starts when the first guest asks: a guest that never reads is
/// never held up by a terminal that nobody types at.
#[derive(Clone)]
pub struct SharedInput {
    portions: async_channel::Receiver<io::Result<Bytes>>,
    reader: Arc<Mutex<Option<Reader>>>,
}

type Reader = Box<dyn FnOnce() + Send>;

/// What is handed out at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portion {
    /// One line, with its line break.
    Line,
    /// Whatever one read of the source gave.
    Read,
}

impl SharedInput {
    /// Shares `source` out.
    pub fn new(source: impl Read + Send + 'static, portion: Portion) -> SharedInput {
        let (sender, portions) = async_channel::bounded(AHEAD);
        let read = move || {
            let mut source = BufReader::with_capacity(64 << 10, source);
            loop {
                let next = match portion {
                    Portion::Line => next_line(&mut source),
                    Portion::Read => next_read(&mut source),
                };
                let (ended, failed) = (next.as_ref().is_ok_and(Bytes::is_empty), next.is_err());
                // Sending fails when nobody is left who could ask.
                if ended || sender.send_blocking(next).is_err() || failed {
                    return;
                }
            }
        };
        SharedInput {
            portions,
            reader: Arc::new(Mutex::new(Rank::Reader, Some(Box::new(read)))),
        }
    }

    /// The next portion; `None` at the end.
    pub(super) async fn next(&self) -> Option<io::Result<Bytes>> {
        self.start();
        self.portions.recv().await.ok()
    }

    fn start(&self) {
        let Some(read) = self.reader.lock().take() else { return };
        let thread = std::thread::Builder::new().name("wasm-pool-stdin".to_owned());
        // Without a thread there is no reader: its sender is dropped and guests see the end of the input.
        let _ = thread.spawn(read);
    }
}

fn next_line(source: &mut impl BufRead) -> io::Result<Bytes> {
    let mut line = Vec::new();
    source.take(LONGEST).read_until(b'\n', &mut line)?;
    Ok(line.into())
}

fn next_read(source: &mut impl BufRead) -> io::Result<Bytes> {
    let bytes = Bytes::copy_from_slice(source.fill_buf()?);
    source.consume(bytes.len());
    Ok(bytes)
}

impl fmt::Debug for SharedInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedInput").finish_non_exhaustive()
    }
}
