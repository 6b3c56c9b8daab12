//! What Prometheus reads: what `wasm-pool` measures.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Upper ends of the histograms' buckets, in seconds: from what opening an interpreter takes to what the patient wait.
const SECONDS: [f64; 10] = [0.000_01, 0.000_1, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 10.0];

/// From now on all that this process measures is kept, and can be rendered. Before the first program is loaded: one that was
/// there earlier is not heard of.
///
/// # Errors
/// When somebody else was first.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()
}
