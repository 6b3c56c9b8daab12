//! The routes, and the life of the service.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, StringRejection};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::failure::Failure;
use crate::plugin::Plugin;

/// The longest text, in bytes: it stands in a plugin's memory several times.
pub(crate) const LONGEST_TEXT: usize = 1 << 20;

/// The largest plugin, in bytes.
pub(crate) const LONGEST_PLUGIN: usize = 8 << 20;

/// How often measurements are summed up, whether anybody reads them or not.
const UPKEEP: Duration = Duration::from_secs(5);

/// The service, ready to serve.
pub struct Service {
    plugin: Arc<Plugin>,
    metrics: PrometheusHandle,
}

impl Service {
    /// A service that calls this plugin and shows these metrics.
    pub fn new(plugin: Plugin, metrics: PrometheusHandle) -> Service {
        Service {
            plugin: Arc::new(plugin),
            metrics,
        }
    }

    /// Answers whoever connects until the future `until` is done; then accepts nobody, answers what was asked before, and ends.
    ///
    /// # Errors
    /// When the system fails.
    pub async fn serve(
        self,
        listener: TcpListener,
        until: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let plugin = Arc::clone(&self.plugin);
        // Ends when it is dropped.
        let mut upkeep = JoinSet::new();
        upkeep.spawn(keep_up(self.metrics.clone()));
        axum::serve(listener, self.router())
            .with_graceful_shutdown(until)
            .await
            .context("connections cannot be served")?;
        Ok(plugin.shut_down().await?)
    }

    fn router(self) -> Router {
        Router::new()
            .route("/transform", post(transform))
            .route("/plugin", put(replace).layer(DefaultBodyLimit::max(LONGEST_PLUGIN)))
            .with_state(Arc::clone(&self.plugin))
            .route("/metrics", get(metrics).with_state((self.plugin, self.metrics)))
            .route("/healthz", get(|| async { "ok\n" }))
            .layer(DefaultBodyLimit::max(LONGEST_TEXT))
    }
}

async fn transform(
    State(plugin): State<Arc<Plugin>>,
    headers: HeaderMap,
    text: Result<String, StringRejection>,
) -> Result<String, Failure> {
    let text = text.map_err(|error| Failure::Request(error.status(), error.body_text()))?;
    let caller = headers.get("x-caller").map_or("somebody".into(), |name| {
        String::from_utf8_lossy(name.as_bytes()).into_owned()
    });
    plugin.transform(caller, text).await
}

async fn replace(
    State(plugin): State<Arc<Plugin>>,
    component: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, Failure> {
    let component = component.map_err(|error| Failure::Request(error.status(), error.body_text()))?;
    plugin.replace(component.into()).await?;
    tracing::info!("another plugin has taken over");
    Ok(StatusCode::NO_CONTENT)
}

async fn metrics(State((plugin, metrics)): State<(Arc<Plugin>, PrometheusHandle)>) -> Response {
    plugin.observe();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, metrics.render()).into_response()
}

async fn keep_up(metrics: PrometheusHandle) {
    let mut times = tokio::time::interval(UPKEEP);
    loop {
        times.tick().await;
        metrics.run_upkeep();
    }
}
