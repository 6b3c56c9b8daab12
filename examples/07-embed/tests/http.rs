//! The service as a process, over HTTP on loopback: what it answers, and what a hostile plugin does not change.
#![allow(clippy::expect_used, clippy::panic)] // a test that cannot go on fails

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use ureq::http::Response;
use ureq::{Agent, Body};

/// Nothing here takes longer, unless something hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A deadline that no honest call reaches, however busy the machine is.
const AMPLE: [&str; 2] = ["--deadline", "30s"];

/// A service on a port of its own; ends with the test.
struct Server {
    process: Child,
    /// `127.0.0.1:PORT`
    address: String,
    agent: Agent,
    log: Option<JoinHandle<String>>,
}

/// An answer: status and body.
type Answer = (u16, String);

impl Server {
    fn start(plugin: &str, flags: &[&str]) -> Server {
        let mut process = Command::new(env!("CARGO_BIN_EXE_embed"))
            .arg(file(plugin))
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut stderr = process.stderr.take().expect("a pipe");
        let log = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).expect("UTF-8");
            text
        });
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("says where it listens");
        let Some(address) = line.trim().strip_prefix("listening on http://") else {
            panic!("{line:?}; {:?}", log.join());
        };
        Server {
            address: address.to_owned(),
            process,
            agent: Agent::config_builder()
                .http_status_as_error(false)
                .timeout_global(Some(PATIENCE))
                .build()
                .new_agent(),
            log: Some(log),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn get(&self, path: &str) -> Answer {
        answer(self.agent.get(self.url(path)).call().expect("answers"))
    }

    fn transform(&self, text: impl AsRef<[u8]>) -> Answer {
        answer(
            self.agent
                .post(self.url("/transform"))
                .send(text.as_ref())
                .expect("answers"),
        )
    }

    fn transform_for(&self, caller: &str, text: &str) -> Answer {
        let request = self.agent.post(self.url("/transform")).header("x-caller", caller);
        answer(request.send(text).expect("answers"))
    }

    fn put(&self, component: &[u8]) -> Answer {
        answer(self.agent.put(self.url("/plugin")).send(component).expect("answers"))
    }

    /// What a metric stands at; 0 where there is none yet.
    fn metric(&self, name: &str) -> f64 {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200);
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        value.map_or(0.0, |value| value.parse().expect("a number"))
    }

    /// Waits until a metric stands at a value.
    #[track_caller]
    fn until(&self, name: &str, value: f64) {
        let end = Instant::now() + PATIENCE;
        while self.metric(name) != value {
            assert!(Instant::now() < end, "{name} never was {value}");
        }
    }

    /// A request whose answer nobody reads: drop it and the client is gone.
    fn ask(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).expect("connects");
        let head = format!(
            "POST /transform HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        stream.write_all((head + text).as_bytes()).expect("asks");
        stream
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).expect("signals");
    }

    /// Waits for its end: whether that was well, and its log.
    fn end(mut self) -> (bool, String) {
        let well = self.process.wait().expect("ends").success();
        let log = self.log.take().expect("nobody took it").join();
        (well, log.expect("a log"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn answer(mut response: Response<Body>) -> Answer {
    let text = response.body_mut().read_to_string().expect("a text");
    (response.status().as_u16(), text)
}

/// The error in an answer, which is one line.
#[track_caller]
fn error((status, body): &Answer, expected: u16) -> String {
    assert_eq!(*status, expected, "{body}");
    assert_eq!(body.lines().count(), 1, "{body}");
    let json: serde_json::Value = serde_json::from_str(body).expect("JSON");
    json["error"].as_str().expect("an error").to_owned()
}

fn ok(text: &str) -> Answer {
    (200, text.to_owned())
}

/// A plugin of the example, or another guest of the repository.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(file(name)).expect("a guest")
}

#[test]
fn transforms_a_text_for_its_caller() {
    let server = Server::start("transform.wasm", &AMPLE);
    assert_eq!(server.get("/healthz"), ok("ok\n"));
    assert_eq!(server.transform("hello WORLD"), ok("[somebody] Hello World"));
    assert_eq!(error(&server.transform(""), 422), "the text is empty");
    // Each call knows its own caller, whatever runs beside it.
    thread::scope(|scope| {
        for caller in ["ada", "grace", "barbara"] {
            let server = &server;
            scope.spawn(move || {
                for number in 0..20 {
                    let answer = server.transform_for(caller, &format!("it is {number}"));
                    assert_eq!(answer, ok(&format!("[{caller}] It Is {number}")));
                }
            });
        }
    });
    server.signal(Signal::TERM);
    let (well, log) = server.end();
    assert!(well, "{log}");
    assert!(
        log.contains(r#"a text of 11 characters plugin="transform" caller="somebody""#),
        "{log}"
    );
}

#[test]
fn refuses_what_is_no_text() {
    let server = Server::start("transform.wasm", &AMPLE);
    assert!(error(&server.transform([b'a', 0xff]), 400).contains("UTF-8"));
    assert!(error(&server.transform(vec![b'a'; (1 << 20) + 1]), 413).contains("limit"));
    let long = "word ".repeat(200_000);
    let (status, text) = server.transform(&long);
    assert_eq!((status, text.len()), (200, long.len() + "[somebody] ".len()));
}

#[test]
fn a_hostile_plugin_ends_its_own_calls_and_nobody_elses() {
    let server = Server::start("hostile.wasm", &["--running", "8", "--deadline", "1s"]);
    let hostile = [
        ("loop", 504, "deadline: not done after 1s"),
        ("grow", 502, "limit(memory)"),
        ("trap", 502, "trapped: "),
    ];
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let attacks = hostile.map(|(text, status, says)| {
            let (server, over) = (&server, &over);
            scope.spawn(move || {
                let mut attacks = 0;
                while !over.load(Relaxed) || attacks == 0 {
                    let why = error(&server.transform(text), status);
                    assert!(why.starts_with(says), "{why}");
                    attacks += 1;
                }
            })
        });
        let mut times: Vec<_> = (0..200)
            .map(|number| {
                let (text, began) = (format!("good {number}"), Instant::now());
                assert_eq!(server.transform(&text), ok(&text));
                began.elapsed()
            })
            .collect();
        over.store(true, Relaxed);
        attacks.into_iter().for_each(|attack| attack.join().expect("ends"));
        times.sort_unstable();
        // They wait for no attack to end.
        assert!(times[times.len() / 2] < Duration::from_millis(250), "{times:?}");
    });
    assert_eq!(server.get("/healthz"), ok("ok\n"));
}

#[test]
fn the_plugin_is_replaced_under_load() {
    let server = Server::start("transform.wasm", &AMPLE);
    let (title, shout) = (bytes("transform.wasm"), bytes("shout.wasm"));
    let over = AtomicBool::new(false);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let load = [(); 3].map(|()| {
            scope.spawn(|| {
                let mut answers = Vec::new();
                while !over.load(Relaxed) {
                    answers.push(server.transform("hello"));
                }
                answers
            })
        });
        for _ in 0..5 {
            for (plugin, text) in [(&shout, "HELLO!"), (&title, "[somebody] Hello")] {
                assert_eq!(server.put(plugin), (204, String::new()));
                // What comes after the answer goes to the new one.
                assert_eq!(server.transform("hello"), ok(text));
            }
        }
        over.store(true, Relaxed);
        load.into_iter().flat_map(|load| load.join().expect("ends")).collect()
    });
    let count = |text: &str| answers.iter().filter(|answer| **answer == ok(text)).count();
    let (titles, shouts) = (count("[somebody] Hello"), count("HELLO!"));
    assert!(titles > 0 && shouts > 0, "{titles} and {shouts}");
    assert_eq!(titles + shouts, answers.len());
}

#[test]
fn a_bad_plugin_changes_nothing() {
    let server = Server::start("transform.wasm", &AMPLE);
    for (component, says) in [
        (b"no WebAssembly".to_vec(), "expected a WebAssembly module"),
        (bytes("../02-primes/primes.wasm"), "core module"),
        // Components, of other worlds.
        (bytes("../06-map/sweep.wasm"), "transform"),
        (
            b"(component (import \"demo:text/host\" (instance (export \"more\" (func)))))".to_vec(),
            "more",
        ),
        // Starts with more memory than a call may have.
        (TOO_LARGE.to_vec(), "memory"),
    ] {
        let why = error(&server.put(&component), 400);
        assert!(why.contains(says), "{why}");
        assert_eq!(server.transform("hello"), ok("[somebody] Hello"));
    }
    assert_eq!(server.put(&bytes("shout.wasm")).0, 204);
    assert_eq!(server.transform("hello"), ok("HELLO!"));
}

/// A plugin in the text format, whose memory is 17 MiB.
const TOO_LARGE: &[u8] = br#"(component
    (core module $m
        (memory (export "memory") 272)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "transform") (param i32 i32) (result i32) unreachable))
    (core instance $i (instantiate $m))
    (func (export "transform") (param "text" string) (result (result string (error string)))
        (canon lift (core func $i "transform") (memory $i "memory") (realloc (func $i "realloc")))))"#;

#[test]
fn who_comes_when_it_is_full_is_told_when_to_come_again() {
    let server = Server::start(
        "hostile.wasm",
        &["--running", "1", "--waiting", "1", "--deadline", "10m"],
    );
    let runs = server.ask("loop");
    server.until("wasm_pool_working", 1.0);
    server.until("wasm_pool_waiting", 0.0);
    let waits = server.ask("loop");
    server.until("wasm_pool_waiting", 1.0);

    let refused = server
        .agent
        .post(server.url("/transform"))
        .send("good")
        .expect("answers");
    assert_eq!(refused.headers()["retry-after"], "1");
    assert!(error(&answer(refused), 503).starts_with("no room for one more call"));
    assert_eq!(server.metric("wasm_pool_rejected_total"), 1.0);
    assert_eq!(server.get("/healthz"), ok("ok\n"));

    // Calls of clients that are gone are ended, long before their deadline.
    drop((runs, waits));
    server.until("wasm_pool_working", 0.0);
    assert_eq!(server.transform("good"), ok("good"));
}

#[test]
fn metrics_count_the_calls_by_what_became_of_them() {
    let server = Server::start("hostile.wasm", &["--deadline", "1s"]);
    for _ in 0..3 {
        assert_eq!(server.transform("good").0, 200);
    }
    for (text, status) in [("trap", 502), ("grow", 502), ("loop", 504)] {
        error(&server.transform(text), status);
    }
    let calls = |outcome| {
        let name = format!(r#"wasm_pool_calls_total{{program="hostile",outcome="{outcome}"}}"#);
        server.metric(&name)
    };
    // Among those that went well is the one that was tried out.
    assert_eq!(
        ["ok", "trapped", "limit(memory)", "deadline"].map(calls),
        [4.0, 1.0, 1.0, 1.0]
    );
    assert_eq!(server.metric(r#"wasm_pool_open_seconds_count{program="hostile"}"#), 7.0);
    let quick = server.metric(r#"wasm_pool_call_seconds_bucket{program="hostile",le="0.1"}"#);
    assert!(quick >= 4.0, "{quick} calls below 0.1 s");
    assert_eq!(server.metric("wasm_pool_interpreters"), 0.0);
    assert!(server.metric("wasm_pool_memory_peak_bytes") > 0.0);
}

#[test]
fn what_was_asked_before_the_end_is_answered() {
    let server = Server::start("hostile.wasm", &["--running", "1", "--deadline", "2s"]);
    let (loops, good) = thread::scope(|scope| {
        let loops = scope.spawn(|| server.transform("loop"));
        server.until("wasm_pool_working", 1.0);
        // What it was asked counts as waiting until its seat has taken it.
        server.until("wasm_pool_waiting", 0.0);
        let good = [0, 1, 2].map(|number| {
            let server = &server;
            scope.spawn(move || server.transform(format!("good {number}")))
        });
        server.until("wasm_pool_waiting", 3.0);
        server.signal(Signal::TERM);
        let good = good.map(|good| good.join().expect("ends"));
        (loops.join().expect("ends"), good)
    });
    error(&loops, 504);
    assert_eq!(good, [0, 1, 2].map(|number| ok(&format!("good {number}"))));
    let address = server.address.clone();
    let (well, log) = server.end();
    assert!(well, "{log}");
    assert!(TcpStream::connect(address).is_err());
}
