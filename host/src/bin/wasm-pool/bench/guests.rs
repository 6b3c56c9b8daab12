//! The guests that are measured, as text: small enough to be read, and compiled when a bench begins. No file is needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use wasm_pool::stdio::Stdio;
use wasm_pool::{Engine, Grants, Guest, HostCalls, Limits, Program, Setup};

/// A command that touches one page of its memory and ends.
pub(super) const START: &str = r#"(module
    (memory (export "memory") 1)
    (func (export "_start") (i32.store (i32.const 0) (i32.const 1))))"#;

/// A component with one function. Its memory is touched, as that of any program is.
pub(super) const CALLS: &str = r#"(component
    (core module $m
      (memory (export "memory") 1)
      (func (export "add") (param i32 i32) (result i32)
        (i32.store (i32.const 0) (local.get 0))
        (i32.add (local.get 0) (local.get 1))))
    (core instance $i (instantiate $m))
    (func (export "add") (param "a" s32) (param "b" s32) (result s32) (canon lift (core func $i "add"))))"#;

/// A command that computes: as many steps of a generator of random numbers (xorshift, Marsaglia 2003) as it is told.
pub(super) const COMPUTES: &str = r#"(module
    (import "bench" "begin" (func $begin (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") (local $left i32) (local $x i32)
      (local.set $left (call $begin))
      (local.set $x (i32.const 246353))
      (loop $next
        (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
        (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
        (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 5))))
        (br_if $next (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
      (i32.store (i32.const 0) (local.get $x))))"#;

/// A command that says that it is there, touches one page, and sleeps for an hour.
pub(super) const SLEEPS: &str = r#"(module
    (import "bench" "begin" (func $begin (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start")
      (drop (call $begin))
      (i32.store (i32.const 16) (i32.const 1))
      (i64.store (i32.const 24) (i64.const 3600000000000))
      (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))))"#;

/// A command that puts into and gets from the queues `there` and `back`, as its [`Order`] says; it fails when what comes is not
/// what was sent.
pub(super) const TALKS: &str = include_str!("talks.wat");

/// The interface through which components hear of their order.
const INTERFACE: &str = "wasm-pool:bench/order";

/// The queues between guests.
pub(super) const QUEUES: [&str; 2] = ["there", "back"];

/// What a guest is to do.
pub(super) struct Order {
    pub role: Role,
    pub count: u32,
    /// Of a message, in bytes.
    pub size: u32,
    /// How many guests with this order have begun.
    pub begun: AtomicU32,
}

/// What a guest does with queues. The numbers are those of `talks.wat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Puts messages into `there`.
    Puts = 0,
    /// Gets messages from `there`.
    Gets = 1,
    /// Puts one into `there` and waits for one from `back`, again and again.
    Asks = 2,
    /// Waits for one from `there` and puts it into `back`, again and again.
    Answers = 3,
}

impl Order {
    pub(super) fn new(role: Role, count: u32, size: u32) -> Arc<Order> {
        Arc::new(Order {
            role,
            count,
            size,
            begun: AtomicU32::new(0),
        })
    }

    /// For guests that only compute or wait.
    pub(super) fn count(count: u32) -> Arc<Order> {
        Order::new(Role::Puts, count, 0)
    }
}

/// What a guest with this order is given; nothing is granted but the queues, where it `talks`.
pub(super) fn setup(order: &Arc<Order>, talks: bool) -> Arc<Setup> {
    let queues = if talks {
        QUEUES.map(str::to_owned).to_vec()
    } else {
        Vec::new()
    };
    Arc::new(Setup {
        limits: limits(),
        grants: Grants {
            queues,
            ..Grants::default()
        },
        stdio: Stdio::default(),
        context: Some(Arc::clone(order) as Arc<_>),
        ..Setup::default()
    })
}

/// The default limits, but for the time: a round takes seconds at most, and a guest that is not done after this hangs.
pub(super) fn limits() -> Limits {
    Limits {
        deadline: Some(Duration::from_secs(60)),
        ..Limits::default()
    }
}

/// An engine for so many guests, with what they import.
pub(super) fn engine(instances: u32) -> wasm_pool::Result<Engine> {
    Engine::builder()
        .instances(instances)
        .host_functions_for_modules("bench", HostCalls::Prompt, |linker| {
            linker.func_wrap("bench", "begin", |caller: wasmtime::Caller<'_, Guest>| {
                begin(caller.data(), |order| order.count)
            })?;
            Ok(())
        })
        .host_functions(INTERFACE, HostCalls::Prompt, |linker| {
            let mut order = linker.instance(INTERFACE)?;
            order.func_wrap("begin", |guest, ()| {
                Ok((begin(guest.data(), |order| order.role as u32)?,))
            })?;
            order.func_wrap("count", |guest, ()| Ok((of(guest.data())?.count,)))?;
            order.func_wrap("size", |guest, ()| Ok((of(guest.data())?.size,)))
        })
        .build()
}

/// A program for this engine.
pub(super) fn program(engine: &Engine, name: &str, text: &str) -> wasm_pool::Result<Program> {
    Program::from_bytes(engine, name, text.as_bytes(), &limits())
}

fn begin(guest: &Guest, word: impl FnOnce(&Order) -> u32) -> wasmtime::Result<u32> {
    let order = of(guest)?;
    order.begun.fetch_add(1, Relaxed);
    Ok(word(order))
}

fn of(guest: &Guest) -> wasmtime::Result<&Order> {
    guest
        .context::<Order>()
        .ok_or_else(|| wasmtime::format_err!("a guest without an order"))
}
