//! A blocking call made async, on a thread of its own.
//!
//! For the rare and long (loading a program, shutting a pool down): a thread each is cheap beside what they do, and
//! needs no runtime of any kind.

use crate::error::{Error, Result};

/// Runs `work` on a new thread called `name` and waits for it.
pub(crate) async fn run<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (sender, receiver) = async_channel::bounded(1);
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            // Nobody listens any more when the caller has given up.
            let _ = sender.send_blocking(work());
        })
        .map_err(|error| Error::host(format!("a thread cannot be started: {error}")))?;
    let done = receiver.recv().await;
    // A thread that panicked drops its sender.
    done.map_err(|_| Error::host(format!("{name} panicked; this is a bug")))
}
