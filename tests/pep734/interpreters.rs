//! `concurrent.interpreters.Interpreter`.

use super::{says, talk, talk_with};

// CPython: test_api.CreateTests.test_in_main, GetCurrentTests.test_subinterpreter, GetMainTests.test_idempotent,
// TestInterpreterIsRunning.test_subinterpreter (skipped there)
#[test]
fn a_new_interpreter_is_idle_and_knows_itself_and_its_main() {
    says(
        &["create"],
        &[
            "not this one: true",
            "running Ok(false)",
            "5",
            "it knows itself: true",
            "it sees 1",
            "main of main: true",
        ],
    );
}

// CPython: test_api.ListAllTests.test_after_creating, test_idempotent, test_after_destroying;
// InterpreterObjectTests.test_idempotent, test_init_does_not_exist, test_equality, test_hashable, test_id_readonly (here an id is
// a value of a type of its own); GetMainTests.test_id
#[test]
fn all_are_listed_in_order_and_ids_are_never_used_again() {
    says(
        &["list"],
        &[
            "in order: true",
            "without b: true",
            "Err(NotFound)",
            "Err(NotFound)",
            "the same: true",
            "never used again: true",
        ],
    );
}

// CPython: test_api.TestInterpreterPrepareMain.test_running, TestInterpreterIsRunning.test_already_destroyed,
// test_already_running (skipped there), TestInterpreterClose.test_still_running (skipped there), test_basic, test_already_destroyed
#[test]
fn a_running_interpreter_takes_no_other_call_and_cannot_be_closed() {
    let running = "Err(AlreadyRunning)";
    says(
        &["running"],
        &[
            "running Ok(true)",
            running,
            running,
            running,
            running,
            "done false Err(Timeout)",
            "S64(4) running Ok(false)",
            "Err(Invalid(\"its result was taken before\"))",
            "Err(NotFound) Err(NotFound)",
        ],
    );
}

// CPython: test_api.TestInterpreterPrepareMain.test_empty, test_dict, test_not_shareable
#[test]
fn prepare_main_binds_names_for_the_calls_to_come() {
    says(
        &["binding"],
        &[
            "Err(Invalid(\"no names to bind\"))",
            "S64(5) String(\"text\") Err(ExecutionFailed(ExecutionFailed { kind: \"error\", message: \"no name \\\"z\\\" is bound\", \
             trace: [], display: None }))",
            "Err(Invalid(\"no interpreter 18446744073709551615 that could be sent\"))",
            "S64(5)",
        ],
    );
}

// CPython: test_api.TestInterpreterExec.test_success, test_globals_from_stateless_func, test_failure,
// test_display_preserved_exception
#[test]
fn exec_keeps_what_was_defined_also_after_a_failure_which_says_what_and_where() {
    let failed = |kind: &str, message: &str, trace: &str, display: Option<&str>| {
        format!(
            "Err(ExecutionFailed(ExecutionFailed {{ kind: {kind:?}, message: {message:?}, trace: [{trace}], display: {display:?} }}))"
        )
    };
    says(
        &["exec"],
        &[
            &failed(
                "RuntimeError",
                "no more",
                "\"line \\\"raise no more\\\"\"",
                Some("line \"raise no more\" raised:\nRuntimeError: no more"),
            ),
            "Some(7)",
            "None",
            &failed("SyntaxError", "nonsense", "", None),
            &failed("NameError", "b", "", None),
        ],
    );
}

// CPython: test_api.TestInterpreterCall.test_call_valid, test_call_invalid, test_stateless_func_returns_arg, test_modified_arg
#[test]
fn call_copies_arguments_and_result_and_keeps_state() {
    let done = talk(&["call"]).exits(0);
    let lines: Vec<_> = done.stdout.lines().collect();
    assert_eq!(lines[0], "Some(7)");
    assert!(lines[1].contains("no function"), "{lines:?}");
    assert!(lines[2].contains("1 arguments where 2 were expected"), "{lines:?}");
    assert!(lines[3].contains("argument 1: invalid type"), "{lines:?}");
    assert!(lines[4].contains("too large"), "{lines:?}");
    assert_eq!(lines[5..], ["[0.5, 1.5]", "the same queue: true"]);
}

// CPython: test_api.TestInterpreterExec.test_failure; that a trap, a loop and an exit end only the one that did it is what
// CPython cannot do
#[test]
fn whatever_a_child_does_its_parent_hears_of_it_and_goes_on() {
    says(
        &["fails"],
        &[
            "Err(ExecutionFailed(ExecutionFailed { kind: \"Oops\", message: \"no\", trace: [], display: None }))",
            "still there: 2",
            "trap: trapped",
            "Err(NotFound)",
            "spin: deadline",
            "Err(NotFound)",
            "exit: exited(1)",
            "kill: killed",
        ],
    );
}

// CPython: test_api.TestInterpreterCall.test_call_in_thread
#[test]
fn calls_in_threads_run_beside_each_other_and_are_joined() {
    says(&["threads"], &["20", "[true, true, true, true]"]);
}

// CPython: test_api.TestInterpreterClose.test_from_sibling, test_main, test_created_with_capi (and their twins of exec, call and
// prepare_main): main, which the host started, is nobody's to close.
#[test]
fn whoever_was_sent_an_interpreter_may_close_it_and_main_is_out_of_reach() {
    says(
        &["siblings"],
        &[
            "Err(Invalid(\"no interpreter 0 that could be sent\"))",
            "Err(NotFound)",
            "Err(NotFound)",
            "Err(NotFound) Ok(false)",
        ],
    );
}

// CPython: test_api.TestInterpreterClose.test_already_destroyed, test_from_current
#[test]
fn what_is_closed_is_not_found() {
    let gone = "Err(NotFound)";
    says(&["closing-one"], &[gone, gone, gone, gone]);
}

// CPython: test_api.ListAllTests.test_destroyed_by_gc, test_api test_cleanup_in_repl
#[test]
fn an_interpreter_ends_with_its_last_handle() {
    says(&["ends-with-its-handle"], &["kept by its call: true", "gone: true"]);
}

// CPython has no grants: any interpreter may exec in, list and close any other.
#[test]
fn without_the_grant_there_are_no_children() {
    let done = talk_with(&[], &["create"]).exits(1);
    assert!(done.stdout.contains("NotAllowed"), "{done:?}");
}

// That memory was refused is a failure here: CPython's exec and call report a MemoryError as success.
#[test]
fn a_child_has_what_it_is_given_of_what_its_parent_has_and_no_more() {
    let flags = [
        "--interpreters",
        "4",
        "--memory",
        "64MiB",
        "--env",
        "A=b",
        "--dir",
        "/::/data",
    ];
    let done = talk_with(&flags, &["shrinks"]).exits(0);
    let lines: Vec<_> = done.stdout.lines().collect();
    // Folders, variables (its own and the two that tell its number) and arguments (its name is one).
    assert_eq!(lines[0], "[0, 0, 1]");
    assert!(
        lines[1].ends_with(", 3, 3]") && !lines[1].starts_with("[0,"),
        "{lines:?}"
    );
    assert_eq!(lines[2..], ["limit(memory)", "limit(memory)"]);
}

// CPython: test_api.CreateTests.test_in_subinterpreter (without a bound)
#[test]
fn children_are_as_many_and_as_deep_as_granted() {
    for depth in ["1", "2", "5"] {
        talk_with(&["--interpreters", &format!("20:{depth}")], &["depth"])
            .exits(0)
            .prints(&format!("{depth}\n"));
    }
    says(
        &["bomb"],
        &[
            "8 interpreters, then: interpreters limit of 8 interpreters reached (--interpreters raises it)",
            "one more: true",
        ],
    );
}

// CPython: test_lifecycle test_gh_109793 (the exit code is right with one open)
#[test]
fn children_end_with_their_parent() {
    // The process would not end before the child's deadline if they did not.
    let done = talk(&["leave-one-spinning"]).exits(0).prints("leaves true\n");
    assert!(done.took < std::time::Duration::from_secs(20), "{done:?}");
}

// CPython: test_api.InterpreterObjectTests.test_pickle (there a copy of its id)
#[test]
fn an_interpreter_that_was_sent_can_be_called() {
    let talker = super::root().join("tests/guests/talker.wasm");
    let manifest = crate::harness::folder();
    let text = format!(
        "[queues.q]\n[programs.sender]\nguest = {talker:?}\nargs = [\"send\", \"q\"]\nputs = [\"q\"]\n\
         interpreters = {{ count = 1 }}\n\
         [programs.receiver]\nguest = {talker:?}\nargs = [\"receive\", \"q\"]\ngets = [\"q\"]\n"
    );
    let file = manifest.path().join("pool.toml");
    std::fs::write(&file, text).expect("writes");
    crate::harness::done(crate::harness::wasm_pool(["up".as_ref(), file.as_os_str()]).arg("-q"))
        .exits(0)
        .prints("listed: true\n");
}
