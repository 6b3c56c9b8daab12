//! Manifests, and the sizes, times, queues and folders that are written in them and on the command line.

use std::path::Path;
use std::time::{Duration, Instant};

use wasm_pool::ErrorKind;
use wasm_pool::grants::DirGrant;
use wasm_pool::manifest::{Plan, QueueSpec};
use wasm_pool::units::{parse_bound, parse_duration, parse_size, show_duration, show_size};

use crate::{Target, presentable};

/// `Plan::parse`, and `units`.
pub const TARGET: Target = Target {
    name: "manifest",
    holds: manifest,
    words: &[
        "feed = ",
        "drain = ",
        "workers = ",
        "[limits]\n",
        "[queues.a]\n",
        "[queues.\"\\u0000\"]\n",
        "[programs.b]\n",
        "max-size = ",
        "max-bytes = ",
        "unbound = \"keep\"",
        "guest = \"g.wasm\"\n",
        "args = []",
        "instances = ",
        "dirs = [\"/::/:rw\"]",
        "env = { A = \"b\" }",
        "gets = [\"a\"]\n",
        "puts = [\"a\"]\n",
        "restart = \"on-failure\"\n",
        "restarts = ",
        "backoff = ",
        "interpreters = { count = 1 }",
        "limits = { memory = \"1MiB\" }",
        "memory = ",
        "deadline = ",
        "\"none\"",
        "grace = ",
        "pool-memory = ",
        "\"18446744073709551616B\"",
        "\"1e400s\"",
        "\"99999999999999GiB\"",
        "9223372036854775808",
        "-1",
        "4294967296",
        "\"\"\"",
        "'''",
        "[[programs]]",
        "{",
        "[[[[[[[[",
        "\\uD800",
        "\\U00110000",
        "\"1.5GiB\"",
        "\"3m20s\"",
        "\"1h\"",
        "\"0\"",
        "\"0.0000000001s\"",
        "\"NaN\"",
        "\"infs\"",
    ],
};

/// Nothing of this size takes longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A plan that can be drawn, or one line that says where the mistake is. And in the text, taken as a size, a time, a queue or a folder:
/// what is shown reads back.
pub fn manifest(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let began = Instant::now();
    match Plan::parse(text, "pool.toml", Path::new("here")) {
        Ok(plan) => {
            let picture = plan.picture();
            assert!(picture.chars().all(|c| c == '\n' || !c.is_control()), "{picture:?}");
            // Not much more to read than was written.
            assert!(
                picture.len() <= 1_000 + 300 * text.len(),
                "{} bytes of picture",
                picture.len()
            );
            for warning in plan.warnings() {
                presentable(&warning);
            }
            let names = plan.programs.iter().flat_map(|part| part.gets.iter().chain(&part.puts));
            for name in names.chain(&plan.feed).chain(&plan.drain) {
                assert!(plan.queues.iter().any(|queue| queue.name == *name), "{name:?}");
            }
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
            presentable(&error.to_string());
            assert!(error.to_string().starts_with("pool.toml:"), "{error}");
        }
    }
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    words(text);
}

fn words(text: &str) {
    if text.len() > 200 {
        return;
    }
    if let Ok(size) = parse_size(text) {
        let shown = show_size(size);
        let again = parse_size(&shown).expect("what is shown is a size").as_u64();
        // Two digits behind the point.
        let off = again.abs_diff(size.as_u64());
        assert!(off <= size.as_u64() / 100, "{text:?} {size:?} {shown} {again}");
        if let Ok(exact) = text.parse::<u64>() {
            assert_eq!(size.as_u64(), exact);
        }
    }
    if let Ok(time) = parse_duration(text) {
        let shown = show_duration(time);
        presentable(&shown);
        if time < Duration::from_secs(60) {
            let again = parse_duration(&shown).expect("what is shown is a time");
            assert!(again.abs_diff(time) <= time / 50, "{text:?} {time:?} {shown}");
        }
        assert_eq!(parse_bound(text), Ok(Some(time)));
    }
    if let Ok(queue) = text.parse::<QueueSpec>() {
        assert!(!queue.name.contains(':'));
    }
    if let Ok(dir) = text.parse::<DirGrant>() {
        assert!(!dir.guest.is_empty() && !dir.host.as_os_str().is_empty());
    }
}
