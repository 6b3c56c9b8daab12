//! What WASI needs of an async runtime: timers, sockets, threads for blocking file calls. Guests never run on it.

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// A runtime with one thread that only waits; it ends when this is dropped, and nobody waits for that.
pub(super) struct Reactor {
    handle: Handle,
    /// Dropping it ends the thread.
    _stop: oneshot::Sender<()>,
}

impl Reactor {
    /// Starts the thread.
    pub(super) fn start() -> Result<Reactor> {
        let failed = |error: std::io::Error| Error::host(format!("the I/O thread cannot be started: {error}"));
        // Not tokio's own threads: it panics where the system gives none.
        let runtime = Builder::new_current_thread()
            .thread_name("wasm-pool-file")
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        std::thread::Builder::new()
            .name("wasm-pool-io".to_owned())
            .spawn(move || {
                // Ends with an error when the other side is dropped, which is the only way.
                let _ = runtime.block_on(stopped);
                // A file thread may hang in the kernel (a dead network disk): nobody waits for it.
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        Ok(Reactor { handle, _stop: stop })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}
