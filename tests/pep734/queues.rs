//! `concurrent.interpreters.Queue`.

use std::time::{Duration, Instant};

use wasm_pool::QueueOptions;
use wasm_pool::stdio::{Output, OutputPipe};

use super::{doing, says, talk, talk_with, talkers};

// CPython: test_queues.QueueTests.test_create, test_id_type, test_id_readonly, test_maxsize_readonly, test_hashable (here ids are
// numbers that nobody can change); TestQueueOps.test_empty, test_qsize, test_put_get_main, test_put_get_same_interpreter
#[test]
fn a_queue_is_bounded_first_in_first_out_and_bound_by_its_id() {
    says(
        &["smoke"],
        &[
            "id 1 max 1024",
            "Err(Empty)",
            "size 2 empty false full false",
            "7 8",
            "9",
        ],
    );
}

// CPython: test_queues.TestQueueOps.test_full, test_put_nowait. (A byte bound is ours.)
#[test]
fn a_full_queue_refuses_what_will_not_wait() {
    says(
        &["bounds"],
        &[
            "Err(Full) full true",
            "Err(Full)",
            "Err(TooLarge(200))",
            "Err(Invalid(\"a queue of 1 bytes holds no item, which counts at least 64\"))",
        ],
    );
}

// CPython: test_queues.TestQueueOps.test_get_timeout, test_put_timeout (which truncate to whole seconds; ours do not)
#[test]
fn timeouts_are_exact_none_is_for_ever_and_zero_is_not_at_all() {
    says(
        &["timeouts"],
        &["Err(Empty)", "half a second: true", "Err(Empty)", "Err(Full)", "Ok(1)"],
    );
}

// CPython has no close.
#[test]
fn a_closed_queue_can_be_emptied_and_not_filled() {
    says(
        &["closing"],
        &[
            "Err(Closed) Err(Closed)",
            "Ok(1) Err(Closed) Err(Closed)",
            "closed true iter None",
        ],
    );
}

// CPython: test_api.TestIsShareable.*, test_queues.QueueTests.test_shareable, test_pickle, TestQueueOps.test_put_full_fallback,
// test_put_get_full_fallback
#[test]
fn every_kind_of_item_arrives_as_it_was() {
    says(
        &["kinds"],
        &[
            "None",
            "Bool(true)",
            "S64(-9223372036854775808)",
            "F64(-inf)",
            "String(\"grüß\")",
            "Bytes([0, 255])",
            "queue true",
            "Ok(())",
        ],
    );
}

// CPython: test_queues.TestQueueOps.test_put_full_fallback (what cannot travel is not put)
#[test]
fn what_cannot_travel_is_not_put_and_what_was_not_expected_is_an_error_to_whoever_gets_it() {
    says(
        &["mistaken"],
        &[
            "Err(Invalid(\"a media type of more than 255 bytes\"))",
            "Err(Invalid(\"no interpreter 18446744073709551615 that could be sent\"))",
            "Err(Message(MessageError(\"invalid type: string \\\"seven\\\", expected u32\")))",
            "Err(Message(MessageError(\"a value encoded as \\\"text/x-roman\\\", where application/cbor is what this kit understands\")))",
            "Err(Message(MessageError(\"Semantic(None, \\\"invalid type: break, expected integer\\\")\")))",
            "Encoded(Encoded { media_type: \"text/x-roman\", bytes: [86, 73, 73] }) Ok(7)",
        ],
    );
}

// CPython has no batches.
#[test]
fn batches_go_in_order_and_say_how_far_they_came() {
    says(
        &["many"],
        &["Ok(())", "[Ok(1), Ok(2)]", "Err((0, Closed))", "[Ok(3)] Err(Closed)"],
    );
}

// CPython has no select.
#[test]
fn a_guest_waits_at_several_queues_at_once() {
    says(
        &["selecting"],
        &[
            "None",
            "Some((1, Ok(5)))",
            "Some((0, Ok(1))) Some((1, Ok(2)))",
            "Some((1, Err(Closed)))",
            "Some((0, Err(Invalid(\"a select of no queues\"))))",
        ],
    );
}

// CPython has no pollables.
#[test]
fn a_guest_waits_at_queues_and_timers_at_once() {
    says(
        &["polling"],
        &[
            "[1]",
            "get false put true",
            "get true put false",
            "[1]",
            "get true put true",
        ],
    );
}

// CPython has none of this.
#[test]
fn a_guest_waits_at_queues_timers_and_the_end_of_a_call_at_once() {
    says(&["watching"], &["[2]", "[1, 2]", "[0]", "Ok(S64(5))"]);
}

// CPython: test_queues.LowLevelTests.test_bind_release
#[test]
fn a_queue_outlives_whoever_made_it_while_another_has_a_handle() {
    says(&["outlived-queue"], &["1", "gone: true", "Ok(()) Ok(8) Err(Empty)"]);
}

// CPython: test_queues.TestQueueOps.test_put_get_different_interpreters
#[test]
fn items_pass_between_interpreters() {
    let ends = super::run(
        super::root().join("examples/03-queue/queue.wasm"),
        &["-q", "-n", "3", "--queue", "work", "--queue", "done"],
    )
    .exits(0);
    assert_eq!(
        ends.lines(),
        [
            "consumed queue 3",
            "instance 2 guessed 0 queues",
            "produced 1 to 1000 in queue 3, the answer is 500500",
        ]
    );
}

// CPython: test_queues.QueueTests.test_custom_id (where every interpreter may bind every id)
#[test]
fn a_queue_that_was_not_sent_is_not_found() {
    let flags = ["--queue", "a", "--queue", "b"];
    // The two that are granted, and none of the pool's other ids.
    talk_with(&flags, &["guess", "2000"]).exits(0).prints("found 2\n");
    talk(&["guess", "2000"]).exits(0).prints("found 0\n");
}

// CPython binds every id. What an answer takes must not tell what it does not say.
#[test]
fn another_guests_queue_and_none_take_the_same_time() {
    let (pool, program) = talkers();
    let theirs = pool.queues().create(&QueueOptions::default()).expect("a queue");
    let stdout = OutputPipe::unbounded();
    let mut setup = doing(&["time-guesses", &theirs.id().to_string(), "1000000"], &[]);
    setup.stdio.stdout = Output::Pipe(stdout.clone());
    assert!(pool.run(&program, setup).expect("runs").outcome.is_success());
    let said = String::from_utf8(stdout.take_all()).expect("text");
    let times: Vec<f64> = said.split_whitespace().map(|time| time.parse().expect(&said)).collect();
    let ratio = times[0] / times[1];
    assert!((0.7..1.4).contains(&ratio), "{said}");
}

// CPython polls: a round trip takes 10 ms there, and this a minute and a half.
#[test]
fn whoever_waits_wakes_at_once() {
    let (pool, program) = talkers();
    let queues = ["there", "back"].map(|name| {
        let queue = pool.queues().create_named(name, &QueueOptions::default());
        queue.expect("a queue")
    });
    let names = ["there", "back"];
    let began = Instant::now();
    let guests = [&["ping", "there", "back", "9000"][..], &["bench-pong", "there", "back"]]
        .map(|words| pool.spawn(&program, doing(words, &names)).expect("starts"));
    for guest in guests {
        assert!(guest.join().outcome.is_success());
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    drop(queues);
}

// CPython: test_queues.LowLevelTests.test_bind_release; the leak beyond 300 items is CPython's alone
#[test]
fn a_queue_in_itself_ends_with_its_guest() {
    says(&["nest"], &["nested"]);
}
