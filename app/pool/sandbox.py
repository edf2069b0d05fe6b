"""The sandbox of a worker: after loading, a worker gives up what no task needs.

A hostile recording may take over a worker through a fault of a decoder. Such a worker has no network, starts
no program or process, and changes no file: the kernel kills it at the first try, and the pool replaces it.
Its memory is bounded, and the deadline of the pool bounds its processor time.

The filter of system calls is seccomp (Linux, `seccomp(2)`). Calls of `FORBIDDEN` kill the process. Calls of
`ALLOWED` are permitted. Any other call fails with ENOSYS, as on an old kernel, so that the C library falls
back to a call that it knows. Landlock is not used: it would also forbid a worker to open the file of a call
through `/proc` of the service, which is how a call reaches a worker.
"""

import errno
import os
import resource
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import seccompy

FORBIDDEN = """
    socket socketpair connect bind listen accept accept4 io_uring_setup io_uring_enter io_uring_register
    fork vfork execve execveat kill tkill pidfd_open pidfd_getfd pidfd_send_signal ptrace kcmp
    process_vm_readv process_vm_writev setns unshare
    creat mkdir mkdirat mknod mknodat link linkat symlink symlinkat rename renameat renameat2
    unlink unlinkat rmdir truncate ftruncate fallocate memfd_create open_by_handle_at
    chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes utimensat futimesat
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
    mount umount2 chroot pivot_root inotify_init inotify_init1 fanotify_init
    setuid setgid setreuid setregid setresuid setresgid setgroups capset personality
    bpf perf_event_open userfaultfd keyctl add_key request_key init_module finit_module delete_module
    kexec_load reboot swapon swapoff syslog quotactl acct settimeofday clock_settime sethostname
"""
"""The system calls that kill a worker: network, processes, files, rights, and the kernel."""

ALLOWED = """
    read readv pread64 preadv preadv2 write writev sendto sendmsg recvfrom recvmsg shutdown
    close close_range lseek fstat newfstatat stat lstat statx fstatfs statfs access faccessat faccessat2
    readlink readlinkat getdents64 getcwd dup dup2 dup3 fcntl ioctl flock fadvise64 pipe2 eventfd2
    poll ppoll select pselect6 epoll_create1 epoll_ctl epoll_wait epoll_pwait
    getsockopt getsockname getpeername
    mmap mprotect munmap mremap madvise msync mincore mlock munlock brk mbind get_mempolicy
    membarrier futex set_robust_list get_robust_list rseq set_tid_address arch_prctl prctl
    exit exit_group gettid getpid getppid getpgrp getuid geteuid getgid getegid getpriority
    sched_yield sched_getaffinity sched_setaffinity sched_getparam sched_getscheduler getcpu
    nanosleep clock_nanosleep clock_gettime clock_getres gettimeofday time times restart_syscall
    getrusage getrlimit sysinfo uname getrandom
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack
"""
"""The system calls that the tasks, Python and the libraries need, and others that do no harm."""

TASK_BYTES = 1024**3
"""The memory of a task. The longest permitted utterance, with eight channels, needs about half of it."""

CLONE_THREAD = 0x10000  # of sched.h: a thread of this process, not a new process
WRITES = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND
"""The flags with which a call opens a file for more than reading."""


def enter() -> str:
    """Put this process and its threads in the sandbox. There is no way back.

    Returns:
        Why the process has no filter of system calls; empty if it has one.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would contain recordings
    _bound_memory()
    try:
        if not seccompy.supported():
            return "this kernel has no seccomp"
        _filter().load()
    except seccompy.SeccompError as error:
        return f"seccomp cannot be used: {error}"
    return ""


def _bound_memory() -> None:
    """Limit the private memory of the process to what it has, and that of a task."""
    status = Path("/proc/self/status")
    if not status.exists():  # not Linux
        return
    (line,) = (line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmData:"))
    limit = int(line.split()[1]) * 1024 + TASK_BYTES
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _filter() -> seccompy.Filter:
    """Return the filter for this process."""
    chosen = seccompy.Filter(seccompy.Action.ERRNO | errno.ENOSYS, flags=seccompy.FilterFlag.TSYNC)
    for name in _known(FORBIDDEN.split()):
        chosen.kill(name)
    for name in _known(ALLOWED.split()):
        chosen.allow(name)
    for name, position in (("open", 1), ("openat", 2)):
        for known in _known([name]):
            chosen.allow(known, args=[(position, seccompy.CmpOp.MASKED_EQ, os.O_RDONLY, WRITES)])
            chosen.kill(known)
    chosen.allow("clone", args=[(0, seccompy.CmpOp.MASKED_EQ, CLONE_THREAD, CLONE_THREAD)])
    chosen.kill("clone")
    own = os.getpid()
    chosen.allow("tgkill", args={0: own})  # abort(3)
    chosen.kill("tgkill")
    chosen.allow("prlimit64", args={0: 0})
    chosen.kill("prlimit64")
    return chosen


def _known(names: Iterable[str]) -> list[str]:
    """Select the system calls that this architecture has."""
    known = []
    for name in names:
        with suppress(ValueError):
            seccompy.syscall_nr(name)
            known.append(name)
    return known
