//! What the service is told at its start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use wasm_pool::{ByteSize, Limits, units};

/// An HTTP service that runs an untrusted plugin for each request
#[derive(Debug, Clone, clap::Parser)]
pub struct Settings {
    /// The plugin to begin with: a component of the world `demo:text/transform`
    pub plugin: PathBuf,
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Calls that run at once, each in an interpreter of its own
    #[arg(long, value_name = "COUNT", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub running: u32,
    /// Calls that wait for others to end; one more is refused
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    pub waiting: usize,
    /// Wall-clock time of a call
    #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = units::parse_duration)]
    pub deadline: Duration,
    /// Linear memory of a call
    #[arg(long, value_name = "SIZE", default_value = "16MiB", value_parser = units::parse_size)]
    pub memory: ByteSize,
}

impl Settings {
    /// What a call may use.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            memory: self.memory,
            deadline: Some(self.deadline),
            // A plugin that is put comes from anywhere.
            module_size: ByteSize::b(crate::service::LONGEST_PLUGIN as u64),
            compile_time: Duration::from_secs(10),
            ..Limits::default()
        }
    }
}
