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
