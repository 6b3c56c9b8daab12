//! Every case of `tests/hostile/cases` with the real binary: its exit code, and what it says.

use hostile_cases::CASES;

use crate::harness::*;

#[path = "lives/guests.rs"]
mod guests;
#[path = "lives/place.rs"]
mod place;
#[path = "lives/sidecar.rs"]
pub(crate) mod sidecar;

use self::guests::{Made, Shape};
use self::place::Place;
use self::sidecar::{Output, Sidecar};

#[test]
fn every_case_ends_a_process_with_its_exit_code_and_says_why() {
    for case in CASES {
        let sidecar = Sidecar::parse(case.sidecar).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        for made in guests::shapes(case, guests::folder()) {
            println!("{} as a {:?}", case.name, made.shape);
            let place = Place::new(&sidecar.place).expect("a place");
            let outcome = sidecar.outcome(made.shape == Shape::Component);
            let done = process(&sidecar, &made, &place)
                .exits(exit(&sidecar, made.shape))
                .says(&sidecar.says);
            // A program that is refused has no line in the summary: nothing of it ran.
            assert_eq!(done.stderr.contains(outcome), outcome != "refused", "{done:#?}");
            if let (Some(expected), Output::Pipe) = (&sidecar.prints, sidecar.output) {
                assert_eq!(done.stdout, *expected, "{done:#?}");
            }
            place
                .check(&done.stdout)
                .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        }
    }
}

/// What the command line ends with.
fn exit(sidecar: &Sidecar, shape: Shape) -> i32 {
    match &sidecar.component_outcome {
        // A component has no exit codes but these.
        Some(outcome) if shape == Shape::Component => i32::from(outcome != "exited(0)"),
        _ => sidecar.exit,
    }
}

fn process(sidecar: &Sidecar, made: &Made, place: &Place) -> Done {
    let guest = file(&made.bytes, ".wasm");
    let mut command = wasm_pool(["run".as_ref(), guest.path().as_os_str()]);
    for (limit, value) in &sidecar.limits {
        command.arg(format!("--{limit}={value}"));
    }
    for dir in place.dirs() {
        let access = if dir.access == wasm_pool::grants::Access::ReadWrite {
            "rw"
        } else {
            "ro"
        };
        command.arg(format!("--dir={}::{}:{access}", dir.host.display(), dir.guest));
    }
    for queue in &sidecar.queues {
        command.arg(format!("--queue={queue}"));
    }
    if let Some([count, depth]) = sidecar.interpreters {
        command.arg(format!("--interpreters={count}:{depth}"));
    }
    if sidecar.inline {
        command.arg("--file-calls=inline");
    }
    if sidecar.output == Output::None {
        command.arg("--output=none");
    }
    done(command.arg("--").args(&made.args))
}
