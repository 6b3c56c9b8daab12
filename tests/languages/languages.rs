//! Which languages there are here: Rust and C always, Python and JavaScript where they are installed.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use wasm_pool::cache::Cache;
use wasm_pool::interpreter::script::Text;
use wasm_pool::{Engine, Grants, Interpreter, Limits, Pool, Program, Script, Setup};

use crate::harness::{root, wasm_pool, within};

/// A language, and how a program of it passes on what it gets.
pub(crate) struct Relay {
    pub(crate) name: &'static str,
    program: Program,
    /// What stands before the names of the two queues.
    words: &'static [&'static str],
    script: Option<&'static str>,
}

/// The interpreter of a language: the file that `WASM_POOL_PYTHON` or `WASM_POOL_JS` names, or one that the command installs
/// among the build's files. Where it cannot be installed the tests that want it are skipped, and that is said, unless
/// `WASM_POOL_LANGUAGES` is `required`.
pub(crate) fn interpreter(language: &str) -> Option<PathBuf> {
    static PYTHON: OnceLock<Option<PathBuf>> = OnceLock::new();
    static JS: OnceLock<Option<PathBuf>> = OnceLock::new();
    let known = if language == "python" { &PYTHON } else { &JS };
    known
        .get_or_init(|| {
            let named = std::env::var_os(format!("WASM_POOL_{}", language.to_uppercase()));
            named.map(PathBuf::from).or_else(|| install(language))
        })
        .clone()
}

/// Where the tests' languages are.
pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("languages")
}

/// Installs a language as a user does, once for all tests; the file.
fn install(language: &str) -> Option<PathBuf> {
    let mut command = wasm_pool(["lang", "install", language]);
    let installed = within(command.env("XDG_DATA_HOME", data()), Duration::from_secs(1_800));
    if installed.code == Some(0) {
        let (_, file) = installed.stdout.trim().rsplit_once(" in ").expect("a place");
        return Some(file.into());
    }
    let why = installed.stderr.lines().last().unwrap_or_default().to_owned();
    assert!(
        std::env::var("WASM_POOL_LANGUAGES").as_deref() != Ok("required"),
        "{language} is required: {why}"
    );
    // Past the capture of a test that passes.
    let _ = writeln!(std::io::stderr(), "skipped, there is no {language}: {why}");
    None
}

/// An engine that compiles a language once for all tests, and has time for it.
pub(crate) fn engine(instances: u32) -> Engine {
    let cache = Cache::open(Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache/wasm-pool")).expect("a cache");
    Engine::builder()
        .instances(instances)
        .cache(cache)
        .build()
        .expect("an engine")
}

/// A program, however long its compiler takes.
pub(crate) fn load(engine: &Engine, file: &Path) -> Program {
    let limits = Limits {
        compile_time: Duration::from_secs(1_200),
        ..Limits::default()
    };
    Program::from_file(engine, file, &limits).expect("a program")
}

/// All that are here.
pub(crate) fn relays(engine: &Engine) -> Vec<Relay> {
    let here = |name, file: &str, words| Relay {
        name,
        program: load(engine, &root().join(file)),
        words,
        script: None,
    };
    let mut relays = vec![
        here("rust", "tests/guests/talker.wasm", &["relay"]),
        here("c", "examples/10-polyglot/filter.wasm", &[""]),
    ];
    let scripts = [("python", include_str!("relay.py")), ("js", include_str!("relay.js"))];
    for (name, script) in scripts {
        if let Some(file) = interpreter(name) {
            relays.push(Relay {
                name,
                program: load(engine, &file),
                words: &[],
                script: Some(script),
            });
        }
    }
    relays
}

impl Relay {
    /// Starts one that passes on what it gets from one queue to another, until the first is closed.
    pub(crate) fn start(&self, pool: &Pool, from: &str, to: &str) -> Interpreter {
        let queues = vec![from.to_owned(), to.to_owned()];
        let words = self.words.iter().map(|word| (*word).to_owned());
        let setup = Setup {
            grants: Grants {
                args: words.chain(queues.clone()).collect(),
                queues,
                ..Grants::default()
            },
            ..Setup::default()
        };
        match self.script {
            None => pool.spawn(&self.program, setup),
            Some(text) => pool.spawn_script(&self.program, setup, script(text)),
        }
        .expect("starts")
    }
}

/// A script of one text.
pub(crate) fn script(source: &str) -> Script {
    let file = "script".to_owned();
    Script {
        name: file.clone(),
        texts: vec![Text {
            file: Some(file),
            source: source.to_owned(),
        }],
    }
}
