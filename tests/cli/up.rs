//! `wasm-pool up`: several programs and the queues between them.

use std::path::PathBuf;
use std::time::Duration;

use crate::harness::{Done, done, fed, folder, probe_p1, root, wasm_pool};

/// A manifest in a folder of its own, in which `TALKER` and `PROBE` stand for the guests.
struct Manifest {
    folder: tempfile::TempDir,
    file: PathBuf,
}

impl Manifest {
    fn new(text: &str) -> Manifest {
        let folder = folder();
        let file = folder.path().join("pool.toml");
        let talker = root().join("tests/guests/talker.wasm");
        let text = text
            .replace("TALKER", &format!("{:?}", talker.display().to_string()))
            .replace("PROBE", &format!("{:?}", probe_p1().display().to_string()));
        std::fs::write(&file, text).expect("writes");
        Manifest { folder, file }
    }

    fn up(&self, flags: &[&str]) -> Done {
        done(wasm_pool(["up".as_ref(), self.file.as_os_str()]).args(flags))
    }
}

const PAIR: &str = r#"
[queues.numbers]
max-size = 10

[programs.producer]
guest = TALKER
args = ["produce", "numbers", "1000"]
instances = 2
puts = ["numbers"]

[programs.consumer]
guest = TALKER
args = ["consume", "numbers"]
gets = ["numbers"]
"#;

#[test]
fn a_queue_is_closed_when_the_last_who_puts_has_ended_and_its_consumers_end() {
    let done = Manifest::new(PAIR).up(&[]).exits(0).prints("2000 999000\n");
    for line in [
        "producer#0  exited(0)",
        "producer#1  exited(0)",
        "consumer#0  exited(0)",
        "3 instances: 3 ok",
    ] {
        assert!(done.stderr.contains(line), "{done:?}");
    }
}

#[test]
fn who_only_gets_cannot_put_and_who_only_puts_cannot_get() {
    let wrong = PAIR
        .replace("puts = ", "x = ")
        .replace("gets = ", "puts = ")
        .replace("x = ", "gets = ");
    let done = Manifest::new(&wrong).up(&[]).exits(1);
    let no_put = r#"error: Invalid("this handle is for getting only (a manifest's `puts` grants putting)")"#;
    // The consumer sees a queue that gives nothing.
    assert_eq!(done.lines(), ["0 0", no_put, no_put], "{done:?}");
}

#[test]
fn check_prints_who_puts_what_where_and_runs_nothing() {
    Manifest::new(PAIR)
        .up(&["--check"])
        .exits(0)
        .prints("producer x2 --> [numbers 10] --> consumer x1\n");
}

#[test]
fn check_warns_of_cycles_and_of_queues_that_lead_nowhere() {
    let text = r#"
drain = "out"
[queues.a]
[queues.b]
[queues.out]
[queues.lost]
[programs.one]
guest = TALKER
gets = ["a"]
puts = ["b", "lost"]
[programs.two]
guest = TALKER
gets = ["b"]
puts = ["a"]
"#;
    let done = Manifest::new(text).up(&["--check"]).exits(0);
    for line in [
        "one, two wait for each other: unless one of them puts before it gets, that is a deadlock",
        "nobody gets from queue \"lost\"",
        "nobody puts into queue \"out\"",
    ] {
        assert!(done.stderr.contains(line), "{done:?}");
    }
}

#[test]
fn check_draws_queues_that_all_lead_to_each_other_at_once() {
    let all: Vec<_> = (0..40).map(|number| format!("\"q{number}\"")).collect();
    let all = all.join(", ");
    let queues: String = (0..40).map(|number| format!("[queues.q{number}]\n")).collect();
    let programs: String = (0..40)
        .map(|number| format!("[programs.p{number}]\nguest = TALKER\ngets = [{all}]\nputs = [{all}]\n"))
        .collect();
    let done = Manifest::new(&format!("{queues}{programs}")).up(&["--check"]).exits(0);
    assert_eq!(done.stdout.lines().count(), 40);
    assert!(done.took < Duration::from_secs(20), "{:?}", done.took);
}

#[test]
fn check_draws_queues_with_many_programs_and_those_with_few_stay_readable() {
    let programs: String = (0..700)
        .map(|number| {
            format!(
                "[programs.{}{number}]\nguest = TALKER\nputs = [\"busy\"]\n",
                "p".repeat(100)
            )
        })
        .collect();
    let text = format!("[queues.busy]\n[queues.calm]\n{programs}[programs.one]\nguest = TALKER\nputs = [\"calm\"]\n");
    let done = Manifest::new(&text).up(&["--check"]).exits(0);
    let calm = done
        .stdout
        .lines()
        .find(|line| line.contains("calm"))
        .expect("is drawn");
    assert_eq!(calm.trim(), "one x1 --> [calm 1024]");
    assert!(calm.len() < 200 && done.stdout.len() > 70_000);
}

#[test]
fn a_cycle_that_only_waits_is_ended_as_a_deadlock() {
    let text = r#"
[queues.a]
[queues.b]
[programs.one]
guest = TALKER
args = ["swap", "a", "b"]
gets = ["a"]
puts = ["b"]
[programs.two]
guest = TALKER
args = ["swap", "b", "a"]
gets = ["b"]
puts = ["a"]
"#;
    let done = Manifest::new(text).up(&[]).exits(123);
    assert!(done.stderr.contains("one#0  deadlock"), "{done:?}");
    assert!(done.stderr.contains("waits to get from queue \"b\""), "{done:?}");
}

#[test]
fn stdin_is_fed_and_a_queue_is_drained() {
    let text = r#"
feed = "in"
drain = "out"
[queues.in]
[queues.out]
[programs.relay]
guest = TALKER
args = ["relay", "in", "out"]
instances = 2
gets = ["in"]
puts = ["out"]
"#;
    let manifest = Manifest::new(text);
    let mut up = wasm_pool(["up".as_ref(), manifest.file.as_os_str()]);
    assert_eq!(fed(up.arg("-q"), b"a\nb\nc\n").exits(0).lines(), ["a", "b", "c"]);
}

#[test]
fn whoever_fails_is_started_again_as_often_as_its_budget_allows() {
    let text = r#"
[queues.q]
[programs.fails]
guest = PROBE
args = ["exit", "3"]
restart = "on-failure"
restarts = 2
backoff = "10ms"
puts = ["q"]
[programs.waits]
guest = TALKER
args = ["consume", "q"]
gets = ["q"]
"#;
    // The consumer is not deadlocked while a restart is due, and ends when there will be none.
    let done = Manifest::new(text).up(&[]).exits(3).prints("0 0\n");
    for line in [
        "fails#0 ended with exited(3), again in 10ms (1 of 2)",
        "fails#0 ended with exited(3), again in 20ms (2 of 2)",
        "fails#0  exited(3)",
        "waits#0  exited(0)",
    ] {
        assert!(done.stderr.contains(line), "no {line} in {done:?}");
    }
}

#[test]
fn each_program_has_its_own_grants_limits_and_number() {
    let text = r#"
[limits]
memory = "64MiB"
[programs.spins]
guest = PROBE
args = ["spin"]
limits = { deadline = "50ms" }
[programs.prints]
guest = PROBE
args = ["env"]
instances = 2
env = { WHO = "number {instance}" }
"#;
    let done = Manifest::new(text).up(&["-o", "group"]).exits(124);
    assert!(done.stderr.contains("spins#0   deadline"), "{done:?}");
    assert!(
        done.stdout.contains("WHO=number 1") && !done.stdout.contains("WHO=number 2"),
        "{done:?}"
    );
    assert!(done.stdout.contains("WASM_POOL_INSTANCES=2"), "{done:?}");
}

#[test]
fn a_mistake_names_its_line_and_its_key() {
    for (text, says) in [
        (
            "[programs.a]\nguest = PROBE\ninstances = \"two\"\n",
            ":3: programs.a.instances: invalid type: string \"two\"",
        ),
        (
            "[programs.a]\nguest = PROBE\ninstnces = 2\n",
            ":3: programs.a.instnces: unknown field `instnces`",
        ),
        ("[programs.a]\nargs = []\n", ":1: programs.a: missing field `guest`"),
        (
            "[programs.a]\nguest = PROBE\ngets = [\"x\"]\n",
            ":3: programs.a.gets: there is no queue \"x\"",
        ),
        (
            "feed = \"quue\"\n[queues.queue]\n[programs.a]\nguest = PROBE\n",
            ":1: feed: there is no queue \"quue\"; \"queue\" is there",
        ),
        (
            "[programs.a]\nguest = PROBE\nrestarts = 3\n",
            ":3: programs.a.restarts: has a meaning only with restart",
        ),
        (
            "[limits]\nmemory = \"12x\"\n[programs.a]\nguest = PROBE\n",
            ":2: limits.memory:",
        ),
        (
            "[programs.a]\nguest = PROBE\nlimits = { stack = \"1MiB\" }\n",
            ":3: programs.a.limits.stack: unknown field `stack`",
        ),
        (
            "[programs.a]\nguest = PROBE\ndirs = [\"nowhere\"]\n",
            ":3: programs.a.dirs: expected HOST::GUEST",
        ),
        (
            "[queues.q]\nmax-bytes = \"1B\"\n[programs.a]\nguest = PROBE\n",
            ":2: queues.q.max-bytes:",
        ),
        ("[queues.\"a\\u0007\"]\n[programs.a]\nguest = PROBE\n", ":1: queues."),
        ("[programs.a\nguest = 1\n", ":1: "),
        (
            "feed = \"q\"\n[queues.q]\n[programs.a]\nguest = PROBE\nputs = [\"q\"]\n",
            ":5: programs.a.puts: this queue is fed",
        ),
        (
            "workers = 0\n[programs.a]\nguest = PROBE\n",
            ":1: workers: expected a number from 1",
        ),
        (
            "[programs.a]\nguest = PROBE\ninterpreters = { count = 1, programs = [\"b\"] }\n",
            ":3: programs.a.interpreters.programs: there is no program \"b\"",
        ),
        (
            "[programs.a]\nguest = PROBE\nenv = { WASM_POOL_INSTANCE = \"7\" }\n",
            ":3: programs.a.env: WASM_POOL_INSTANCE is the host's to say",
        ),
        (
            "[programs.a]\nguest = PROBE\n[queues.q]\nmax-size = \"x\"\n",
            ":4: queues.q.max-size: invalid type: string \"x\"",
        ),
        (
            "[programs.a]\nguest = 1\n",
            ":2: programs.a.guest: invalid type: integer `1`",
        ),
        (
            "[programs.a]\nguest = PROBE\nrestart = \"always\"\n",
            ":3: programs.a.restart: unknown variant `always`, expected `never` or `on-failure`",
        ),
        (
            "[programs.a]\nguest = PROBE\nargs = [\"a\", \"b\\u0000\"]\n",
            ":3: programs.a.args: an argument holds a NUL",
        ),
        (
            "[programs.a]\nguest = PROBE\n\n[programs.a.env]\n\"a=b\" = \"c\"\n",
            ":5: programs.a.env: \"a=b\" cannot be an environment variable's name",
        ),
        (
            "[programs.\"a\\u001b[2J\"]\nguest = PROBE\n",
            ":2: programs.a\\u{1b}[2J: a program's name is a word without control characters",
        ),
        (
            "[programs.a]\nguest = PROBE\nlang = \"python\"\n",
            ":3: programs.a.lang: there is a `guest` already",
        ),
        (
            "[programs.a]\nlang = \"python\"\n",
            ":2: programs.a.lang: an instance of a language runs a `script`",
        ),
        (
            "[programs.a]\nlang = \"cobol\"\nexec = \"x\"\n",
            ":2: programs.a.lang: the languages are python and js, not \"cobol\"",
        ),
        (
            "[programs.a]\nguest = TALKER\nscript = \"a\"\nexec = \"x\"\n",
            ":4: programs.a.exec: there is a `script` already",
        ),
        (
            "[programs.a]\nlang = \"js\"\nexec = \"x\"\npy-path = [\".\"]\n",
            ":4: programs.a.py-path: has a meaning only",
        ),
        (
            "[programs.a]\nguest = PROBE\ndirs = [\"/::/d\",\n  \"/tmp::/d\"]\n",
            ":3: programs.a.dirs: two folders are granted as \"/d\"",
        ),
    ] {
        let manifest = Manifest::new(text);
        manifest.up(&[]).exits(2).one_line().says(&format!("pool.toml{says}"));
    }
}

#[test]
fn what_cannot_be_read_or_run_is_said_before_anything_runs() {
    let missing = folder();
    let file = missing.path().join("pool.toml");
    done(&mut wasm_pool(["up".as_ref(), file.as_os_str()]))
        .exits(66)
        .one_line();
    Manifest::new("[programs.a]\nguest = \"none.wasm\"\n")
        .up(&[])
        .exits(66)
        .one_line()
        .says("pool.toml:2: programs.a.guest: ")
        .says("none.wasm");
    for (text, code, says) in [
        (
            "[programs.a]\nguest = \"pool.toml\"\n",
            65,
            "pool.toml:2: programs.a.guest: ",
        ),
        (
            "[programs.a]\nguest = TALKER\nscript = \"none.talk\"\n",
            66,
            "pool.toml:3: programs.a.script: ",
        ),
        (
            "[programs.a]\nguest = PROBE\nexec = \"x\"\n",
            65,
            "pool.toml:2: programs.a.guest: ",
        ),
        (
            "[programs.a]\nguest = PROBE\ndirs = [\"/surely/not/there::/d\"]\n",
            66,
            "pool.toml:3: programs.a.dirs: /surely/not/there",
        ),
        (
            "[programs.a]\nguest = TALKER\ninterpreters = { count = 1, programs = [\"b\"] }\n[programs.b]\nguest = PROBE\n",
            65,
            "pool.toml:3: programs.a.interpreters.programs: ",
        ),
        (
            "[programs.a]\nguest = PROBE\ninstances = 10000000\n",
            2,
            "more than this machine can hold",
        ),
    ] {
        let manifest = Manifest::new(text);
        manifest.up(&["--check"]).exits(code).one_line().says(says);
        manifest.up(&[]).exits(code).one_line().says(says).prints("");
    }
}

#[test]
fn what_is_no_manifest_is_said() {
    let up = |path: &std::path::Path| done(wasm_pool(["up"]).arg(path)).exits(66).one_line();
    up(&probe_p1()).says("`wasm-pool run` runs it");
    up(&std::env::temp_dir()).says("this is a folder");
    let folder = folder();
    let latin = folder.path().join("pool.toml");
    std::fs::write(&latin, b"feed = \"\xe4\"").expect("writes");
    up(&latin).says("UTF-8");
}

#[test]
fn whoever_fails_is_not_started_again_unless_the_manifest_says_so() {
    let done = Manifest::new("[programs.fails]\nguest = PROBE\nargs = [\"exit\", \"3\"]\n")
        .up(&[])
        .exits(3);
    assert!(!done.stderr.contains("again"), "{done:?}");
}

#[test]
fn the_report_for_programs_names_the_program_of_each_guest() {
    let manifest = Manifest::new(PAIR);
    let report = manifest.folder.path().join("report.json");
    manifest
        .up(&["-q", "--report", &format!("json:{}", report.display())])
        .exits(0);
    let report = std::fs::read_to_string(report).expect("reads");
    let lines: Vec<serde_json::Value> = report
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let names: Vec<_> = lines[1..4]
        .iter()
        .map(|line| (&line["name"], &line["instance"]))
        .collect();
    assert_eq!(
        format!("{names:?}"),
        r#"[(String("producer"), Number(0)), (String("producer"), Number(1)), (String("consumer"), Number(0))]"#
    );
    assert_eq!(lines[4]["exit_code"], 0);
}

#[test]
fn what_does_not_fit_together_is_said_before_anything_runs() {
    let text = r#"
        limits = { pool-memory = "20MiB" }
        [programs.first]
        guest = PROBE
        args = ["args", "started"]
        instances = 10
        [programs.second]
        guest = PROBE
        args = ["args", "started"]
        instances = 10
    "#;
    Manifest::new(text)
        .up(&["-q"])
        .exits(2)
        .one_line()
        .prints("")
        .says("20 at once")
        .says("pool-memory limit of 20MiB");
}

#[test]
fn what_a_manifest_is_made_of_cannot_be_granted_for_writing() {
    let text = r#"
        [programs.a]
        guest = PROBE
        args = ["args"]
        dirs = [".::/d:rw"]
    "#;
    Manifest::new(text)
        .up(&["-q"])
        .exits(2)
        .one_line()
        .says("pool.toml:5: programs.a.dirs")
        .says("the manifest");
    Manifest::new(&text.replace(":rw", ":ro")).up(&["-q"]).exits(0);
}

#[test]
fn whoever_fails_at_once_is_started_again_at_ever_longer_intervals() {
    let done = Manifest::new(
        r#"
        [programs.a]
        guest = PROBE
        args = ["exit", "3"]
        restart = "on-failure"
        restarts = 5
        backoff = "0s"
    "#,
    )
    .up(&["-q"])
    .exits(3);
    for (wait, restart) in [("1ms", 1), ("2ms", 2), ("16ms", 5)] {
        let note = format!("again in {wait} ({restart} of 5)");
        assert!(done.stderr.contains(&note), "{note} in {done:#?}");
    }
}

#[test]
fn a_program_that_runs_source_text_is_one_like_any_other() {
    let text = r#"
feed = "lines"
drain = "out"
[queues.lines]
[queues.out]
[programs.relay]
guest = TALKER
script = "relay.talk"
args = ["a", "{instance}"]
instances = 2
gets = ["lines"]
puts = ["out"]
[programs.greeter]
guest = TALKER
exec = "put out hello\nshow args"
puts = ["out"]
"#;
    let manifest = Manifest::new(text);
    std::fs::write(
        manifest.folder.path().join("relay.talk"),
        "show file\nshow args\ncopy lines out",
    )
    .expect("writes");
    let done = fed(
        wasm_pool(["up".as_ref(), manifest.file.as_os_str()]).arg("-q"),
        b"one\ntwo\n",
    )
    .exits(0);
    let expected = [
        "[\"talker\", \"-c\"]",
        "[\"talker\", \"relay.talk\", \"a\", \"0\"]",
        "[\"talker\", \"relay.talk\", \"a\", \"1\"]",
        "hello",
        "one",
        "relay.talk",
        "relay.talk",
        "two",
    ];
    assert_eq!(done.lines(), expected);
}

#[test]
fn a_script_that_fails_is_started_again_as_a_command_is() {
    let text = "[programs.a]\nguest = TALKER\nexec = \"print x\\nraise y\"\nrestart = \"on-failure\"\nrestarts = 2\nbackoff = \"1ms\"\n";
    let done = Manifest::new(text).up(&[]).exits(1).prints("x\nx\nx\n");
    assert!(
        done.stderr.contains("a#0 ended with failed: RuntimeError: y, again in"),
        "{done:#?}"
    );
}
