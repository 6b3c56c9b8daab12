//! seccomp: which system calls are still answered.
//!
//! A list of what is refused, not of what is allowed: which calls the C library and the kernel's drivers of files need
//! differs from version to version, and a guess that is wrong once a year is a wall that people turn off. What the list
//! cannot know is refused too, since [`NEWEST`] is the last number that was looked at.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Is, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use super::refused::{NEWEST, REFUSED, REFUSED_HERE, SOCKETS};
use super::tree::{self, Answer};
use super::{Missing, Network};
use crate::error::{Error, Result};

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Filters the system calls of all threads.
pub(super) fn restrict(network: Network) -> Result<Result<(), Missing>> {
    let Some((number, architecture)) = architecture() else {
        return Ok(Err(Missing::Architecture));
    };
    let program =
        program(number, architecture, network).map_err(|error| Error::host(format!("the seccomp filter: {error}")))?;
    Ok(seccompiler::apply_filter_all_threads(&program).map_err(|error| missing(&error)))
}

/// Whether the kernel takes filters: tried on a thread that ends at once.
pub(super) fn probe() -> Result<(), Missing> {
    if architecture().is_none() {
        return Err(Missing::Architecture);
    }
    let allow_all = tree::allow_all();
    let asked = std::thread::Builder::new()
        .name("wasm-pool-probe".to_owned())
        .spawn(move || seccompiler::apply_filter(&allow_all).map_err(|error| missing(&error)));
    match asked.map(std::thread::JoinHandle::join) {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => Err(Missing::Refused("the thread that asked is gone".to_owned())),
        Err(error) => Err(Missing::Refused(error.to_string())),
    }
}

fn missing(error: &seccompiler::Error) -> Missing {
    match error {
        // The kernel's words for a call or an operation that it was built without.
        seccompiler::Error::Seccomp(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL)) => {
            Missing::NotBuilt
        }
        error => Missing::Refused(error.to_string()),
    }
}

/// This processor, as the kernel numbers it and as the compiler of rules names it.
fn architecture() -> Option<(u32, TargetArch)> {
    match std::env::consts::ARCH {
        "x86_64" => Some((0xc000_003e, TargetArch::x86_64)),
        "aarch64" => Some((0xc000_00b7, TargetArch::aarch64)),
        "riscv64" => Some((0xc000_00f3, TargetArch::riscv64)),
        _ => None,
    }
}

/// The whole filter: by the calls' numbers, then by the arguments of those where these decide.
fn program(number: u32, architecture: TargetArch, network: Network) -> Result<BpfProgram, BackendError> {
    let rules = rules(network)?;
    let refused = REFUSED.iter().chain(REFUSED_HERE);
    let sockets = SOCKETS.iter().filter(|_| network == Network::Denied);
    let mut answers: BTreeMap<u32, Answer> = refused
        .chain(sockets)
        .map(|call| (at(*call), Answer::Refused))
        .collect();
    answers.extend(rules.keys().map(|call| (at(*call), Answer::Asked)));
    // A filter cannot see its flags; the C library then takes `clone`.
    answers.insert(at(libc::SYS_clone3), Answer::Absent);
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?;
    let mut program = tree::program(number, &answers, NEWEST);
    program.extend(BpfProgram::try_from(filter)?);
    Ok(program)
}

/// A system call's number as a filter sees it.
fn at(call: c_long) -> u32 {
    u32::try_from(call).unwrap_or(u32::MAX)
}

/// The calls whose arguments decide, and when they are refused.
fn rules(network: Network) -> Result<Rules, BackendError> {
    let mut rules = Rules::new();
    rules.insert(libc::SYS_clone, anything_but_threads()?);
    rules.insert(libc::SYS_ioctl, typing_into_terminals()?);
    rules.insert(libc::SYS_fcntl, signals_by_files()?);
    let own = u64::from(std::process::id());
    for call in [libc::SYS_kill, libc::SYS_tgkill] {
        rules.insert(call, vec![when(&[(0, Length::Dword, Is::Ne, own)])?]);
    }
    let others = [(0, Length::Dword, Is::Ne, 0), (0, Length::Dword, Is::Ne, own)];
    rules.insert(libc::SYS_prlimit64, vec![when(&others)?]);
    if network == Network::Denied {
        rules.insert(libc::SYS_socketpair, pairs_that_reach_others()?);
        // Only to whom the socket is connected to.
        rules.insert(libc::SYS_sendto, vec![when(&[(4, Length::Qword, Is::Ne, 0)])?]);
    }
    Ok(rules)
}

/// A new process, and a thread in namespaces of its own.
fn anything_but_threads() -> Result<Vec<SeccompRule>, BackendError> {
    let thread = flag(libc::CLONE_THREAD);
    let no_thread = when(&[(0, Length::Dword, Is::MaskedEq(thread), 0)])?;
    let namespaces = [
        libc::CLONE_NEWNS,
        libc::CLONE_NEWCGROUP,
        libc::CLONE_NEWUTS,
        libc::CLONE_NEWIPC,
        libc::CLONE_NEWUSER,
        libc::CLONE_NEWPID,
        libc::CLONE_NEWNET,
    ];
    let new = |namespace| when(&[(0, Length::Dword, Is::MaskedEq(flag(namespace)), flag(namespace))]);
    std::iter::once(Ok(no_thread)).chain(namespaces.map(new)).collect()
}

/// What a person would have typed.
fn typing_into_terminals() -> Result<Vec<SeccompRule>, BackendError> {
    [TIOCSTI, TIOCLINUX]
        .map(|request| when(&[(1, Length::Dword, Is::Eq, request)]))
        .into_iter()
        .collect()
}

// The same on every architecture here, and of another type in every C library.
const TIOCSTI: u64 = 0x5412;
const TIOCLINUX: u64 = 0x541c;

/// A signal that a file sends to a process of one's choice.
fn signals_by_files() -> Result<Vec<SeccompRule>, BackendError> {
    const F_SETOWN_EX: i32 = 15;
    [libc::F_SETOWN, F_SETOWN_EX]
        .map(|command| when(&[(1, Length::Dword, Is::Eq, flag(command))]))
        .into_iter()
        .collect()
}

/// Pairs that are no streams of this machine: they could still send to somebody else by name.
fn pairs_that_reach_others() -> Result<Vec<SeccompRule>, BackendError> {
    const KIND: u64 = 0xf;
    let kinds = [libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET];
    let of_kind = |kind| when(&[(1, Length::Dword, Is::MaskedEq(KIND), flag(kind))]);
    let elsewhere = when(&[(0, Length::Dword, Is::Ne, flag(libc::AF_UNIX))]);
    std::iter::once(elsewhere).chain(kinds.map(of_kind)).collect()
}

/// A number of the kernel's as it is compared: 32 bits without a sign.
fn flag(value: i32) -> u64 {
    u64::from(value.cast_unsigned())
}

/// When all of these hold: an argument's place, how much of it is looked at, and what it is.
fn when(conditions: &[(u8, Length, Is, u64)]) -> Result<SeccompRule, BackendError> {
    let conditions = conditions.iter().cloned();
    let conditions = conditions.map(|(place, length, is, value)| SeccompCondition::new(place, length, is, value));
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::super::tree::kernel::{Call, run};
    use super::*;

    const ALLOWED: u32 = 0x7fff_0000;
    const REFUSED_WITH: u32 = 0x0005_0000 | libc::EPERM as u32;
    const ABSENT: u32 = 0x0005_0000 | libc::ENOSYS as u32;

    /// What the filter says to a call.
    fn answer(network: Network, call: c_long, arguments: &[u64]) -> u32 {
        let (number, architecture) = architecture().expect("rules for this processor");
        let program = program(number, architecture, network).expect("a filter");
        let mut call = Call {
            number: at(call),
            architecture: number,
            ..Call::default()
        };
        call.arguments[..arguments.len()].copy_from_slice(arguments);
        run(&program, &call).expect("an answer")
    }

    #[track_caller]
    fn check(expected: u32, call: c_long, arguments: &[u64]) {
        for network in [Network::Denied, Network::Kept] {
            let found = answer(network, call, arguments);
            assert_eq!(found, expected, "{call} {arguments:x?} {network:?}");
        }
    }

    #[test]
    fn other_programs_processes_mounts_modules_and_the_rest_of_the_list_are_refused() {
        for call in REFUSED.iter().chain(REFUSED_HERE) {
            check(REFUSED_WITH, *call, &[]);
            check(REFUSED_WITH, *call, &[u64::MAX; 6]);
        }
    }

    #[test]
    fn what_guests_and_threads_need_is_allowed() {
        for call in [
            libc::SYS_read,
            libc::SYS_write,
            libc::SYS_openat,
            libc::SYS_openat2,
            libc::SYS_mmap,
            libc::SYS_munmap,
            libc::SYS_mprotect,
            libc::SYS_madvise,
            libc::SYS_memfd_create,
            libc::SYS_futex,
            libc::SYS_rseq,
            libc::SYS_getrandom,
            libc::SYS_epoll_pwait,
            libc::SYS_eventfd2,
            libc::SYS_rt_sigaction,
            libc::SYS_rt_sigreturn,
            libc::SYS_sigaltstack,
            libc::SYS_clock_nanosleep,
            libc::SYS_membarrier,
            libc::SYS_exit_group,
        ] {
            check(ALLOWED, call, &[]);
        }
        // As the C library starts a thread.
        let thread = libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_FILES | libc::CLONE_SIGHAND | libc::CLONE_THREAD;
        check(ALLOWED, libc::SYS_clone, &[flag(thread)]);
    }

    #[test]
    fn threads_may_be_made_and_processes_and_namespaces_not() {
        let thread = flag(libc::CLONE_VM | libc::CLONE_SIGHAND | libc::CLONE_THREAD);
        check(REFUSED_WITH, libc::SYS_clone, &[flag(libc::SIGCHLD)]);
        check(
            REFUSED_WITH,
            libc::SYS_clone,
            &[flag(libc::CLONE_VM | libc::CLONE_VFORK)],
        );
        for namespace in [
            libc::CLONE_NEWNET,
            libc::CLONE_NEWUSER,
            libc::CLONE_NEWNS,
            libc::CLONE_NEWPID,
        ] {
            check(REFUSED_WITH, libc::SYS_clone, &[thread | flag(namespace)]);
        }
        check(ABSENT, libc::SYS_clone3, &[]);
    }

    #[test]
    fn signals_go_to_this_process_only() {
        let own = u64::from(std::process::id());
        for call in [libc::SYS_kill, libc::SYS_tgkill] {
            check(ALLOWED, call, &[own]);
            for other in [0, 1, own + 1, u64::MAX, u64::from(u32::MAX)] {
                check(REFUSED_WITH, call, &[other]);
            }
        }
        check(REFUSED_WITH, libc::SYS_fcntl, &[3, flag(libc::F_SETOWN), 1]);
        check(ALLOWED, libc::SYS_fcntl, &[3, flag(libc::F_GETFL)]);
        check(ALLOWED, libc::SYS_prlimit64, &[0]);
        check(ALLOWED, libc::SYS_prlimit64, &[own]);
        check(REFUSED_WITH, libc::SYS_prlimit64, &[1]);
    }

    #[test]
    fn nobody_types_into_the_terminal() {
        check(REFUSED_WITH, libc::SYS_ioctl, &[0, TIOCSTI]);
        // The kernel looks at 32 bits of it.
        check(REFUSED_WITH, libc::SYS_ioctl, &[0, TIOCSTI | 1 << 32]);
        // How wide it is may be asked.
        check(ALLOWED, libc::SYS_ioctl, &[0, 0x5413]);
        // What cleans an interpreter's memory.
        check(ALLOWED, libc::SYS_ioctl, &[3, 0xc060_6610]);
    }

    #[test]
    fn sockets_are_there_for_who_kept_them() {
        let stream = [flag(libc::AF_UNIX), flag(libc::SOCK_STREAM | libc::SOCK_CLOEXEC)];
        check(ALLOWED, libc::SYS_socketpair, &stream);
        let cases: [(c_long, &[u64]); 5] = [
            (libc::SYS_socket, &[flag(libc::AF_INET)]),
            (libc::SYS_connect, &[3]),
            (libc::SYS_accept4, &[3]),
            (
                libc::SYS_socketpair,
                &[flag(libc::AF_UNIX), flag(libc::SOCK_DGRAM | libc::SOCK_CLOEXEC)],
            ),
            (libc::SYS_sendto, &[3, 0, 0, 0, 1 << 32]),
        ];
        for (call, arguments) in cases {
            assert_eq!(answer(Network::Denied, call, arguments), REFUSED_WITH, "{call}");
            assert_eq!(answer(Network::Kept, call, arguments), ALLOWED, "{call}");
        }
        check(ALLOWED, libc::SYS_sendto, &[3, 0, 0, 0, 0]);
    }

    #[test]
    fn what_nobody_looked_at_does_not_exist() {
        check(ABSENT, c_long::from(NEWEST) + 1, &[]);
        // The x32 interface's number of `execve`, and its bit on any other.
        check(ABSENT, 0x4000_0000 + 520, &[]);
        check(ABSENT, 0x4000_0000 + libc::SYS_read, &[]);
    }
}
