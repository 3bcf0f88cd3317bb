// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The calls that a reader needs. What is in neither list gives ENOSYS, as on a kernel that is older than the C library:
 * that is what libraries know to get round (clone3, openat2, fchmodat2, ...).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "confine.h"

/* Without a look at their arguments. Of those that name files, Landlock decides. */
static const int allowed[] = {
	/* what is open, and scratch */
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(preadv2), SCMP_SYS(write),
	SCMP_SYS(writev), SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(pwritev2), SCMP_SYS(lseek), SCMP_SYS(_llseek),
	SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(fsync),
	SCMP_SYS(fdatasync), SCMP_SYS(sync_file_range), SCMP_SYS(sync_file_range2), SCMP_SYS(ftruncate),
	SCMP_SYS(ftruncate64), SCMP_SYS(fallocate), SCMP_SYS(fadvise64), SCMP_SYS(fadvise64_64), SCMP_SYS(readahead),
	SCMP_SYS(flock), SCMP_SYS(memfd_create), SCMP_SYS(getdents), SCMP_SYS(getdents64), SCMP_SYS(fstat),
	SCMP_SYS(fstat64), SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(lstat), SCMP_SYS(lstat64), SCMP_SYS(newfstatat),
	SCMP_SYS(fstatat64), SCMP_SYS(statx), SCMP_SYS(statfs), SCMP_SYS(statfs64), SCMP_SYS(fstatfs),
	SCMP_SYS(fstatfs64), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(chdir), SCMP_SYS(fchdir), SCMP_SYS(umask), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(rmdir), SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2),
	SCMP_SYS(symlink), SCMP_SYS(symlinkat), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(fsetxattr),
	SCMP_SYS(fgetxattr), SCMP_SYS(flistxattr),
	/* the socket it was given */
	SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(select),
	SCMP_SYS(_newselect), SCMP_SYS(pselect6), SCMP_SYS(ppoll_time64), SCMP_SYS(pselect6_time64),
	/* memory and threads */
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mincore), SCMP_SYS(msync),
	SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(membarrier),
	SCMP_SYS(set_tid_address), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler), SCMP_SYS(getcpu), SCMP_SYS(exit), SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),
	SCMP_SYS(sigaltstack), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(restart_syscall),
	/* the time, and who it is */
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(clock_getres), SCMP_SYS(clock_getres_time64),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_nanosleep_time64), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
	SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(getrusage), SCMP_SYS(getrandom), SCMP_SYS(uname), SCMP_SYS(sysinfo),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getppid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(getresuid), SCMP_SYS(getresgid), SCMP_SYS(getgroups), SCMP_SYS(capget),
	SCMP_SYS(getpriority), SCMP_SYS(getrlimit), SCMP_SYS(ugetrlimit),
	451, /* cachestat; newer than the library */
};

/* Whoever calls these in a reader is no reader any more. */
static const int deadly[] = {
	/* other programs and processes */
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise), SCMP_SYS(process_mrelease), SCMP_SYS(kcmp),
	SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(pidfd_open),
	SCMP_SYS(pidfd_getfd), SCMP_SYS(pidfd_send_signal),
	/* the network */
	SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(socketcall), SCMP_SYS(connect), SCMP_SYS(bind),
	SCMP_SYS(listen), SCMP_SYS(accept), SCMP_SYS(accept4),
	/* another user, another root, another namespace */
	SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid),
	SCMP_SYS(setresgid), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid), SCMP_SYS(setgroups), SCMP_SYS(capset),
	SCMP_SYS(chroot), SCMP_SYS(pivot_root), SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(umount),
	SCMP_SYS(umount2), SCMP_SYS(open_tree), SCMP_SYS(move_mount), SCMP_SYS(fsopen), SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(open_by_handle_at),
	SCMP_SYS(name_to_handle_at), SCMP_SYS(setsid), SCMP_SYS(setpgid), SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname),
	/* the kernel and the machine */
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(memfd_secret),
	SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), SCMP_SYS(io_setup),
	SCMP_SYS(io_submit), SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(init_module),
	SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(acct), SCMP_SYS(quotactl),
	SCMP_SYS(quotactl_fd), SCMP_SYS(syslog), SCMP_SYS(vhangup), SCMP_SYS(iopl), SCMP_SYS(ioperm),
	SCMP_SYS(modify_ldt), SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(clock_settime64),
	SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime), SCMP_SYS(fanotify_init), SCMP_SYS(fanotify_mark),
	SCMP_SYS(lookup_dcookie), SCMP_SYS(nfsservctl), SCMP_SYS(mknod), SCMP_SYS(mknodat), SCMP_SYS(chown),
	SCMP_SYS(lchown), SCMP_SYS(fchown), SCMP_SYS(fchownat), SCMP_SYS(shmget), SCMP_SYS(shmat), SCMP_SYS(msgget),
	SCMP_SYS(semget), SCMP_SYS(mq_open),
};

struct confine_filter {
	scmp_filter_ctx ctx;
	int bad; /* errno of the first rule that could not be added */
};

void confine_filter_free(struct confine_filter *f)
{
	if (f)
		seccomp_release(f->ctx);
	free(f);
}

/* Of the arguments in turn: all must hold. */
static void rule(struct confine_filter *f, uint32_t action, int nr, unsigned count, const struct scmp_arg_cmp *args)
{
	int rc = seccomp_rule_add_array(f->ctx, action, nr, count, args);
	if (rc < 0 && !f->bad)
		f->bad = -rc;
}

#define RULE(f, action, name, ...)                                                                                     \
	do {                                                                                                           \
		const struct scmp_arg_cmp args_[] = {__VA_ARGS__};                                                     \
		rule(f, action, SCMP_SYS(name), ARRAY_SIZE(args_), args_);                                             \
	} while (0)
#define ALLOW(f, name, ...) RULE(f, SCMP_ACT_ALLOW, name, __VA_ARGS__)
#define DIE(f, name, ...) RULE(f, SCMP_ACT_KILL_PROCESS, name, __VA_ARGS__)
#define IS(n, value) SCMP_CMP64(n, SCMP_CMP_EQ, (uint64_t)(value))
#define IS_NOT(n, value) SCMP_CMP64(n, SCMP_CMP_NE, (uint64_t)(value))
#define BITS(n, mask, value) SCMP_CMP64(n, SCMP_CMP_MASKED_EQ, (uint64_t)(mask), (uint64_t)(value))
#define WORD(n, value) BITS(n, UINT32_MAX, (uint32_t)(value))

/* Where clone has its flags. */
#ifdef __s390__
#define FLAGS 1
#else
#define FLAGS 0
#endif

/* No code comes into being, and no memory that the limit does not count: of the shared kind, only files to read. */
static void add_memory(struct confine_filter *f)
{
	ALLOW(f, mmap, BITS(2, PROT_EXEC, 0), BITS(3, MAP_SHARED, 0));
	ALLOW(f, mmap, BITS(2, PROT_EXEC | PROT_WRITE, 0), BITS(3, MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED));
	ALLOW(f, mmap2, BITS(2, PROT_EXEC, 0), BITS(3, MAP_SHARED, 0));
	ALLOW(f, mmap2, BITS(2, PROT_EXEC | PROT_WRITE, 0), BITS(3, MAP_SHARED | MAP_ANONYMOUS, MAP_SHARED));
	ALLOW(f, mprotect, BITS(2, PROT_EXEC, 0));
}

/* Nothing with set-id bits; modes and times of what is open only, because Landlock does not look at them. */
static void add_files(struct confine_filter *f)
{
	static const int commands[] = {
		F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK,
		F_OFD_SETLK, F_SETLEASE, F_GETLEASE, F_ADD_SEALS, F_GET_SEALS,
	};
	static const unsigned controls[] = {
		FS_IOC_MEASURE_VERITY, FS_IOC_READ_VERITY_METADATA, BLKGETSIZE64, BLKSSZGET, TCGETS, FIONREAD,
	};
	ALLOW(f, open, BITS(2, S_ISUID | S_ISGID, 0));
	ALLOW(f, openat, BITS(3, S_ISUID | S_ISGID, 0));
	ALLOW(f, mkdir, BITS(1, S_ISUID | S_ISGID, 0));
	ALLOW(f, mkdirat, BITS(2, S_ISUID | S_ISGID, 0));
	ALLOW(f, fchmod, BITS(1, S_ISUID | S_ISGID, 0));
	ALLOW(f, utimensat, IS(1, 0));
	ALLOW(f, utimensat_time64, IS(1, 0));
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		ALLOW(f, fcntl, WORD(1, commands[i]));
		ALLOW(f, fcntl64, WORD(1, commands[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(controls); i++)
		ALLOW(f, ioctl, WORD(1, controls[i]));
}

/* Threads, no processes; signals to itself; limits are read, never set; a socket has one other end. */
static void add_process(struct confine_filter *f)
{
	static const uint64_t namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
					   CLONE_NEWPID | CLONE_NEWNET;
	static const int names[] = {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP};
	pid_t self = getpid();
	if (!CONFINE_SANITIZED) {
		ALLOW(f, clone, BITS(FLAGS, CLONE_THREAD | namespaces, CLONE_THREAD));
		ALLOW(f, kill, IS(0, self));
		ALLOW(f, tgkill, IS(0, self));
		ALLOW(f, prlimit64, IS(0, 0), IS(2, 0));
		ALLOW(f, sendto, IS(4, 0));
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			ALLOW(f, prctl, IS(0, names[i]));
		DIE(f, clone, BITS(FLAGS, CLONE_THREAD, 0));
		rule(f, SCMP_ACT_KILL_PROCESS, SCMP_SYS(ptrace), 0, NULL);
	}
	DIE(f, kill, IS_NOT(0, self));
	DIE(f, tgkill, IS_NOT(0, self));
}

struct confine_filter *confine_filter_new(struct error *e)
{
	autodestroy(confine_filter_free_auto) struct confine_filter *f = calloc(1, sizeof *f);
	/* A sanitizer's calls are its own affair: only what is deadly is told apart. */
	if (f)
		f->ctx = seccomp_init(CONFINE_SANITIZED ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS));
	if (!f || !f->ctx) {
		error_nomem(e);
		return NULL;
	}
	seccomp_attr_set(f->ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; i < ARRAY_SIZE(allowed) && !CONFINE_SANITIZED; i++)
		rule(f, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
	if (!CONFINE_SANITIZED) {
		add_memory(f);
		add_files(f);
	}
	add_process(f);
	for (size_t i = 0; i < ARRAY_SIZE(deadly); i++)
		rule(f, SCMP_ACT_KILL_PROCESS, deadly[i], 0, NULL);
	if (f->bad) {
		errno = f->bad;
		error_sys(e, "seccomp filter");
		return NULL;
	}
	return take(f);
}

int confine_filter_load(struct confine_filter *f, struct confinement *out, struct error *e)
{
	/* With no filter to look at, a kernel that has filters says EFAULT. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) < 0 && errno == EINVAL)
		return 0;
	int rc = seccomp_load(f->ctx);
	if (rc < 0) {
		errno = -rc;
		return error_sys(e, "seccomp");
	}
	out->seccomp = true;
	return 0;
}
