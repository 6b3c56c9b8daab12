//! Nothing is granted by default; what is granted is all there is.

use std::net::TcpListener;

use crate::harness::*;

#[test]
fn a_guest_sees_no_file_variable_or_argument_of_ours() {
    for probe in probes() {
        let mut command = wasm_pool(["run".as_ref(), probe.as_os_str()]);
        let done = done(command.args(["-q", "--", "env"]).env("CANARY", "secret")).exits(0);
        assert_eq!(done.lines(), ["WASM_POOL_INSTANCE=0", "WASM_POOL_INSTANCES=1"]);
        for path in ["/", ".", "/etc"] {
            let done = run(&probe, &["-q", "--", "list", path]).exits(0);
            assert!(done.stdout.starts_with("error:"), "{done:#?}");
        }
        run(&probe, &["-q", "--", "args"]).exits(0).prints("");
    }
}

#[test]
fn variables_come_by_value_or_from_ours() {
    let done = done(
        wasm_pool(["run".as_ref(), probe_p1().as_os_str()])
            .args(["-q", "--env", "A=0", "--env", "A=1=2", "--env", "B", "--", "env"])
            .env("B", "b"),
    )
    .exits(0);
    assert_eq!(
        done.lines(),
        ["A=1=2", "B=b", "WASM_POOL_INSTANCE=0", "WASM_POOL_INSTANCES=1"]
    );
    run(probe_p1(), &["--env", "SURELY_NOT_SET", "--", "env"])
        .exits(2)
        .one_line()
        .says("SURELY_NOT_SET");
}

#[test]
fn folders_are_read_only_unless_granted_for_writing() {
    let data = folder();
    std::fs::write(data.path().join("f"), "hello\n").expect("writes");
    let grant = |access: &str| format!("{}::/d{access}", data.path().display());
    for probe in probes() {
        let dir = grant("");
        run(&probe, &["-q", "--dir", &dir, "--", "read", "/d/f"])
            .exits(0)
            .prints("hello\n");
        for act in [
            &["write", "/d/new", "x"][..],
            &["write", "/d/f", "x"],
            &["remove", "/d/f"],
        ] {
            let done = run(&probe, &[&["-q", "--dir", &grant(":ro"), "--"], act].concat()).exits(0);
            assert!(done.stdout.starts_with("error:"), "{act:?} {done:#?}");
        }
        assert_eq!(
            std::fs::read_to_string(data.path().join("f")).ok().as_deref(),
            Some("hello\n")
        );
        run(&probe, &["-q", "--dir", &grant(":rw"), "--", "write", "/d/new", "x"])
            .exits(0)
            .prints("written\n");
        run(&probe, &["-q", "--dir", &grant(":rw"), "--", "remove", "/d/new"])
            .exits(0)
            .prints("removed\n");
    }
}

#[test]
fn nothing_leads_out_of_a_granted_folder() {
    let (outside, data) = (folder(), folder());
    std::fs::write(outside.path().join("secret"), "secret").expect("writes");
    std::os::unix::fs::symlink(outside.path(), data.path().join("link")).expect("links");
    std::os::unix::fs::symlink(outside.path().join("secret"), data.path().join("file-link")).expect("links");
    let grant = format!("{}::/d:rw", data.path().display());
    let name = outside
        .path()
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let up = format!("/d/../{name}/secret");
    let absolute = outside.path().join("secret").display().to_string();
    for probe in probes() {
        for path in [
            "/d/link/secret",
            "/d/file-link",
            "/d/../../../../etc/passwd",
            up.as_str(),
            absolute.as_str(),
        ] {
            for calls in ["apart", "inline"] {
                let done = run(
                    &probe,
                    &["-q", "--file-calls", calls, "--dir", &grant, "--", "read", path],
                )
                .exits(0);
                assert!(done.stdout.starts_with("error:"), "{path} {done:#?}");
            }
        }
        run(&probe, &["-q", "--dir", &grant, "--", "write", "/d/link/secret", "x"]).exits(0);
        assert_eq!(
            std::fs::read_to_string(outside.path().join("secret")).ok().as_deref(),
            Some("secret")
        );
    }
}

#[test]
fn the_network_is_denied() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    listener.set_nonblocking(true).expect("does not block");
    let port = listener.local_addr().expect("has an address").port().to_string();
    let done = run(probe_p2(), &["-q", "--", "net", &port]).exits(0);
    assert_eq!(done.stdout.lines().count(), 4, "{done:#?}");
    assert!(!done.stdout.contains("allowed"), "{done:#?}");
    let heard = listener.accept().map(drop).map_err(|error| error.kind());
    assert_eq!(heard, Err(std::io::ErrorKind::WouldBlock));
}

#[test]
fn grants_that_cannot_be_given_are_refused_before_the_start() {
    let data = folder();
    std::fs::write(data.path().join("f"), "x").expect("writes");
    let file = format!("{}::/d", data.path().join("f").display());
    run(probe_p1(), &["--dir", "/surely/not/there::/d", "--", "args"])
        .exits(66)
        .one_line()
        .says("/surely/not/there");
    run(probe_p1(), &["--dir", &file, "--", "args"])
        .exits(66)
        .one_line()
        .says("only a folder can be granted");
    let twice = format!("{}::/d", data.path().display());
    run(probe_p1(), &["--dir", &twice, "--dir", &twice, "--", "args"])
        .exits(2)
        .one_line()
        .says("two folders");
    for typo in ["/tmp", "/tmp::/d:zz", "/tmp::/d:rw:ro"] {
        run(probe_p1(), &["--dir", typo, "--", "args"])
            .exits(2)
            .one_line()
            .says("HOST::GUEST");
    }
    run(probe_p1(), &["--env", "WASM_POOL_INSTANCE=9", "--", "args"])
        .exits(2)
        .one_line();
    run(probe_p1(), &["--dir", "::", "--", "args"])
        .exits(2)
        .one_line()
        .says("HOST::GUEST");
}

#[test]
fn a_named_pipe_in_a_granted_folder_holds_nobody_past_the_deadline() {
    let data = folder();
    tool("mkfifo", &[&data.path().join("fifo").display().to_string()]);
    let grant = format!("{}::/d", data.path().display());
    for probe in probes() {
        let done = run(
            &probe,
            &[
                "-q",
                "-w",
                "1",
                "--deadline",
                "300ms",
                "--dir",
                &grant,
                "--",
                "read",
                "/d/fifo",
            ],
        );
        assert!(
            matches!(done.code, Some(0 | 124)) && done.took < std::time::Duration::from_secs(10),
            "{done:#?}"
        );
    }
}

#[test]
fn what_is_no_file_and_no_folder_cannot_be_opened() {
    let data = folder();
    tool("mkfifo", &[&data.path().join("fifo").display().to_string()]);
    std::fs::write(data.path().join("f"), "hello\n").expect("writes");
    let grant = format!("{}::/d:rw", data.path().display());
    for (probe, calls) in probes().iter().flat_map(|probe| [(probe, "apart"), (probe, "inline")]) {
        let flags = ["-q", "--deadline", "20s", "--file-calls", calls];
        let act = |grant: &str, act: &[&str]| {
            let done = run(probe, &[&flags[..], &["--dir", grant, "--"], act].concat()).exits(0);
            assert!(done.took < std::time::Duration::from_secs(10), "{done:#?}");
            done.stdout
        };
        assert_eq!(act(&grant, &["read", "/d/fifo"]), "error: PermissionDenied\n");
        assert!(act(&grant, &["write", "/d/fifo", "x"]).starts_with("error:"));
        assert_eq!(act("/dev::/d", &["read", "/d/zero"]), "error: PermissionDenied\n");
        assert_eq!(act(&grant, &["read", "/d/f"]), "hello\n");
    }
}

#[test]
fn processes_of_the_host_are_no_files_of_a_guest() {
    for proc in ["/proc::/p", "/proc/self::/p:rw", "/proc/sys::/p"] {
        run(probe_p1(), &["--dir", proc, "--", "args"])
            .exits(2)
            .one_line()
            .says("processes of the host");
    }
    let data = folder();
    let inside = |name: &str| format!("/data{}", data.path().join(name).display());
    std::fs::write(data.path().join("f"), "hello\n").expect("writes");
    let up = "../".repeat(data.path().components().count() - 1);
    std::os::unix::fs::symlink(format!("{up}proc/self"), data.path().join("self")).expect("links");
    for (probe, calls) in probes().iter().flat_map(|probe| [(probe, "apart"), (probe, "inline")]) {
        let act = |act: &str, path: &str| {
            let mut command = wasm_pool(["run".as_ref(), probe.as_os_str()]);
            command.args(["-q", "--file-calls", calls, "--dir", "/::/data", "--", act, path]);
            done(command.env("CANARY", "secret")).exits(0).stdout
        };
        assert_eq!(act("read", &inside("f")), "hello\n");
        for path in [
            "/data/proc/self/environ",
            "/data/proc/1/environ",
            &inside("self/environ"),
        ] {
            assert_eq!(act("read", path), "error: PermissionDenied\n", "{path}");
        }
        for path in ["/data/proc", "/data/proc/self/fd", &inside("self")] {
            assert_eq!(act("list", path), "error: PermissionDenied\n", "{path}");
        }
    }
}

#[test]
fn a_link_of_the_hosts_processes_cannot_be_read() {
    // Says with its exit code what preview 1's `path_readlink` gave for what its first argument names.
    let guest = wat(r#"(module
        (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "path_readlink"
          (func $readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start") (local $path i32) (local $end i32)
          (drop (call $sizes (i32.const 0) (i32.const 4)))
          (drop (call $args (i32.const 8) (i32.const 64)))
          (local.set $path (i32.load (i32.const 12)))
          (local.set $end (i32.sub (i32.add (i32.const 64) (i32.load (i32.const 4))) (i32.const 1)))
          (call $exit (call $readlink (i32.const 3) (local.get $path) (i32.sub (local.get $end) (local.get $path))
            (i32.const 4096) (i32.const 1024) (i32.const 8192)))))"#);
    let data = folder();
    std::os::unix::fs::symlink("f", data.path().join("link")).expect("links");
    let link = data.path().join("link").display().to_string();
    let (permission, inval) = (63, 28);
    for calls in ["apart", "inline"] {
        let read = |path: &str, code: i32| {
            let path = path.trim_start_matches('/');
            run(
                guest.path(),
                &["-q", "--file-calls", calls, "--dir", "/::/data", "--", path],
            )
            .exits(code);
        };
        read(&link, 0);
        read("/proc/self/cwd", permission);
        read("/proc/self", permission);
        read("/tmp", inval);
    }
}

#[test]
fn a_sleep_beside_file_calls_on_the_worker_is_ended_by_the_deadline() {
    for probe in probes() {
        let done = run(
            probe,
            &[
                "-q",
                "--file-calls",
                "inline",
                "--deadline",
                "200ms",
                "--",
                "sleep",
                "30000",
            ],
        )
        .exits(124);
        assert!(done.took < std::time::Duration::from_secs(10), "{done:#?}");
    }
    let done = run(probe_p1(), &["-q", "--file-calls", "inline", "--", "sleep", "300"]).exits(0);
    assert!(done.took >= std::time::Duration::from_millis(300), "{done:#?}");
}

#[test]
fn what_the_host_believes_cannot_be_granted_for_writing() {
    let home = folder();
    let path = |name: &str| home.path().join(name).display().to_string();
    for name in ["work/deep", "cache/wasm-pool", "out"] {
        std::fs::create_dir_all(path(name)).expect("makes");
    }
    std::fs::copy(probe_p1(), path("work/deep/guest.wasm")).expect("copies");
    std::os::unix::fs::symlink(path("cache"), path("work/linked")).expect("links");
    let refused = |cache: &str, grant: &str, flags: &[&str], named: &[&str]| {
        for (access, fits) in [("rw", false), ("ro", true)] {
            let mut command = wasm_pool(["run", "-q", "--dir", &format!("{}::/d:{access}", path(grant))]);
            command.args(flags).env("XDG_CACHE_HOME", path(cache));
            command.args([probe_p1().as_os_str(), "--".as_ref(), "args".as_ref()]);
            let done = done(&mut command).exits(if fits { 0 } else { 2 });
            if !fits {
                named.iter().fold(done.one_line(), |done, text| done.says(text));
            }
        }
    };
    // The folder itself, above it, in it, and through a link that guests could change.
    for grant in ["cache/wasm-pool", "cache", "."] {
        refused(
            "cache",
            grant,
            &[],
            &["the code cache", &path("cache/wasm-pool"), &path(grant)],
        );
    }
    std::fs::create_dir_all(path("cache/wasm-pool/deep")).expect("makes");
    refused("cache", "cache/wasm-pool/deep", &[], &["the code cache"]);
    refused("work/linked", "work", &[], &["the code cache"]);
    let report = format!("json:{}", path("out/report"));
    refused(
        "cache",
        "out",
        &["--report", &report],
        &["the report", &path("out/report")],
    );
    let files = format!("files:{}", path("out/files"));
    refused("cache", "out", &["-o", &files], &["the folder for output"]);

    let guest = path("work/deep/guest.wasm");
    let work = format!("{}::/d:rw", path("work"));
    run(&guest, &["-q", "--dir", &work, "--", "args"])
        .exits(2)
        .one_line()
        .says("the guest")
        .says(&guest);
    let writes = format!("{}::/d:rw", path("out"));
    run(&guest, &["-q", "--dir", &writes, "--", "args"]).exits(0);
    // Without a cache there is none to write.
    let cached = format!("{}::/d:rw", path("cache"));
    let mut command = wasm_pool(["run", "-q", "--no-cache", "--dir", &cached]);
    command.args([probe_p1().as_os_str(), "--".as_ref(), "args".as_ref()]);
    done(command.env("XDG_CACHE_HOME", path("cache"))).exits(0);

    std::fs::write(path("items"), "1\n").expect("writes");
    for flag in ["--output", "--resume"] {
        let mut command = wasm_pool(["map", "--dir", &writes, flag, &path("out/results")]);
        command.args([plugin().as_os_str(), "trap".as_ref(), path("items").as_ref()]);
        done(&mut command).exits(2).one_line().says("the results");
    }
    let mut command = wasm_pool(["call", "--dir", &work, &guest, "f()"]);
    done(&mut command).exits(2).one_line().says("the guest");
}

#[test]
fn named_pipes_stop_nobodys_file_calls() {
    let data = folder();
    tool("mkfifo", &[&data.path().join("0").display().to_string()]);
    // More than there are threads for file calls; the last one is an honest neighbour.
    for number in 1..600 {
        std::fs::hard_link(data.path().join("0"), data.path().join(number.to_string())).expect("links");
    }
    std::fs::write(data.path().join("600"), "hello\n").expect("writes");
    let grant = format!("{}::/d", data.path().display());
    let flags = ["-q", "-n", "601", "-w", "2", "--deadline", "20s", "--dir", &grant];
    let done = run(probe_p1(), &[&flags[..], &["--", "read", "/d/{instance}"]].concat()).exits(0);
    let lines = done.lines();
    assert_eq!((lines.len(), lines[600]), (601, "hello"), "{done:#?}");
    assert!(
        lines[..600].iter().all(|line| *line == "error: PermissionDenied"),
        "{done:#?}"
    );
}
