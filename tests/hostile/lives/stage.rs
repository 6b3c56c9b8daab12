//! The engines and pools on which the cases run, one after the other, so that what one leaves behind meets the next.

use wasm_pool::{Allocation, Cache, Engine, Pool, Program};

use crate::neighbours::{Tenants, honest};
use crate::share::Scales;

/// Interpreters at once: the hostile guest, its neighbours, its children.
const ROOM: u32 = 16;

/// An engine, a pool on it, and who runs beside a hostile guest.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) pool: Pool,
    pub(crate) honest: Program,
    pub(crate) plays: Plays,
    /// Those that come after it, where it had the only slots.
    pub(crate) tenants: Option<Tenants>,
}

/// Who is there when a case runs here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plays {
    /// Nobody else: there is one slot.
    Alone,
    /// Neighbours; the only slot has seen the guest alone.
    Beside,
    /// First nobody, then neighbours.
    Both,
}

/// All of them.
pub(crate) struct Stages {
    /// With slots for one interpreter: the next one gets the same.
    pub(crate) one_slot: Stage,
    pub(crate) pooling: Stage,
    pub(crate) on_demand: Stage,
    /// With one worker, for which everybody waits.
    pub(crate) scales: Scales,
}

impl Stages {
    pub(crate) fn new() -> Result<Stages, String> {
        Ok(Stages {
            one_slot: Stage::new(Allocation::Pooling, 1, 2, Plays::Alone)?,
            pooling: Stage::new(Allocation::Pooling, ROOM, 2, Plays::Beside)?,
            on_demand: Stage::new(Allocation::OnDemand, ROOM, 2, Plays::Both)?,
            scales: Scales::new(|| Stage::new(Allocation::Pooling, ROOM, 1, Plays::Beside))?,
        })
    }
}

impl Stage {
    fn new(allocation: Allocation, instances: u32, workers: usize, plays: Plays) -> Result<Stage, String> {
        let said = |error: wasm_pool::Error| error.to_string();
        let cache = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/wasm-pool");
        let engine = Engine::builder()
            .instances(instances)
            .allocation(allocation)
            .cache(Cache::open(cache).map_err(said)?)
            .build()
            .map_err(said)?;
        let tenants = (instances == 1).then(|| Tenants::new(&engine)).transpose()?;
        Ok(Stage {
            pool: Pool::builder(&engine).workers(workers).build().map_err(said)?,
            honest: honest(&engine)?,
            engine,
            plays,
            tenants,
        })
    }
}
