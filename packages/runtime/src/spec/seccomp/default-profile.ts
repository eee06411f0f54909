import type { SeccompProfile, SyscallRule } from "./profile.ts";

/*
 * Berth's own default profile, with the effect of Docker's: what a container may call is listed, by purpose; what would reach
 * the host through the kernel is open with the capability that governs it; the rest of the kernel's calls, listed too, fails
 * with EPERM. A call that is in no list, because it is younger than the lists or than libseccomp, fails with ENOSYS, so that
 * C libraries take the older way.
 */
const ALLOW = "SCMP_ACT_ALLOW";
const DENY = "SCMP_ACT_ERRNO";
const EPERM = 1;
const ENOSYS = 38;

const words = (text: string) => text.split(/\s+/).filter((word) => word !== "");
/** Calls that exist as `name` and, on 32-bit architectures, as `name32`, `name64` or `name_time64`. */
const withSuffix = (suffix: string, text: string) => words(text).flatMap((name) => [name, name + suffix]);

const ALLOWED: readonly string[] = [
  // Files and folders.
  ...withSuffix("64", "fcntl fstat fstatfs ftruncate lstat sendfile stat statfs truncate"),
  ...withSuffix("32", "chown fchown lchown"),
  ...words(`
    access chdir chmod close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod
    fchmodat fchmodat2 fchownat fdatasync flock fstatat64 fsync futimesat getcwd getdents getdents64 ioctl link linkat
    _llseek lseek mkdir mkdirat mknod mknodat name_to_handle_at newfstatat open openat openat2 pipe pipe2 readahead readlink
    readlinkat rename renameat renameat2 rmdir statx symlink symlinkat sync sync_file_range syncfs umask unlink unlinkat
    utime utimensat utimensat_time64 utimes statmount listmount
    pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readv splice tee vmsplice write writev
    fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch cachestat
    getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat listxattr llistxattr flistxattr
    listxattrat removexattr lremovexattr fremovexattr removexattrat
    landlock_add_rule landlock_create_ruleset landlock_restrict_self`),
  // Waiting for events, asynchronous input and output, time.
  ...withSuffix(
    "_time64",
    "clock_getres clock_nanosleep futex io_pgetevents mq_timedreceive mq_timedsend ppoll pselect6 recvmmsg rt_sigtimedwait sched_rr_get_interval semtimedop",
  ),
  ...withSuffix(
    "64",
    "clock_adjtime clock_gettime timer_gettime timer_settime timerfd_gettime timerfd_settime",
  ),
  ...words(`
    adjtimex alarm epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
    eventfd eventfd2 futex_requeue futex_wait futex_waitv futex_wake getitimer gettimeofday io_cancel io_destroy io_getevents
    io_setup io_submit nanosleep _newselect poll select setitimer time timer_create timer_delete timer_getoverrun
    timerfd_create times`),
  // Memory.
  ...words(`
    brk madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect mremap
    mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages`),
  // Messages, semaphores, shared memory.
  ...words(`
    ipc mq_getsetattr mq_notify mq_open mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop shmat shmctl shmdt shmget`),
  // Processes, users, scheduling.
  ...withSuffix(
    "32",
    "getegid geteuid getgid getgroups getresgid getresuid getuid setfsgid setfsuid setgid setgroups setregid setresgid setresuid setreuid setuid",
  ),
  ...words(`
    arch_prctl capget capset execve execveat exit exit_group fork get_robust_list get_thread_area getcpu getpgid getpgrp getpid
    getppid getpriority getrandom getrlimit getrusage getsid gettid ioprio_get ioprio_set kill modify_ldt pause pidfd_open
    pidfd_send_signal prctl prlimit64 restart_syscall riscv_hwprobe rseq rt_sigaction rt_sigpending rt_sigprocmask
    rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min
    sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_setaffinity sched_setattr sched_setparam
    sched_setscheduler sched_yield seccomp set_robust_list set_thread_area set_tid_address setpgid setpriority setrlimit
    setsid sigaltstack signalfd signalfd4 sigprocmask sigreturn sysinfo tgkill tkill ugetrlimit uname uretprobe vfork wait4
    waitid waitpid`),
  // Sockets; `socket` itself has a rule of its own.
  ...words(`
    accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmsg send sendmmsg sendmsg sendto
    setsockopt shutdown socketcall socketpair`),
];

/** Calls of one architecture, by Go's names. */
const BY_ARCHITECTURE: Readonly<Record<string, string>> = {
  arm64: "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls",
  riscv64: "riscv_flush_icache",
  ppc64le: "sync_file_range2 swapcontext",
  s390x: "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr",
};

/** Calls that reach beyond the container, open to those who have the capability. */
const BY_CAPABILITY: Readonly<Record<string, string>> = {
  CAP_DAC_READ_SEARCH: "open_by_handle_at",
  CAP_SYS_ADMIN: `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount
    open_tree perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare`,
  CAP_BPF: "bpf",
  CAP_PERFMON: "perf_event_open",
  CAP_SYS_BOOT: "reboot",
  CAP_SYS_CHROOT: "chroot",
  CAP_SYS_MODULE: "delete_module finit_module init_module",
  CAP_SYS_NICE: "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
  CAP_SYS_PACCT: "acct",
  CAP_SYS_PTRACE: "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
  CAP_SYS_RAWIO: "ioperm iopl",
  CAP_SYS_TIME: "clock_settime clock_settime64 settimeofday stime",
  CAP_SYS_TTY_CONFIG: "vhangup",
  CAP_SYSLOG: "syslog",
};

/** Before 4.8, ptrace could be used to get around a seccomp filter; newer kernels need no capability for one's own processes. */
const SAFE_SINCE_4_8 = "process_vm_readv process_vm_writev ptrace";

/** Never: keys and io_uring do not know namespaces well enough, userfaultfd helps exploits, the rest is the machine's. */
const NEVER = `_sysctl add_key io_uring_enter io_uring_register io_uring_setup kexec_file_load kexec_load keyctl migrate_pages
  move_pages nfsservctl nice oldfstat oldlstat oldolduname oldstat olduname pivot_root request_key sgetmask ssetmask swapoff
  swapon sysfs uselib userfaultfd ustat vm86 vm86old`;

/** personality(2): Linux, 32-bit Linux, with UNAME26, both, and the question what it is. */
const PERSONALITIES = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

/** With ADDR_NO_RANDOMIZE, as debuggers ask: they know EPERM for a "no", and go on. */
const UNRANDOMISED = PERSONALITIES.slice(0, 4).map((value) => value + 0x40000);

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NEW_NAMESPACES = [0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000];
const ANY_NEW_NAMESPACE = NEW_NAMESPACES.reduce((sum, flag) => sum + flag, 0);
/** Virtual machine sockets talk to the hypervisor, past every network namespace. */
const AF_VSOCK = 40;

function cloneRules(): SyscallRule[] {
  const excludes = { caps: ["CAP_SYS_ADMIN"] };
  // The flags are the first argument, on s390 the second.
  const at = (index: number, arches: Pick<SyscallRule, "includes" | "excludes">): SyscallRule[] => [
    {
      names: ["clone"],
      action: ALLOW,
      args: [{ index, value: ANY_NEW_NAMESPACE, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      ...arches,
    },
    ...NEW_NAMESPACES.map((flag) => ({
      names: ["clone"],
      action: DENY,
      errnoRet: EPERM,
      args: [{ index, value: flag, valueTwo: flag, op: "SCMP_CMP_MASKED_EQ" }],
      ...arches,
    })),
  ];
  return [
    ...at(0, { excludes: { ...excludes, arches: ["s390x"] } }),
    ...at(1, { includes: { arches: ["s390x"] }, excludes }),
    // Its flags are behind a pointer, where a filter cannot look: the caller shall use clone.
    { names: ["clone3"], action: DENY, errnoRet: ENOSYS, excludes },
  ];
}

/** Calls of `BY_CAPABILITY` that have rules of their own for containers without the capability. */
const RULED_ELSEWHERE = new Set(["clone", "clone3"]);

function capabilityRules(): SyscallRule[] {
  const granting = new Map<string, string[]>();
  const rules: SyscallRule[] = [];
  for (const [capability, text] of Object.entries(BY_CAPABILITY)) {
    const names = words(text);
    rules.push({ names, action: ALLOW, includes: { caps: [capability] } });
    for (const name of names) granting.set(name, [...(granting.get(name) ?? []), capability]);
  }
  const modern = new Set(words(SAFE_SINCE_4_8));
  const denied = new Map<string, SyscallRule>();
  for (const [name, caps] of granting) {
    if (RULED_ELSEWHERE.has(name)) continue;
    const excludes = { caps, ...(modern.has(name) ? { minKernel: "4.8" } : {}) };
    const key = JSON.stringify(excludes);
    const rule = denied.get(key);
    if (rule === undefined) denied.set(key, { names: [name], action: DENY, errnoRet: EPERM, excludes });
    else rule.names.push(name);
  }
  return [...rules, ...denied.values()];
}

/** The profile of containers that ask for none. Not to be changed by the caller. */
export function defaultProfile(): SeccompProfile {
  return {
    defaultAction: DENY,
    defaultErrnoRet: ENOSYS,
    archMap: [
      { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
      { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
      { architecture: "SCMP_ARCH_RISCV64", subArchitectures: [] },
      { architecture: "SCMP_ARCH_PPC64LE", subArchitectures: [] },
      { architecture: "SCMP_ARCH_S390X", subArchitectures: ["SCMP_ARCH_S390"] },
      { architecture: "SCMP_ARCH_LOONGARCH64", subArchitectures: [] },
    ],
    syscalls: [
      { names: [...new Set(ALLOWED)], action: ALLOW },
      ...Object.entries(BY_ARCHITECTURE).map(([architecture, text]) => ({
        names: words(text),
        action: ALLOW,
        includes: { arches: [architecture] },
      })),
      { names: words(SAFE_SINCE_4_8), action: ALLOW, includes: { minKernel: "4.8" } },
      ...PERSONALITIES.map((value) => ({
        names: ["personality"],
        action: ALLOW,
        args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
      })),
      ...UNRANDOMISED.map((value) => ({
        names: ["personality"],
        action: DENY,
        errnoRet: EPERM,
        args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
      })),
      { names: ["socket"], action: ALLOW, args: [{ index: 0, value: AF_VSOCK, op: "SCMP_CMP_NE" }] },
      {
        names: ["socket"],
        action: DENY,
        errnoRet: EPERM,
        args: [{ index: 0, value: AF_VSOCK, op: "SCMP_CMP_EQ" }],
      },
      ...cloneRules(),
      ...capabilityRules(),
      { names: words(NEVER), action: DENY, errnoRet: EPERM },
    ],
  };
}
