//! An HTTP service that runs a plugin which it does not trust, for each request in an interpreter of its own.
//!
//! | request | answer |
//! |---|---|
//! | `POST /transform` | the text of the body as the [`plugin`] changes it; `x-caller` says for whom |
//! | `PUT /plugin` | takes the component in the body for all requests to come |
//! | `GET /metrics` | what Prometheus reads |
//! | `GET /healthz` | `ok` |
//!
//! What is not 200 is a line of JSON, `{"error": …}`; [`failure`] has them all.
//!
//! Two things are left to whoever takes this for a real service: `x-caller` is believed as it comes, and whoever reaches the port
//! may put a plugin.

pub mod failure;
pub mod metrics;
pub mod plugin;
pub mod service;
pub mod settings;

pub use failure::Failure;
pub use plugin::Plugin;
pub use service::Service;
pub use settings::Settings;
