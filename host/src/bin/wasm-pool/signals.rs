//! Ctrl-C, SIGTERM and SIGHUP, as messages.

use anyhow::Context;
use crossbeam_channel::{Receiver, unbounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// From now on these signals end nothing by themselves: each comes as its number.
pub(crate) fn listen() -> anyhow::Result<Receiver<i32>> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("signals cannot be listened to")?;
    let (sender, receiver) = unbounded();
    std::thread::Builder::new()
        .name("wasm-pool-signal".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if sender.send(signal).is_err() {
                    return;
                }
            }
        })
        .context("the signal thread cannot be started")?;
    Ok(receiver)
}

/// The exit code of a process that a signal ended, as shells have it.
pub(crate) fn exit_code(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(255)
}
