//! `examples/10-polyglot`: a filter in C, workers in Python and a report in JavaScript say of a log what one program says.

use std::fs;
use std::process::{Command, Stdio};

use crate::harness::{done, fed, folder, root, wasm_pool};
use crate::languages::interpreter;

#[test]
fn three_languages_say_of_a_log_what_one_program_says() {
    let (Some(python), Some(js)) = (interpreter("python"), interpreter("js")) else {
        return;
    };
    let example = root().join("examples/10-polyglot");
    let here = folder();
    for file in ["filter.wasm", "parse.py", "report.js"] {
        fs::copy(example.join(file), here.path().join(file)).expect("copies");
    }
    let manifest = fs::read_to_string(example.join("pool.toml")).expect("a manifest");
    let manifest = manifest
        .replace(
            "lang = \"python\"",
            &format!("guest = {:?}", python.display().to_string()),
        )
        .replace("lang = \"js\"", &format!("guest = {:?}", js.display().to_string()));
    let place = here.path().join("pool.toml");
    fs::write(&place, manifest).expect("writes");

    let python3 = |script: &str| {
        let mut command = Command::new("python3");
        command
            .arg(example.join(script))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    };
    let log = done(python3("log.py").arg("5000")).exits(0).stdout;
    let expected = fed(&mut python3("check.py"), log.as_bytes()).exits(0).stdout;
    assert!(
        expected.lines().count() == 11 && !expected.contains("\"rejected\":0"),
        "{expected}"
    );
    for language in [&python, &js] {
        done(wasm_pool(["compile", "--compile-time", "20m"]).arg(language)).exits(0);
    }
    fed(wasm_pool(["up", "-q"]).arg(&place), log.as_bytes())
        .exits(0)
        .prints(&expected);
}
