//! What was measured, for programs: every round, with units in the names of the fields.

use serde_json::{Value, json};
use wasm_pool::WASMTIME_VERSION;

use super::figures::{Curve, Density, Each, Figure, Moves, Rate, Spread};
use super::results::Results;

/// All of it as one object.
pub(super) fn object(results: &Results) -> Value {
    let machine = &results.machine;
    json!({
        "wasm_pool": env!("CARGO_PKG_VERSION"),
        "wasmtime": WASMTIME_VERSION,
        "optimised": !cfg!(debug_assertions),
        "quick": results.quick,
        "complete": !results.cut,
        "workers": results.workers,
        "took_s": results.took.as_secs_f64(),
        "machine": {
            "processor": machine.processor,
            "cores": machine.cores,
            "processors": machine.processors,
            "memory_bytes": machine.memory,
            "kernel": machine.kernel,
        },
        "busy": {
            "load_average_before": results.load,
            "others_share": results.others.map(|others| others.used),
            "stolen_share": results.others.map(|others| others.stolen),
        },
        "notes": results.notes(),
        "figures": results.figures.iter().map(figure).collect::<Vec<_>>(),
        "scaling": results.curve.as_ref().map(scaling),
        "density": results.densities.iter().map(|one| density(results, one)).collect::<Vec<_>>(),
    })
}

fn spread(spread: Option<Spread>) -> Value {
    spread.map_or(
        Value::Null,
        |Spread { median, min, max }| json!({"median": median, "min": min, "max": max}),
    )
}

fn figure(figure: &Figure) -> Value {
    let rounds = |all: &[Each]| -> Vec<_> {
        all.iter()
            .map(|each| json!({"wall_ns": each.wall, "cpu_ns": each.cpu}))
            .collect()
    };
    let message = match figure.moves {
        Moves::Nothing => None,
        Moves::Message(bytes) => Some(bytes),
    };
    json!({
        "part": figure.part.name(),
        "name": figure.name,
        "what": figure.what,
        "message_bytes": message,
        "wall_ns": spread(figure.wall()),
        "cpu_ns": spread(figure.cpu()),
        "bare_wall_ns": spread(figure.bare_wall()),
        "bare_cpu_ns": spread(figure.bare_cpu()),
        "cpu_ratio": spread(figure.ratio()),
        "rounds": rounds(&figure.ours),
        "bare_rounds": rounds(&figure.bare),
    })
}

fn scaling(curve: &Curve) -> Value {
    let rounds = |all: &[Rate]| -> Vec<_> {
        all.iter()
            .map(|rate| json!({"guests_per_s": rate.guests, "cpu_ns": rate.cpu}))
            .collect()
    };
    let steps = curve.steps.iter().map(|step| {
        json!({
            "workers": step.workers,
            "speed_up": spread(curve.speed_up(step)),
            "bare_speed_up": spread(curve.bare_speed_up(step)),
            "throughput_ratio": spread(Curve::beside_bare(step)),
            "rounds": rounds(&step.ours),
            "bare_rounds": rounds(&step.bare),
        })
    });
    Value::Array(steps.collect())
}

fn density(results: &Results, density: &Density) -> Value {
    let fits = results.fits(density);
    json!({
        "name": density.name,
        "what": density.what,
        "instances": density.instances,
        "each_bytes": spread(density.each()),
        "private_bytes": density.private,
        "page_tables_bytes": density.tables,
        "declared_bytes": density.declared,
        "source": density.source,
        "fit": fits.as_ref().map(|fits| fits.all),
        "fit_by_memory": fits.as_ref().map(|fits| fits.by_memory),
        "fit_by_pool_memory": fits.as_ref().map(|fits| fits.by_pool_memory),
        "fit_by_mappings_and_addresses": fits.as_ref().map(|fits| fits.by_room),
        "bound": fits.map(|fits| fits.bound),
    })
}
