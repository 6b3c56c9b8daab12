//! Fuel that counts for a family: Wasmtime counts it for one store.
//!
//! A store is given what its family has left, and no more than its own limit. What it has used since is written into the
//! ledger at each tick and when it is dropped, and what it may still use becomes less by what the others used meanwhile. So a
//! family uses at most what runs within a tick too much, and a [`PORTION`] for each that is killed.

use std::sync::Arc;

use wasmtime::{AsContextMut, Store};

use super::Guest;
use crate::ledger::{Kind, Ledger};
use crate::outcome::Stop;

/// Units after which the count is known: code that calls nobody keeps it in a register until then, and then gives way to
/// others, which costs about a hundredth of what so many instructions take.
const PORTION: u64 = 100_000;

/// What a store of a family has.
pub(crate) struct Meter {
    family: Arc<Ledger>,
    /// How much it had when it was last looked at.
    seen: u64,
}

/// Gives a store what its family has left, at most `limit`.
pub(super) fn begin(store: &mut Store<Guest>, family: &Arc<Ledger>, limit: u64) -> wasmtime::Result<()> {
    let given = limit.min(family.left(Kind::Fuel));
    store.fuel_async_yield_interval(Some(PORTION))?;
    store.set_fuel(given)?;
    store.data_mut().meter = Some(Meter {
        family: Arc::clone(family),
        seen: given,
    });
    Ok(())
}

/// Writes down what a store has used, if that counts for a family.
///
/// # Errors
/// When it still has some and its family has none.
pub(crate) fn settle(mut store: impl AsContextMut<Data = Guest>) -> Result<(), Stop> {
    let mut store = store.as_context_mut();
    let Some(mut meter) = store.data_mut().meter.take() else {
        return Ok(());
    };
    // It is counted: the store was given some.
    let has = store.get_fuel().unwrap_or(0);
    // Whether that was too much is seen in what is left.
    let _ = meter.family.spend(Kind::Fuel, meter.seen.saturating_sub(has));
    meter.seen = has.min(meter.family.left(Kind::Fuel));
    if meter.seen < has {
        let _ = store.set_fuel(meter.seen);
    }
    let settled = match meter.seen {
        0 if has > 0 => Err(Stop::Limit(meter.family.nearest(Kind::Fuel))),
        _ => Ok(()),
    };
    store.data_mut().meter = Some(meter);
    settled
}
