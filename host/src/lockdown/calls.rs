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

use super::tree::{self, Answer};
use super::{Missing, Network};
use crate::error::{Error, Result};

/// The last system call that was looked at, `file_setattr` of Linux 6.17. Later ones do not exist for this process, and the C
/// library goes without them; on x86-64 so do the numbers of the x32 interface, all of which are larger.
const NEWEST: u32 = 469;

/// Refused in any case.
const REFUSED: &[c_long] = &[
    // Other programs.
    libc::SYS_execve,
    libc::SYS_execveat,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_perf_event_open,
    // What several processes share.
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_shmctl,
    libc::SYS_msgget,
    libc::SYS_msgsnd,
    libc::SYS_msgrcv,
    libc::SYS_msgctl,
    libc::SYS_semget,
    libc::SYS_semop,
    libc::SYS_semtimedop,
    libc::SYS_semctl,
    libc::SYS_mq_open,
    libc::SYS_mq_unlink,
    // Namespaces and mounts.
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // What Landlock leaves alone: owners, modes and attributes of files, and files by number.
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    FCHMODAT2,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    SETXATTRAT,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    REMOVEXATTRAT,
    FILE_SETATTR,
    libc::SYS_mknodat,
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    libc::SYS_fanotify_mark,
    // The kernel itself, and what has often led into it.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    #[cfg(not(target_arch = "riscv64"))]
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_bpf,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_personality,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
];

/// The same in older forms, which only this architecture has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_mknod,
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[c_long] = &[];

/// Refused unless the network is kept. What is read from and written to a socket that is open already goes through.
const SOCKETS: &[c_long] = &[
    libc::SYS_socket,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
];

// The same number on every architecture, and not yet in `libc` for all of them.
const FCHMODAT2: c_long = 452;
const SETXATTRAT: c_long = 463;
const REMOVEXATTRAT: c_long = 466;
const OPEN_TREE_ATTR: c_long = 467;
const FILE_SETATTR: c_long = 469;

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
    [libc::TIOCSTI, libc::TIOCLINUX]
        .map(|request| when(&[(1, Length::Dword, Is::Eq, request)]))
        .into_iter()
        .collect()
}

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
