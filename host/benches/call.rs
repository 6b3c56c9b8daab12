//! What does a call cost beside bare Wasmtime? Of a tiny function, typed and dynamic, directly and on a fiber; and submitted from
//! another thread.
#![allow(clippy::expect_used, missing_docs)]

#[path = "common/mod.rs"]
mod common;

use std::time::Duration;

use common::{cpu, figure, guest, program, ratio};
use criterion::{Criterion, criterion_group, criterion_main};
use wasm_pool::calls::{Batch, Returned};
use wasm_pool::value::Val;
use wasm_pool::{Caller, Engine, Executor, Outcome, Path, Pool, Program, Reuse, Wait};
use wasmtime::component::{Component, Linker, TypedFunc};
use wasmtime::{Store, StoreLimits, StoreLimitsBuilder, UpdateDeadline};

/// Calls a round.
const CALLS: u32 = 200_000;

type Add = TypedFunc<(i32, i32), (i32,)>;

/// Wasmtime alone, as an embedder has it for code that he does not trust: a limiter, and the epoch looked at.
struct Bare {
    store: Store<StoreLimits>,
    instance: wasmtime::component::Instance,
}

impl Bare {
    fn new(engine: &wasmtime::Engine, bytes: &[u8], yields: bool) -> Bare {
        let component = Component::new(engine, bytes).expect("compiles");
        let linker = Linker::new(engine);
        let limits = StoreLimitsBuilder::new().memory_size(256 << 20).build();
        let mut store = Store::new(engine, limits);
        store.limiter(|limits| limits);
        store.set_epoch_deadline(1);
        let instance = if yields {
            store.epoch_deadline_async_yield_and_update(5);
            block_on(linker.instantiate_async(&mut store, &component)).expect("instantiates")
        } else {
            store.epoch_deadline_callback(|_| Ok(UpdateDeadline::Continue(1)));
            linker.instantiate(&mut store, &component).expect("instantiates")
        };
        Bare { store, instance }
    }

    fn add(&mut self) -> Add {
        self.instance
            .get_typed_func(&mut self.store, "add")
            .expect("it exports `add`")
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(future)
}

fn timed(work: impl FnOnce()) -> Duration {
    let before = cpu();
    work();
    cpu() - before
}

fn bare_typed(bare: &mut Bare, add: &Add, calls: u32) -> Duration {
    timed(|| {
        for call in 0..calls {
            let (sum,) = add.call(&mut bare.store, (call as i32, 1)).expect("adds");
            assert_eq!(sum, call as i32 + 1);
        }
    })
}

fn typed(caller: &mut Caller<Add>, calls: u32) -> Duration {
    timed(|| {
        for call in 0..calls {
            let (sum,) = caller
                .call(|store, add| add.call(store, (call as i32, 1)))
                .expect("adds");
            assert_eq!(sum, call as i32 + 1);
        }
    })
}

fn bare_on_a_fiber(bare: &mut Bare, calls: u32) -> Duration {
    let add = bare
        .instance
        .get_func(&mut bare.store, "add")
        .expect("it exports `add`");
    timed(|| {
        block_on(async {
            for call in 0..calls {
                let mut sum = [Val::Bool(false)];
                let arguments = [Val::S32(call as i32), Val::S32(1)];
                add.call_async(&mut bare.store, &arguments, &mut sum)
                    .await
                    .expect("adds");
                assert_eq!(sum, [Val::S32(call as i32 + 1)]);
            }
        });
    })
}

/// So many calls, one after the other.
struct Many {
    next: u32,
    calls: u32,
}

impl Batch for Many {
    type Output = ();

    fn next(&mut self, arguments: &mut Vec<Val>) -> bool {
        let more = self.next < self.calls;
        if more {
            arguments.extend([Val::S32(self.next as i32), Val::S32(1)]);
            self.next += 1;
        }
        more
    }

    fn done(&mut self, result: Result<Returned, Outcome>) {
        assert_eq!(result, Ok(Some(Val::S32(self.next as i32))));
    }

    fn finish(self) {}
}

fn through_the_pool(executor: &Executor, calls: u32) -> Duration {
    let add = executor.function("add").expect("it exports `add`");
    timed(|| {
        let many = executor.submit_batch(&add, Many { next: 0, calls }).expect("is taken");
        many.into_result(Wait::Forever).expect("adds");
    })
}

/// One call at a time, submitted by this thread and waited for.
fn submitted(executor: &Executor, calls: u32) -> Duration {
    let add = executor.function("add").expect("it exports `add`");
    timed(|| {
        for call in 0..calls {
            let arguments = vec![Val::S32(call as i32), Val::S32(1)];
            let sum = executor
                .submit(&add, arguments)
                .expect("is taken")
                .into_result(Wait::Forever);
            assert_eq!(sum, Ok(Some(Val::S32(call as i32 + 1))));
        }
    })
}

fn executor(pool: &Pool, program: &Program, path: Path) -> Executor {
    let builder = Executor::builder(pool, program).path(path).reuse(Reuse::ALWAYS);
    builder.interpreters(2).build().expect("an executor")
}

fn call(criterion: &mut Criterion) {
    let engine = Engine::builder().instances(16).build().expect("an engine");
    let bytes = guest("tests/guests/plugin.wasm");
    let program = program(&engine, &bytes);
    let pool = Pool::builder(&engine).workers(2).build().expect("a pool");
    let direct = executor(&pool, &program, Path::Direct);
    let fiber = executor(&pool, &program, Path::Fiber);

    let mut bare = Bare::new(engine.wasmtime(), &bytes, false);
    let add = bare.add();
    let bind = |store: &mut Store<wasm_pool::Guest>, instance: &wasmtime::component::Instance| {
        instance.get_typed_func(store, "add")
    };
    let mut caller = direct.caller(bind).expect("a caller");
    let mut bare_fiber = Bare::new(engine.wasmtime(), &bytes, true);

    let mut group = criterion.benchmark_group("a call of a component, processor time");
    group.sample_size(20).measurement_time(Duration::from_secs(2));
    group.bench_function("typed, bare Wasmtime", |bench| {
        bench.iter_custom(|calls| bare_typed(&mut bare, &add, calls as u32));
    });
    group.bench_function("typed, through a caller", |bench| {
        bench.iter_custom(|calls| typed(&mut caller, calls as u32));
    });
    group.bench_function("on a fiber, bare Wasmtime", |bench| {
        bench.iter_custom(|calls| bare_on_a_fiber(&mut bare_fiber, calls as u32));
    });
    group.bench_function("on a fiber, through an executor", |bench| {
        bench.iter_custom(|calls| through_the_pool(&fiber, calls as u32));
    });
    group.bench_function("direct, through an executor", |bench| {
        bench.iter_custom(|calls| through_the_pool(&direct, calls as u32));
    });
    group.bench_function("submitted and waited for", |bench| {
        bench.iter_custom(|calls| submitted(&direct, calls as u32));
    });
    group.bench_function("submitted and waited for, on a fiber", |bench| {
        bench.iter_custom(|calls| submitted(&fiber, calls as u32));
    });
    group.finish();

    let ours = ratio(21, || typed(&mut caller, CALLS), || bare_typed(&mut bare, &add, CALLS));
    figure(
        "a direct call, typed, through the pool / bare",
        format!("{ours:.2}"),
        "<= 1.15",
    );
    let ours = ratio(
        21,
        || through_the_pool(&fiber, CALLS),
        || bare_on_a_fiber(&mut bare_fiber, CALLS),
    );
    figure(
        "a call on a fiber, through the pool / bare",
        format!("{ours:.2}"),
        "<= 1.2",
    );
    let each = |executor: &Executor| {
        let rounds = (0..11).map(|_| submitted(executor, 20_000).as_secs_f64() / 20_000.0 * 1e6);
        common::median(rounds.collect())
    };
    figure(
        "submit and result of a trivial call, processor time (direct)",
        format!("{:.1} µs", each(&direct)),
        "<= 5 µs",
    );
    figure("the same on a fiber", format!("{:.1} µs", each(&fiber)), "<= 5 µs");
}

criterion_group!(benches, call);
criterion_main!(benches);
