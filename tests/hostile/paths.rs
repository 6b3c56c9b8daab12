//! Paths that are no guest: unreadable, with exit code 66, without being read.

use std::time::Duration;

use crate::harness::*;

#[test]
fn what_is_no_file_is_unreadable() {
    let place = folder();
    let fifo = place.path().join("fifo");
    tool("mkfifo", &[&fifo.display().to_string()]);
    let dangling = place.path().join("dangling");
    std::os::unix::fs::symlink("nowhere", &dangling).expect("links");
    let socket = place.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("listens");
    for (path, said) in [
        (place.path().join("missing"), "No such file"),
        (place.path().to_owned(), "found a folder"),
        (dangling, "No such file"),
        (fifo, "found a named pipe"),
        (socket, "found a socket"),
        ("/dev/zero".into(), "found a device"),
        ("/dev/full".into(), "found a device"),
        (place.path().join("bad\n\u{1b}[31mname"), "No such file"),
    ] {
        for verb in ["run", "inspect", "compile"] {
            let done = done(wasm_pool([verb]).arg(&path));
            assert!(done.took < Duration::from_secs(1), "{done:#?}");
            let done = done.exits(66).one_line().says(said);
            assert!(!done.stderr.contains('\u{1b}'), "{done:#?}");
        }
    }
}

#[test]
fn a_file_that_may_not_be_read_is_unreadable() {
    use std::os::unix::fs::PermissionsExt;
    let guest = wat("(module)");
    std::fs::set_permissions(guest.path(), std::fs::Permissions::from_mode(0o0)).expect("closes");
    // Root may read everything; then the file is read, and is no command.
    let may = std::fs::File::open(guest.path()).is_ok();
    run(&guest, &[]).exits(if may { 65 } else { 66 }).one_line();
}
