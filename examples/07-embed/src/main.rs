//! `embed PLUGIN`: serves until Ctrl-C or SIGTERM, then finishes what runs; a second signal ends it at once.

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

use anyhow::Context;
use clap::Parser;
use embed::{Plugin, Service, Settings};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

fn main() -> ExitCode {
    match run(&Settings::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("embed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(settings: &Settings) -> anyhow::Result<()> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let metrics = embed::metrics::install()?;
    let signal = signal()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let plugin = Plugin::load(settings).await?;
        let listener = TcpListener::bind(settings.listen)
            .await
            .with_context(|| format!("{} cannot be listened to", settings.listen))?;
        writeln!(io::stdout(), "listening on http://{}", listener.local_addr()?)?;
        let until = async {
            // A listener that is gone is a signal too.
            let _ = signal.await;
        };
        Service::new(plugin, metrics).serve(listener, until).await
    })
}

/// The first Ctrl-C or SIGTERM, as a message.
fn signal() -> anyhow::Result<oneshot::Receiver<()>> {
    let mut signals = Signals::new([SIGINT, SIGTERM]).context("signals cannot be listened to")?;
    let (sender, receiver) = oneshot::channel();
    let listen = move || {
        let mut sender = Some(sender);
        for signal in signals.forever() {
            match sender.take() {
                Some(sender) => drop(sender.send(())),
                None => drop(emulate_default_handler(signal)),
            }
        }
    };
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(listen)
        .context("there is no thread to listen to signals")?;
    Ok(receiver)
}
