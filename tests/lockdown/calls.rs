//! What is left of the system calls.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{Pid, PidfdFlags, getpid, getppid, test_kill_process};
use wasm_pool::lockdown::{Lockdown, Rights};

use crate::{DENIED, kind, on_a_worker, raise};

/// Somebody to be reached, outside.
struct Outside {
    port: u16,
    socket: PathBuf,
    parent: Pid,
}

/// Everything that reaches somebody.
fn reach(outside: &Outside) -> Vec<(&'static str, Result<(), std::io::ErrorKind>)> {
    vec![
        ("a program", kind(Command::new("/bin/true").status())),
        ("connect", kind(TcpStream::connect(("127.0.0.1", outside.port)))),
        ("listen", kind(TcpListener::bind("127.0.0.1:0"))),
        ("datagrams", kind(UdpSocket::bind("127.0.0.1:0"))),
        ("a socket's path", kind(UnixStream::connect(&outside.socket))),
        ("a pair that can send elsewhere", kind(UnixDatagram::pair())),
        ("a signal", kind(test_kill_process(outside.parent).map_err(Into::into))),
        (
            "a handle of a process",
            kind(rustix::process::pidfd_open(outside.parent, PidfdFlags::empty()).map_err(Into::into)),
        ),
    ]
}

pub(crate) fn nothing_starts(folder: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let socket = folder.join("socket");
    let _listens = UnixListener::bind(&socket).expect("listens");
    let outside = Outside {
        port: listener.local_addr().expect("has an address").port(),
        socket,
        parent: getppid().expect("a parent"),
    };
    // Before the wall all of it works, so that it is the wall that is seen afterwards.
    for (what, result) in reach(&outside) {
        assert_eq!(result, Ok(()), "{what}, before");
    }
    let (_, ()) = (listener.accept().expect("was reached before"), ());
    listener.set_nonblocking(true).expect("does not block");
    // The program's file is allowed: it is the call that is not.
    let wall = raise(Lockdown::new().allow("/", Rights::Read).allow(folder, Rights::Change));
    if wall.seccomp.is_err() {
        return;
    }
    let found = on_a_worker(move || {
        let mut found = reach(&outside);
        // In the place of this process, without another one: if that worked, nobody would hear of it.
        found.push((
            "a program in our place",
            kind::<()>(Err(Command::new("/bin/false").exec())),
        ));
        found
    });
    for (what, result) in found {
        assert_eq!(result, DENIED, "{what}");
    }
    let heard = kind(listener.accept());
    assert_ne!(heard, Ok(()), "somebody got out");
    let still = on_a_worker(|| {
        [
            kind(UnixStream::pair()),
            kind(test_kill_process(getpid()).map_err(Into::into)),
            kind(std::thread::Builder::new().spawn(|| ())),
        ]
    });
    assert_eq!(still, [Ok(()); 3]);
}

pub(crate) fn network(_folder: &Path) {
    let wall = raise(Lockdown::new().keep_network());
    let found = on_a_worker(|| {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        TcpStream::connect(listener.local_addr()?)?;
        listener.accept().map(drop)
    });
    assert_eq!(kind(found), Ok(()));
    if wall.seccomp.is_ok() {
        assert_eq!(on_a_worker(|| kind(Command::new("/bin/true").status())), DENIED);
    }
}
