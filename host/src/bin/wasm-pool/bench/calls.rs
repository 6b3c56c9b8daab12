//! To call a function of a component: on the caller's thread and on a fiber, of an interpreter that is used again and of a fresh
//! one, and from another thread.

use wasm_pool::calls::{Batch, Returned};
use wasm_pool::value::Val;
use wasm_pool::{Caller, Executor, Guest, Outcome, Path, Pool, Program, Reuse, Wait};
use wasmtime::Store;
use wasmtime::component::{Instance, TypedFunc};

use super::bare::{self, check, check_value};
use super::figures::Figure;
use super::meter::{Meter, Work};
use super::{Stand, guests};
use crate::args::Part;

type Add = TypedFunc<(i32, i32), (i32,)>;

/// How many figures there are.
const FIGURES: u32 = 5;

pub(super) fn measure(stand: &Stand, meter: &Meter) -> anyhow::Result<()> {
    let program = guests::program(&stand.engine, "calls", guests::CALLS)?;
    let pool = Pool::builder(&stand.engine).workers(stand.workers).build()?;
    let bare = bare::Calls::new(stand.engine.wasmtime(), guests::CALLS)?;
    let time = meter.effort.time(Part::Calls) / FIGURES;
    let figure = |name, what: &str, ours: Work<'_>, bare: Option<Work<'_>>| {
        meter.figure(Figure::new(Part::Calls, name, what), time, ours, bare)
    };

    let mut ours = caller(&pool, &program, Reuse::ALWAYS)?;
    figure(
        "direct-reused",
        "direct, used again",
        &mut |calls| on_this_thread(&mut ours, calls),
        Some(&mut bare.opened()?),
    )?;
    let mut ours = caller(&pool, &program, Reuse::Fresh)?;
    figure(
        "direct-fresh",
        "direct, a fresh one each",
        &mut |calls| on_this_thread(&mut ours, calls),
        Some(&mut |calls| bare.fresh(calls)),
    )?;
    let ours = executor(&pool, &program, Path::Fiber, Reuse::ALWAYS)?;
    figure(
        "fiber-reused",
        "fiber, used again",
        &mut |calls| in_a_batch(&ours, calls),
        Some(&mut bare.on_a_fiber()?),
    )?;
    let ours = executor(&pool, &program, Path::Fiber, Reuse::Fresh)?;
    figure(
        "fiber-fresh",
        "fiber, a fresh one each",
        &mut |calls| in_a_batch(&ours, calls),
        Some(&mut |calls| bare.fresh_on_a_fiber(calls)),
    )?;
    let ours = executor(&pool, &program, Path::Auto, Reuse::ALWAYS)?;
    figure(
        "submitted",
        "submitted and waited for",
        &mut |calls| submitted(&ours, calls),
        None,
    )
}

fn executor(pool: &Pool, program: &Program, path: Path, reuse: Reuse) -> wasm_pool::Result<Executor> {
    Executor::builder(pool, program)
        .path(path)
        .reuse(reuse)
        .interpreters(1)
        .build()
}

fn caller(pool: &Pool, program: &Program, reuse: Reuse) -> wasm_pool::Result<Caller<Add>> {
    let bind = |store: &mut Store<Guest>, instance: &Instance| instance.get_typed_func(store, "add");
    executor(pool, program, Path::Direct, reuse)?.caller(bind)
}

fn on_this_thread(caller: &mut Caller<Add>, calls: u32) -> anyhow::Result<()> {
    for call in 0..calls {
        let sum = caller.call(|store, add| add.call(store, (call as i32, 1)));
        let (sum,) = sum.map_err(|outcome| anyhow::anyhow!("a call ended: {outcome}"))?;
        check(sum, call)?;
    }
    Ok(())
}

/// So many calls, one after the other.
struct Many {
    next: u32,
    calls: u32,
    wrong: Option<anyhow::Error>,
}

impl Batch for Many {
    type Output = anyhow::Result<()>;

    fn next(&mut self, arguments: &mut Vec<Val>) -> bool {
        let more = self.next < self.calls && self.wrong.is_none();
        if more {
            arguments.extend([Val::S32(self.next as i32), Val::S32(1)]);
            self.next += 1;
        }
        more
    }

    fn done(&mut self, result: Result<Returned, Outcome>) {
        if let Err(error) = returned(result, self.next - 1) {
            self.wrong = Some(error);
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        self.wrong.map_or(Ok(()), Err)
    }
}

fn returned<E: std::fmt::Display>(result: Result<Returned, E>, call: u32) -> anyhow::Result<()> {
    match result {
        Ok(sum) => check_value(sum.as_slice(), call),
        Err(outcome) => anyhow::bail!("a call ended: {outcome}"),
    }
}

fn in_a_batch(executor: &Executor, calls: u32) -> anyhow::Result<()> {
    let add = executor.function("add")?;
    let many = Many {
        next: 0,
        calls,
        wrong: None,
    };
    executor.submit_batch(&add, many)?.into_result(Wait::Forever)?
}

/// One call at a time, which this thread waits for.
fn submitted(executor: &Executor, calls: u32) -> anyhow::Result<()> {
    let add = executor.function("add")?;
    for call in 0..calls {
        let arguments = vec![Val::S32(call as i32), Val::S32(1)];
        let result = executor.submit(&add, arguments)?.into_result(Wait::Forever);
        returned(result, call)?;
    }
    Ok(())
}
