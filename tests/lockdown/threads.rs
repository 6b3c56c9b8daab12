//! Who is bound, and who is not.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;

use wasm_pool::ErrorKind;
use wasm_pool::lockdown::{self, Lockdown};

use crate::{DENIED, kind, on_a_worker};

/// From this version on Landlock binds threads that run already.
const BINDS_ALL_THREADS: u32 = 8;

pub(crate) fn others(_folder: &Path) {
    let (ask, asked) = mpsc::channel::<()>();
    let (answer, answered) = mpsc::channel();
    let other = std::thread::spawn(move || {
        while asked.recv().is_ok() {
            let _ = answer.send((kind(fs::read("/etc/passwd")), kind(Command::new("/bin/true").status())));
        }
    });
    let hear = || {
        ask.send(()).expect("asks");
        answered.recv().expect("answers")
    };
    assert_eq!(hear(), (Ok(()), Ok(())));
    let before = statuses();
    match (Lockdown::new().apply(), lockdown::support().landlock) {
        (Err(error), Ok(version)) => {
            println!("  checked: Landlock {version} binds only who asks, so it is refused beside others");
            assert!(
                version < BINDS_ALL_THREADS && error.kind() == ErrorKind::Usage,
                "{error}"
            );
            assert!(error.to_string().contains("1 run already"), "{error}");
            // Nothing of it was done.
            assert_eq!(statuses(), before);
            assert_eq!(hear(), (Ok(()), Ok(())));
        }
        (Ok(wall), _) => {
            println!(
                "  checked: other threads are bound, files {:?}, calls {:?}",
                wall.landlock, wall.seccomp
            );
            let (files, calls) = hear();
            assert_eq!(files, if wall.landlock.is_ok() { DENIED } else { Ok(()) });
            assert_eq!(calls, if wall.seccomp.is_ok() { DENIED } else { Ok(()) });
        }
        (Err(error), Err(missing)) => panic!("{error}; {missing}"),
    }
    drop(ask);
    other.join().expect("it ends");
}

pub(crate) fn unasked(_folder: &Path) {
    let before = statuses();
    let during = on_a_worker(|| {
        let status = statuses();
        (
            status,
            kind(fs::read("/etc/passwd")),
            kind(Command::new("/bin/true").status()),
        )
    });
    assert_eq!(during, (before.clone(), Ok(()), Ok(())));
    let _ = lockdown::support();
    assert_eq!(statuses(), before, "whoever asks what there is stays as he was");
    println!("  checked: {before:?} for all threads, as before");
}

/// What the kernel says of every thread of this process: its rights to gain rights, and its filters.
fn statuses() -> BTreeSet<String> {
    let threads = fs::read_dir("/proc/self/task").expect("threads").flatten();
    // A thread may end while one looks.
    let statuses = threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok());
    statuses.map(|status| crate::harness::walls(&status)).collect()
}
