//! Those beside a hostile guest: honest ones, who must give the right answer, and the next tenants, who must find nothing.

use std::io::PipeWriter;
use std::time::Duration;

use wasm_pool::stdio::{Input, Portion, SharedInput, Stdio};
use wasm_pool::{Engine, Interpreter, Limits, Outcome, Pool, Program, Setup};

/// Fills its memory with numbers that follow from each other, waits for the end of its input, and looks whether all of them are
/// still there; ends with a number that follows from the last one, or with 99.
const HONEST: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 4)
    (global $number (mut i32) (i32.const 7))
    (func $next (result i32)
      (global.set $number (i32.add (i32.mul (global.get $number) (i32.const 1664525)) (i32.const 1013904223)))
      (global.get $number))
    (func $fill (local $at i32)
      (global.set $number (i32.const 7))
      (local.set $at (i32.const 4096))
      (loop $more
        (i32.store (local.get $at) (call $next))
        (br_if $more (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 262144)))))
    (func $check (local $at i32)
      (global.set $number (i32.const 7))
      (local.set $at (i32.const 4096))
      (loop $more
        (if (i32.ne (i32.load (local.get $at)) (call $next)) (then (call $exit (i32.const 99))))
        (br_if $more (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 4))) (i32.const 262144)))))
    (func (export "_start")
      (call $fill)
      (i32.store (i32.const 0) (i32.const 16))
      (i32.store (i32.const 4) (i32.const 16))
      (loop $more
        (if (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)) (then (call $exit (i32.const 98))))
        (br_if $more (i32.load (i32.const 8))))
      (call $check)
      (call $exit (i32.and (global.get $number) (i32.const 63)))))"#;

/// What the honest one ends with.
fn answer() -> i32 {
    let mut number = 7u32;
    for _ in 0..(262_144 - 4_096) / 4 {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    }
    i32::try_from(number & 63).unwrap_or_default()
}

pub(crate) fn honest(engine: &Engine) -> Result<Program, String> {
    Program::from_bytes(engine, "honest", HONEST.as_bytes(), &Limits::default()).map_err(|error| error.to_string())
}

/// An honest guest that has begun, and goes on when its input ends.
pub(crate) struct Neighbour {
    guest: Interpreter,
    input: PipeWriter,
}

impl Neighbour {
    pub(crate) fn start(pool: &Pool, program: &Program) -> Result<Neighbour, String> {
        let (reader, input) = std::io::pipe().map_err(|error| error.to_string())?;
        let stdin = Input::Shared(SharedInput::new(reader, Portion::Read));
        let setup = Setup {
            limits: Limits {
                deadline: Some(Duration::from_secs(20)),
                ..Limits::default()
            },
            stdio: Stdio {
                stdin,
                ..Stdio::default()
            },
            ..Setup::default()
        };
        let guest = pool.spawn(program, setup).map_err(|error| error.to_string())?;
        Ok(Neighbour { guest, input })
    }

    /// Lets it come to its end and checks its answer.
    pub(crate) fn ends(self, who: &str) -> Result<(), String> {
        drop(self.input);
        match self.guest.join().outcome {
            Outcome::Exited(code) if code == answer() => Ok(()),
            other => Err(format!("the neighbour {who} ended with {other}")),
        }
    }
}

/// Ends with 66 when its memory, its global or its table holds anything of an earlier tenant; then fills all of them. With a
/// number, so that several are different programs, which take each other's slots.
fn remembers(number: usize) -> String {
    format!(
        r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 16)
    (table $table 1000 funcref)
    (global $global (mut i64) (i64.const {number}))
    (elem declare func $found)
    (func $found (call $exit (i32.const 66)))
    (func $look (param $at i32) (param $end i32)
      (loop $next
        (if (i64.ne (i64.load (local.get $at)) (i64.const 0)) (then (call $found)))
        (i64.store (local.get $at) (i64.const -1))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 512))) (local.get $end)))))
    (func (export "_start") (local $at i32)
      (if (i64.ne (global.get $global) (i64.const {number})) (then (call $found)))
      (loop $next
        (if (i32.eqz (ref.is_null (table.get $table (local.get $at)))) (then (call $found)))
        (br_if $next (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 1))) (i32.const 1000))))
      (call $look (i32.const 0) (i32.const 1048576))
      (if (i32.eq (memory.grow (i32.const 16)) (i32.const -1)) (then (call $exit (i32.const 67))))
      (call $look (i32.const 1048576) (i32.const 2097152))
      (global.set $global (i64.const -1))
      (table.fill $table (i32.const 0) (ref.func $found) (i32.const 1000))))"#
    )
}

/// As many programs as an engine for one interpreter has slots: one after the other they take them all.
pub(crate) struct Tenants(Vec<Program>);

/// Slots for memories of an engine for one interpreter.
const SLOTS: usize = 16;

impl Tenants {
    pub(crate) fn new(engine: &Engine) -> Result<Tenants, String> {
        let load = |number| Program::from_bytes(engine, "tenant", remembers(number).as_bytes(), &Limits::default());
        let programs = (0..SLOTS).map(load).collect::<Result<_, _>>();
        programs.map(Tenants).map_err(|error| error.to_string())
    }

    /// Runs all of them; the last one at least has the slot of the guest before.
    pub(crate) fn find_nothing(&self, pool: &Pool) -> Result<(), String> {
        for program in &self.0 {
            let ending = pool.run(program, Setup::default()).map_err(|error| error.to_string())?;
            if ending.outcome != Outcome::Exited(0) {
                return Err(format!("the next tenant ended with {}", ending.outcome));
            }
        }
        Ok(())
    }
}
