//! Runs the real binary as a process, and waits for conditions with a deadline.
#![allow(dead_code)] // each test binary uses its part

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Nothing in these tests takes longer, unless something hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("host/ lies in the repository")
        .to_owned()
}

/// The probe, built for WASI preview 1.
pub(crate) fn probe_p1() -> PathBuf {
    root().join("tests/guests/probe-p1.wasm")
}

/// The probe, built for WASI 0.2.
pub(crate) fn probe_p2() -> PathBuf {
    root().join("tests/guests/probe-p2.wasm")
}

/// Both probes.
pub(crate) fn probes() -> [PathBuf; 2] {
    [probe_p1(), probe_p2()]
}

/// The plugin, which imports nothing: functions of every kind, and some that go wrong.
pub(crate) fn plugin() -> PathBuf {
    root().join("tests/guests/plugin.wasm")
}

/// The plugin with what only WASI can do.
pub(crate) fn plugin_wasi() -> PathBuf {
    root().join("tests/guests/plugin-wasi.wasm")
}

/// A folder that goes away with the test.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A guest in WebAssembly's text format, as a file.
pub(crate) fn wat(source: &str) -> tempfile::NamedTempFile {
    file(source.as_bytes(), ".wat")
}

/// A file with these bytes.
pub(crate) fn file(bytes: &[u8], ending: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new()
        .prefix("guest")
        .suffix(ending)
        .tempfile()
        .expect("a temporary file");
    file.write_all(bytes).expect("writes the guest");
    file
}

/// Spins for ever.
pub(crate) const SPIN: &str = r#"(module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))"#;

/// `go` prints a line and spins for ever at 23, else gives its argument back.
pub(crate) const SAYS_GO_AND_SPINS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\03\00\00\00go\0a")
    (func (export "go") (param i32) (result i32)
      (if (i32.eq (local.get 0) (i32.const 23))
        (then
          (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 20)))
          (loop (br 0))))
      (local.get 0)))"#;

/// What a process did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
}

impl Done {
    /// Checks the exit code, and that nothing panicked on the way.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Done {
        assert!(!self.stderr.lines().any(is_our_panic), "{self:#?}");
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Checks that stderr holds this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Done {
        assert!(self.stderr.contains(text), "no {text:?} in {self:#?}");
        self
    }

    /// Checks that stdout is this.
    #[track_caller]
    pub(crate) fn prints(self, text: &str) -> Done {
        assert_eq!(self.stdout, text, "{self:#?}");
        self
    }

    /// Checks that stderr is one line that begins with our name.
    #[track_caller]
    pub(crate) fn one_line(self) -> Done {
        assert!(
            self.stderr.starts_with("wasm-pool: ") && self.stderr.lines().count() == 1,
            "{self:#?}"
        );
        self
    }

    /// The lines of stdout, sorted.
    pub(crate) fn lines(&self) -> Vec<&str> {
        let mut lines: Vec<_> = self.stdout.lines().collect();
        lines.sort_unstable();
        lines
    }
}

/// Whether a line tells of a panic in this process: in our code, in a dependency, in the standard library. Guests may panic
/// as they like; their sources have other paths.
fn is_our_panic(line: &str) -> bool {
    const OF_GUESTS: [&str; 6] = ["tests/guests/", "examples/", "guest/", "/guest/", "/rust/", "/cargo/"];
    let place = line.split_once("panicked at ").map(|(_, place)| place);
    place.is_some_and(|place| !OF_GUESTS.iter().any(|folder| place.starts_with(folder)))
}

/// The binary with these arguments, a cache that all tests share, and nothing on stdin.
pub(crate) fn wasm_pool<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wasm-pool"));
    command
        .args(args)
        .env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs `wasm-pool run GUEST ARGS…`.
pub(crate) fn run(guest: impl AsRef<Path>, args: &[&str]) -> Done {
    done(wasm_pool(["run".as_ref(), guest.as_ref().as_os_str()]).args(args))
}

/// Runs a command to its end.
pub(crate) fn done(command: &mut Command) -> Done {
    let began = Instant::now();
    finish(command.spawn().expect("starts"), began)
}

/// Runs a command to its end with this on its stdin.
pub(crate) fn fed(command: &mut Command, input: &[u8]) -> Done {
    let began = Instant::now();
    let mut child = command.stdin(Stdio::piped()).spawn().expect("starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let input = input.to_vec();
    thread::spawn(move || {
        // A process that does not read all of it closes the pipe.
        let _ = stdin.write_all(&input);
    });
    finish(child, began)
}

/// Runs a command that may take so long to its end.
pub(crate) fn within(command: &mut Command, time: Duration) -> Done {
    let began = Instant::now();
    ended(command.spawn().expect("starts"), began, began + time)
}

/// Waits for a process and takes all that it prints.
pub(crate) fn finish(child: Child, began: Instant) -> Done {
    ended(child, began, began + PATIENCE)
}

fn ended(mut child: Child, began: Instant, until: Instant) -> Done {
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    let code = wait(&mut child, until);
    let text = |pipe: Option<mpsc::Receiver<String>>| {
        pipe.and_then(|pipe| pipe.recv_timeout(PATIENCE).ok())
            .unwrap_or_default()
    };
    Done {
        code,
        stdout: text(stdout),
        stderr: text(stderr),
        took: began.elapsed(),
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

/// The exit code, or the negative of the signal that ended it.
pub(crate) fn wait(child: &mut Child, until: Instant) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    let (sender, receiver) = mpsc::channel::<()>();
    let id = rustix::process::Pid::from_child(child);
    // A watchdog ends a process that hangs, and the test fails on what it then sees.
    let watchdog = thread::spawn(move || {
        let left = until.saturating_duration_since(Instant::now());
        if receiver.recv_timeout(left) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::KILL);
        }
    });
    let status = child.wait().expect("waits");
    drop(sender);
    watchdog.join().expect("the watchdog ends");
    status.code().or_else(|| status.signal().map(|signal| -signal))
}

/// Sends a signal to a process.
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(child), signal).expect("signals");
}

/// Waits until a condition holds.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < until, "never came: {what}");
        thread::park_timeout(Duration::from_millis(2));
    }
}

/// Runs an ordinary tool of the system and gives what it printed.
pub(crate) fn tool(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect("the tool starts");
    assert!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("prints UTF-8")
}

/// The lines of a `/proc/…/status` that say what a thread has given up.
pub(crate) fn walls(status: &str) -> String {
    let fields = ["NoNewPrivs:", "Seccomp:", "Seccomp_filters:"];
    let lines = status
        .lines()
        .filter(|line| fields.iter().any(|field| line.starts_with(field)));
    lines.collect::<Vec<_>>().join(" ").replace('\t', " ")
}
