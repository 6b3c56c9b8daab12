//! One input that every guest gets in full.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::watch;

use crate::sync::{Mutex, Rank};

/// An input that each guest reads from its beginning. Cloning gives another view of the same input.
///
/// The source is read once, by a thread of its own that starts when the first guest asks, into an unnamed temporary
/// file; guests read that at their own pace. A guest that reads slowly or never holds up nobody.
#[derive(Clone)]
pub struct CopiedInput {
    spool: Arc<File>,
    progress: watch::Receiver<Progress>,
    reader: Arc<Mutex<Option<Reader>>>,
}

type Reader = Box<dyn FnOnce() + Send>;

#[derive(Debug, Clone, Copy)]
struct Progress {
    spooled: u64,
    ended: Option<Result<(), io::ErrorKind>>,
}

impl CopiedInput {
    /// Copies `source` to everybody who asks.
    ///
    /// # Errors
    /// When no temporary file can be made.
    pub fn new(mut source: impl Read + Send + 'static) -> io::Result<CopiedInput> {
        let spool = Arc::new(tempfile::tempfile()?);
        let (sender, progress) = watch::channel(Progress {
            spooled: 0,
            ended: None,
        });
        let mut file = spool.try_clone()?;
        let copy = move || {
            let mut buffer = vec![0; 64 << 10];
            let ended = loop {
                match source.read(&mut buffer) {
                    Ok(0) => break Ok(()),
                    Ok(read) => match file.write_all(&buffer[..read]) {
                        Ok(()) => sender.send_modify(|progress| progress.spooled += read as u64),
                        Err(error) => break Err(error.kind()),
                    },
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => break Err(error.kind()),
                }
            };
            sender.send_modify(|progress| progress.ended = Some(ended));
        };
        Ok(CopiedInput {
            spool,
            progress,
            reader: Arc::new(Mutex::new(Rank::Reader, Some(Box::new(copy)))),
        })
    }

    /// What stands at `offset`, at most `size` bytes, once there is something; `None` at the end.
    pub(super) async fn next(&self, offset: u64, size: usize) -> Option<io::Result<Bytes>> {
        self.start();
        let mut progress = self.progress.clone();
        let now = progress
            .wait_for(|now| now.spooled > offset || now.ended.is_some())
            .await;
        // The reader always says how it ended, unless it could not be started.
        let now = now.map_or(
            Progress {
                spooled: 0,
                ended: Some(Ok(())),
            },
            |now| *now,
        );
        if now.spooled <= offset {
            return match now.ended {
                Some(Err(kind)) => Some(Err(kind.into())),
                _ => None,
            };
        }
        let there = usize::try_from(now.spooled - offset).unwrap_or(usize::MAX);
        let mut buffer = vec![0; size.min(there)];
        Some(self.spool.read_exact_at(&mut buffer, offset).map(|()| buffer.into()))
    }

    fn start(&self) {
        let Some(copy) = self.reader.lock().take() else { return };
        // Without a thread there is no reader: its sender is dropped and guests see the end of the input.
        let _ = std::thread::Builder::new()
            .name("wasm-pool-stdin".to_owned())
            .spawn(copy);
    }
}

impl fmt::Debug for CopiedInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CopiedInput").finish_non_exhaustive()
    }
}
