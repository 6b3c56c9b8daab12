//! A kernel that lacks what the wall is made of, as an older one does or a container that forbids it.

use std::path::Path;
use std::process::Command;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use wasm_pool::lockdown::{Lockdown, Missing, Wall, support};

use crate::harness::{done, probe_p1, wasm_pool};
use crate::{kind, on_a_worker};

pub(crate) fn kernel(_folder: &Path) {
    if let Wall {
        seccomp: Err(missing), ..
    } = support()
    {
        println!("  not checked: a kernel without it is made with seccomp, {missing}");
        return;
    }
    // From here on this process's kernel has neither, nor has that of its children.
    let calls = [libc::SYS_landlock_create_ruleset, libc::SYS_seccomp];
    let filter = SeccompFilter::new(
        calls.into_iter().map(|call| (call, Vec::new())).collect(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
        std::env::consts::ARCH.try_into().expect("rules for this processor"),
    );
    let filter: BpfProgram = filter.and_then(BpfProgram::try_from).expect("a filter");
    seccompiler::apply_filter(&filter).expect("a kernel without them");

    let wall = Lockdown::new().apply().expect("it is no error");
    assert_eq!(wall, support());
    assert_eq!(
        (wall.landlock, wall.seccomp),
        (Err(Missing::NotBuilt), Err(Missing::NotBuilt))
    );
    let still = on_a_worker(|| {
        (
            kind(std::fs::read("/etc/passwd")),
            kind(Command::new("/bin/true").status()),
        )
    });
    assert_eq!(still, (Ok(()), Ok(())));

    let info = done(&mut wasm_pool(["info"])).exits(0);
    let lacks = "no Landlock: this kernel does not have it; no seccomp: this kernel does not have it";
    assert!(info.stdout.contains(lacks), "{info:#?}");
    let mut run = wasm_pool(["run".as_ref(), probe_p1().as_os_str()]);
    let done = done(run.args(["-q", "--", "args", "x"])).exits(0).prints("x\n");
    assert_eq!(done.stderr, "");
    println!("  checked: without Landlock and seccomp everything runs, and `info` says so");
}
