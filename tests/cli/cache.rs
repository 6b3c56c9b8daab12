//! The cache of compiled code: a bad entry is a miss, and a missing cache stops nobody.

use std::path::Path;

use crate::harness::*;

fn with_cache(folder: &Path, args: &[&str]) -> Done {
    done(wasm_pool(args).env("XDG_CACHE_HOME", folder))
}

fn entries(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(folder.join("wasm-pool"))
        .into_iter()
        .flatten()
        .flatten();
    files.map(|file| file.path()).collect()
}

#[test]
fn a_program_is_compiled_once() {
    let (cache, probe) = (folder(), probe_p1().display().to_string());
    with_cache(cache.path(), &["compile", &probe]).exits(0).says("");
    assert_eq!(entries(cache.path()).len(), 1);
    let inspected = with_cache(cache.path(), &["inspect", &probe]).exits(0);
    assert!(inspected.stdout.contains("it was in the code cache"), "{inspected:#?}");
    let info = with_cache(cache.path(), &["cache", "info"]).exits(0);
    assert!(info.stdout.contains("holds 1 programs"), "{info:#?}");
    assert!(info.stdout.contains(" of at most 1GiB"), "{info:#?}");
    with_cache(cache.path(), &["cache", "clean"]).exits(0);
    assert!(entries(cache.path()).is_empty());
    with_cache(cache.path(), &["run", &probe, "-q", "--no-cache", "--", "args", "x"])
        .exits(0)
        .prints("x\n");
    assert!(entries(cache.path()).is_empty());
}

#[test]
fn a_bad_entry_is_a_miss_and_is_replaced() {
    let (cache, probe) = (folder(), probe_p2().display().to_string());
    let run = || {
        with_cache(cache.path(), &["run", &probe, "-q", "--", "args", "x"])
            .exits(0)
            .prints("x\n")
    };
    run();
    let entry = entries(cache.path()).pop().expect("an entry");
    let good = std::fs::read(&entry).expect("reads");
    let flipped = {
        let mut bytes = good.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        bytes
    };
    for bad in [
        &good[..0],
        &good[..40],
        &good[..good.len() / 2],
        &good[..good.len() - 1],
        &flipped,
        b"\x7fELF nothing",
    ] {
        std::fs::write(&entry, bad).expect("writes");
        run();
        assert!(
            std::fs::read(&entry).is_ok_and(|bytes| bytes.len() == good.len()),
            "it was replaced"
        );
    }
}

/// A guest that ends with this code.
fn ends_with(code: u8) -> tempfile::NamedTempFile {
    wat(&format!(
        r#"(module
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (func (export "_start") (call $exit (i32.const {code}))))"#
    ))
}

#[test]
fn an_entry_under_another_name_is_a_miss() {
    let cache = folder();
    let run = |guest: &tempfile::NamedTempFile, code| {
        let path = guest.path().display().to_string();
        with_cache(cache.path(), &["run", &path, "-q"]).exits(code);
    };
    let (three, four) = (ends_with(3), ends_with(4));
    run(&three, 3);
    let first = entries(cache.path()).pop().expect("an entry");
    run(&four, 4);
    let mut both = entries(cache.path());
    both.retain(|path| *path != first);
    let second = both.pop().expect("another entry");
    std::fs::copy(&first, &second).expect("copies");
    run(&four, 4);
    // Which was replaced.
    std::fs::copy(&second, &first).expect("copies");
    run(&three, 3);
}

#[test]
fn what_is_no_file_under_an_entry_s_name_is_a_miss() {
    let (cache, guest) = (folder(), ends_with(3));
    let path = guest.path().display().to_string();
    let run = || with_cache(cache.path(), &["run", &path, "-q"]).exits(3);
    run();
    let entry = entries(cache.path()).pop().expect("an entry");
    let good = cache.path().join("good");
    std::fs::copy(&entry, &good).expect("copies");
    let gone = || std::fs::remove_file(&entry).expect("removes");
    gone();
    tool("mkfifo", &[&entry.display().to_string()]);
    run();
    gone();
    let socket = std::os::unix::net::UnixListener::bind(&entry).expect("binds");
    run();
    drop(socket);
    gone();
    for target in [&good, Path::new("/dev/zero")] {
        std::os::unix::fs::symlink(target, &entry).expect("links");
        run();
        gone();
    }
    std::fs::create_dir(&entry).expect("makes");
    run();
}

#[test]
fn two_processes_at_once_leave_whole_entries() {
    let (cache, probe) = (folder(), probe_p2().display().to_string());
    let mut children: Vec<_> = (0..6)
        .map(|_| {
            wasm_pool(["run", &probe, "-q", "--", "args", "x"])
                .env("XDG_CACHE_HOME", cache.path())
                .spawn()
                .expect("starts")
        })
        .collect();
    for child in children.drain(..) {
        finish(child, std::time::Instant::now()).exits(0).prints("x\n");
    }
    assert_eq!(entries(cache.path()).len(), 1);
}

#[test]
fn a_cache_that_others_can_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let (cache, probe) = (folder(), probe_p1().display().to_string());
    let own = cache.path().join("wasm-pool");
    std::fs::create_dir(&own).expect("makes");
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o777)).expect("opens up");
    with_cache(cache.path(), &["run", &probe, "-q", "--", "args", "x"])
        .exits(0)
        .prints("x\n")
        .says("others can write");
    assert!(entries(cache.path()).is_empty());
}

#[test]
fn without_a_home_programs_run_and_it_is_said_once() {
    let probe = probe_p1().display().to_string();
    let mut command = wasm_pool(["run", &probe, "-q", "-n", "3", "--", "args", "x"]);
    let command = command
        .env("XDG_CACHE_HOME", "/proc/nope")
        .env("HOME", "/proc/nope")
        .env("TMPDIR", "/proc/nope");
    let done = done(command).exits(0).prints("x\nx\nx\n");
    assert_eq!(done.stderr.matches("no code cache").count(), 1, "{done:#?}");
}

#[test]
fn compiled_code_runs_only_where_it_is_trusted() {
    let out = folder();
    let code = out.path().join("probe.cwasm").display().to_string();
    let probe = probe_p2().display().to_string();
    done(&mut wasm_pool(["compile", &probe, "-o", &code])).exits(0);
    done(&mut wasm_pool(["run", &code, "--", "args", "x"]))
        .exits(65)
        .one_line()
        .says("--allow-precompiled");
    done(&mut wasm_pool([
        "run",
        &code,
        "-q",
        "--allow-precompiled",
        "--",
        "args",
        "x",
    ]))
    .exits(0)
    .prints("x\n");
    done(&mut wasm_pool(["compile", &probe, "-o", "/surely/not/there"]))
        .exits(74)
        .one_line();
}

#[test]
fn compiled_code_replaces_no_device_and_no_guest() {
    let out = folder();
    let guest = out.path().join("guest.wasm");
    std::fs::copy(probe_p1(), &guest).expect("copies");
    let (guest, before) = (guest.display().to_string(), std::fs::read(&guest).expect("reads"));
    done(&mut wasm_pool(["compile", &guest, "-o", &guest]))
        .exits(2)
        .one_line()
        .says("would be overwritten");
    assert_eq!(std::fs::read(&guest).ok(), Some(before));
    done(&mut wasm_pool(["compile", &guest, "-o", "-"])).exits(2).one_line();
    // A pipe stands for the device that a test may not endanger.
    let fifo = out.path().join("fifo").display().to_string();
    tool("mkfifo", &[&fifo]);
    let (reading, reader) = (
        fifo.clone(),
        std::thread::spawn({
            let fifo = fifo.clone();
            move || std::fs::read(fifo).map(|bytes| bytes.len())
        }),
    );
    done(&mut wasm_pool(["compile", &guest, "-o", &fifo])).exits(0);
    assert!(reader.join().expect("ends").is_ok_and(|read| read > 1_000));
    assert!(std::fs::metadata(reading).is_ok_and(|meta| !meta.is_file()));
}

#[test]
fn a_guest_s_debug_information_is_not_kept_whatever_the_environment_says() {
    let guest = wat(r#"(module (func (export "_start")) (@custom ".debug_info" "a stranger's DWARF"))"#);
    let (out, guest) = (folder(), guest.path().display().to_string());
    let code = out.path().join("guest.cwasm");
    let mut command = wasm_pool(["compile", &guest, "--no-cache", "-o", &code.display().to_string()]);
    done(command.env("WASMTIME_BACKTRACE_DETAILS", "1")).exits(0);
    let code = std::fs::read(&code).expect("reads");
    assert!(!code.windows(8).any(|bytes| bytes == b"stranger"));
}

#[test]
fn what_a_killed_process_left_unfinished_goes_with_the_next_entry() {
    let (cache, guest) = (folder(), ends_with(3));
    let path = guest.path().display().to_string();
    with_cache(cache.path(), &["cache", "info"]).exits(0);
    let dead = cache.path().join("wasm-pool/.new-dead");
    std::fs::write(&dead, "half").expect("writes");
    let hours = std::time::SystemTime::now() - std::time::Duration::from_secs(7_200);
    let file = std::fs::File::options().write(true).open(&dead).expect("opens");
    file.set_modified(hours).expect("ages");
    // Behind the second wall nothing there can be opened to be listed.
    with_cache(cache.path(), &["run", &path, "-q"]).exits(3);
    assert!(!dead.exists());
    assert_eq!(entries(cache.path()).len(), 1);
}
