//! `concurrent.interpreters.Queue`.

use super::{says, talk, talk_with};

// CPython: test_queues.QueueTests.test_create, test_id_type; TestQueueOps.test_empty, test_qsize, test_put_get_main
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

// CPython: test_api.TestIsShareable.*, test_queues.QueueTests.test_shareable, TestQueueOps.test_put_get_full_fallback
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

// CPython: test_queues.LowLevelTests.test_bind_release; the leak beyond 300 items is CPython's alone
#[test]
fn a_queue_in_itself_ends_with_its_guest() {
    says(&["nest"], &["nested"]);
}
