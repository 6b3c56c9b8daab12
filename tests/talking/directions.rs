//! Queues that were granted for one direction only, and handles that can do less.

use wasm_pool::queue::{GetError, PutError, Wait};
use wasm_pool::stdio::{Output, OutputPipe, Stdio};
use wasm_pool::{Grants, Interpreter, Item, Queue, Setup};

use super::{LONG, callable, named, nothing_left, talkers, talking};

const NO_PUT: &str = "Err(Invalid(\"this handle is for getting only (a manifest's `puts` grants putting)\"))";
const NO_GET: &str = "Err(Invalid(\"this handle is for putting only (a manifest's `gets` grants getting)\"))";

fn directed(gets: &[&str], puts: &[&str]) -> Grants {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Grants {
        gets: names(gets),
        puts: names(puts),
        ..Grants::default()
    }
}

#[test]
fn a_direction_that_was_not_granted_is_refused_whatever_way_the_handle_took() {
    let (pool, program) = talkers(8, 2);
    let (gets, puts) = (named(&pool, "gets", 8), named(&pool, "puts", 8));
    gets.put(1i64, LONG).expect("puts");
    let output = OutputPipe::unbounded();
    let mut setup = Setup {
        stdio: Stdio {
            stdout: Output::Pipe(output.clone()),
            ..Stdio::default()
        },
        ..talking(&pool, &["directions", "gets", "puts"])
    };
    setup.grants = Grants {
        args: setup.grants.args,
        interpreters: setup.grants.interpreters,
        ..directed(&["gets"], &["puts"])
    };
    let outcome = pool.run(&program, setup).expect("starts").outcome;
    let printed = String::from_utf8_lossy(&output.take_all()).into_owned();
    assert!(outcome.is_success(), "{outcome} {printed}");
    let many = NO_PUT.replace("Err(", "Err((0, ").replace("\"))", "\")))");
    let expected = [
        format!("put {NO_PUT}"),
        format!("try {NO_PUT}"),
        format!("many {many}"),
        "closed false".to_owned(),
        format!("get {NO_GET}"),
        format!("try {NO_GET}"),
        format!("many {NO_GET}"),
        format!("time {NO_GET}"),
        // Of the second in the list, although the first has something.
        format!("select Some((1, {NO_GET}))"),
        "gets [true, true, true]".to_owned(),
        "puts [true, true, true]".to_owned(),
        "ready [0, 1]".to_owned(),
        "S64(1)".to_owned(),
        format!("child Ok({:?})", format!("{NO_PUT} Err(Empty)")),
        format!("child Ok({:?})", format!("Ok(()) {NO_GET}")),
        "closed true".to_owned(),
    ];
    assert_eq!(printed.lines().collect::<Vec<_>>(), expected);
    // What it put, and its child; and nothing into the other.
    assert_eq!((puts.qsize(), gets.qsize()), (3, 0));
    drop((gets, puts));
    nothing_left(&pool, 2);
}

#[test]
fn who_has_both_directions_has_both() {
    let (pool, program) = talkers(8, 1);
    let queue = named(&pool, "q", 4);
    let of = |grants: Grants| -> Interpreter {
        let setup = Setup {
            grants,
            ..Setup::default()
        };
        pool.create(&program, setup).expect("an interpreter")
    };
    let tried = |interpreter: &Interpreter| interpreter.call("try_named", vec!["q".into()]);
    assert_eq!(tried(&of(directed(&["q"], &["q"]))), Ok("Ok(()) Ok(())".into()));
    assert_eq!(
        tried(&of(directed(&["q"], &[]))),
        Ok(format!("{NO_PUT} Err(Empty)").into())
    );
    // One that knows the queue by name for getting, and is sent a handle for putting.
    let both = of(directed(&["q"], &[]));
    assert_eq!(both.call("keep", vec![queue.putter().into()]), Ok(Item::S64(1)));
    let id = i64::try_from(queue.id().get()).expect("small");
    assert_eq!(both.call("try_id", vec![id.into()]), Ok("Ok(()) Ok(())".into()));
    assert_eq!(tried(&both), Ok(format!("{NO_PUT} Err(Empty)").into()));
}

#[test]
fn a_narrowed_handle_of_the_host_stays_narrow_in_guests_and_back() {
    let (pool, program) = talkers(4, 1);
    let queue = named(&pool, "q", 4);
    let interpreter = callable(&pool, &program);
    let back = |handle: Queue| match interpreter.call("echo", vec![handle.into()]) {
        Ok(Item::Queue(queue)) => queue,
        other => panic!("{other:?}"),
    };
    let getter = back(queue.getter());
    assert_eq!(getter.put(7i64, Wait::No), Err(PutError::NotAllowed(Item::S64(7))));
    getter.close();
    assert!(!queue.is_closed());
    let putter = back(queue.putter());
    assert_eq!(putter.get(Wait::No), Err(GetError::NotAllowed));
    assert_eq!(putter.put(7i64, Wait::No), Ok(()));
    assert_eq!(getter.get(Wait::No).map(|got| got.item()), Ok(Some(Item::S64(7))));
    // Made of one that may not, it may not either.
    assert_eq!(
        back(getter.putter()).put(7i64, Wait::No),
        Err(PutError::NotAllowed(Item::S64(7)))
    );
    // The name is the host's: it has it whole.
    let whole = pool.queues().open("q").expect("it is there");
    assert_eq!(whole.put(8i64, Wait::No), Ok(()));
    assert!(whole.get(Wait::No).is_ok());
}
