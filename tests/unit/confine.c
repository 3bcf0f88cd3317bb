// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a confined process can't do any more, and what it still can. Each attempt is made in a process of its own, by
 * root that has become another user and by an ordinary user.
 */
#include <archive.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <iconv.h>
#include <linux/fsverity.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <zstd.h>
#ifdef HAVE_LIBLZMA
#include <lzma.h>
#endif

#include "backproof/confine.h"
#include "backproof/digest.h"
#include "backproof/sample.h"
#include "backproof/scratch.h"
#include "test.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define MEMORY (256 * MIB)
#define FILE_SIZE (8 * MIB)
#define FILES 64

static char dir[] = "/tmp/backproof-confine-XXXXXX";
/* Anybody may read and write the first, and make files in the second. */
static char canary[160], outside[128];
static struct confine_account account;
static bool as_root; /* this round */
static struct confinement in_force;
static char scratches[128];

/* What the process under test holds. */
static struct scratch *scratch;
static int box = -1;			/* scratch */
static int held = -1;			/* the canary, open to be read */
static int outer = -1;			/* the directory outside */
static int ends[2] = {-1, -1};		/* a pair of sockets */
static int tcp = -1, udp = -1, local = -1, listening = -1; /* not connected */
static struct sockaddr_in inet_at;
static pid_t parent;
static char word[64];

/* An attempt gives 0 when it got what it wanted, else errno. None does harm to a machine that lets it. */
typedef int attempt_fn(void);
static int outcome(long rc)
{
	return rc < 0 ? errno ? errno : EIO : 0;
}

/* --- the file system --- */
static int read_passwd(void) { return outcome(open("/etc/passwd", O_RDONLY)); }
static int read_shadow(void) { return outcome(open("/etc/shadow", O_RDONLY)); }
static int path_of_shadow(void) { return outcome(openat(box, "../../../etc/shadow", O_RDONLY)); }
static int read_canary(void) { return outcome(open(canary, O_RDONLY)); }
static int write_canary(void) { return outcome(open(canary, O_WRONLY)); }
static int append_canary(void) { return outcome(open(canary, O_WRONLY | O_APPEND)); }
static int canary_beside(void)
{
	char path[128];
	snprintf(path, sizeof path, "../../%s/canary", strrchr(outside, '/') + 1);
	return outcome(openat(box, path, O_RDONLY));
}
static int canary_from_outer(void) { return outcome(openat(outer, "canary", O_RDONLY)); }
static int make_outside(void) { return outcome(openat(outer, "new", O_WRONLY | O_CREAT, 0600)); }
static int make_in_tmp(void) { return outcome(open("/tmp/backproof-confine-escaped", O_WRONLY | O_CREAT, 0600)); }
static int unnamed_outside(void) { return outcome(openat(outer, ".", O_TMPFILE | O_RDWR, 0600)); }
static int directory_outside(void) { return outcome(mkdirat(outer, "new", 0700)); }
static int symlink_outside(void) { return outcome(symlinkat("x", outer, "new")); }
static int unlink_outside(void) { return outcome(unlinkat(outer, "canary", 0)); }
static int rename_outside(void) { return outcome(renameat(outer, "canary", outer, "renamed")); }
static int list_outside(void) { return outcome(openat(outer, ".", O_RDONLY | O_DIRECTORY)); }
static int list_root(void) { return outcome(open("/", O_RDONLY | O_DIRECTORY)); }
static int cut_by_name(void) { return outcome(truncate(canary, 0)); }
static int mode_by_name(void) { return outcome(syscall(SYS_fchmodat, AT_FDCWD, canary, 0600)); }
static int owner_by_name(void) { return outcome(chown(canary, getuid(), getgid())); }
static int attribute_by_name(void) { return outcome(setxattr(canary, "user.x", "y", 1, 0)); }
static int time_by_name(void) { return outcome(utimensat(AT_FDCWD, canary, NULL, 0)); }

static int through_symlink(void)
{
	if (symlinkat(canary, box, "link") < 0)
		return 0; /* that must work */
	return outcome(openat(box, "link", O_RDONLY));
}
static int through_root_link(void)
{
	char path[200];
	snprintf(path, sizeof path, "/proc/self/root%s", canary);
	return outcome(open(path, O_RDONLY));
}
static int through_cwd(void) { return outcome(open("/proc/self/cwd/../outside/canary", O_RDONLY)); }
static int reopened_to_write(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", held);
	return outcome(open(path, O_WRONLY));
}
static int write_held(void) { return outcome(pwrite(held, "x", 1, 0)); }
static int cut_held(void) { return outcome(ftruncate(held, 0)); }
static int moved_out(void)
{
	int fd = openat(box, "moved", O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		return 0;
	return outcome(renameat(box, "moved", outer, "moved"));
}
static int linked_out(void)
{
	int fd = openat(box, "linked", O_WRONLY | O_CREAT, 0600);
	if (fd < 0)
		return 0;
	return outcome(linkat(box, "linked", outer, "linked", 0));
}
static int linked_in(void) { return outcome(linkat(outer, "canary", box, "canary", 0)); }
static int moved_in(void) { return outcome(renameat(outer, "canary", box, "canary")); }
static int memory_of_parent(void)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/mem", (int)parent);
	return outcome(open(path, O_RDWR));
}
static int environment(void) { return outcome(open("/proc/self/environ", O_RDONLY)); }
static int block_device(void) { return outcome(open("/dev/vda", O_RDONLY)); }
static int null_device(void) { return outcome(open("/dev/null", O_RDWR)); }
static int device(void) { return outcome(mknodat(box, "node", S_IFCHR | 0600, 0x103)); }
static int fifo(void) { return outcome(mknodat(box, "fifo", S_IFIFO | 0600, 0)); }
static int setid_file(void) { return outcome(openat(box, "setid", O_WRONLY | O_CREAT, 04755)); }
static int setid_mode(void)
{
	int fd = openat(box, "setid", O_WRONLY | O_CREAT, 0755);
	return fd < 0 ? 0 : outcome(fchmod(fd, 04755));
}
static int setid_directory(void) { return outcome(mkdirat(box, "setid", 02777)); }
static int by_handle(void)
{
	struct {
		struct file_handle head;
		unsigned char id[MAX_HANDLE_SZ];
	} h = {.head.handle_bytes = MAX_HANDLE_SZ};
	int mount;
	if (name_to_handle_at(outer, "canary", &h.head, &mount, 0) < 0)
		return errno;
	return outcome(open_by_handle_at(outer, &h.head, O_RDONLY));
}
static int by_handle_only(void)
{
	struct file_handle h = {0};
	return outcome(open_by_handle_at(outer, &h, O_RDONLY));
}
static int other_root(void) { return outcome(chroot(".")); }
static int mounted(void) { return outcome(syscall(SYS_mount, "none", outside, "tmpfs", 0, NULL)); }
static int mounted_newly(void) { return outcome(syscall(SYS_fsopen, "tmpfs", 0)); }
static int tree_opened(void) { return outcome(syscall(SYS_open_tree, AT_FDCWD, "/", 1)); }
static int opened_otherwise(void)
{
	struct { uint64_t flags, mode, resolve; } how = {0};
	return outcome(syscall(SYS_openat2, AT_FDCWD, canary, &how, sizeof how));
}

/* --- the network --- */
static int tcp_socket(void) { return outcome(socket(AF_INET, SOCK_STREAM, 0)); }
static int udp_socket(void) { return outcome(socket(AF_INET6, SOCK_DGRAM, 0)); }
static int unix_socket(void) { return outcome(socket(AF_UNIX, SOCK_STREAM, 0)); }
static int netlink(void) { return outcome(socket(AF_NETLINK, SOCK_RAW, 0)); }
static int pair(void)
{
	int s[2];
	return outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
}
static int tcp_connected(void) { return outcome(connect(tcp, (struct sockaddr *)&inet_at, sizeof inet_at)); }
static int unix_connected(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "/run/dbus/system_bus_socket"};
	return outcome(connect(local, (struct sockaddr *)&a, sizeof a));
}
static int abstract_connected(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0backproof-confine"};
	return outcome(connect(local, (struct sockaddr *)&a, sizeof a));
}
static int bound(void) { return outcome(bind(tcp, (struct sockaddr *)&inet_at, sizeof inet_at)); }
static int listened(void) { return outcome(listen(tcp, 1)); }
static int accepted(void) { return outcome(accept(listening, NULL, NULL)); }
static int sent_to(void) { return outcome(sendto(udp, "x", 1, 0, (struct sockaddr *)&inet_at, sizeof inet_at)); }

/* --- other processes --- */
static int executed(void)
{
	char *const argv[] = {(char *)"true", NULL};
	return outcome(execv("/bin/true", argv));
}
static int executed_held(void)
{
	char *const argv[] = {(char *)"x", NULL};
	return outcome(fexecve(held, argv, argv + 1));
}
static int forked(void)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return outcome(pid);
}
static int forked_raw(void)
{
	long pid = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(0);
	return outcome(pid);
}
static int forked_newly(void)
{
	struct clone_args a = {.exit_signal = SIGCHLD};
	long pid = syscall(SYS_clone3, &a, sizeof a);
	if (pid == 0)
		_exit(0);
	return outcome(pid);
}
static int spawned(void)
{
	pid_t pid;
	char *const argv[] = {(char *)"true", NULL};
	return posix_spawn(&pid, "/bin/true", NULL, NULL, argv, argv + 1);
}
static int own_namespace(void) { return outcome(unshare(CLONE_NEWUSER)); }
static int own_namespace_clone(void)
{
	long pid = syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		_exit(0);
	return outcome(pid);
}
static int other_namespace(void) { return outcome(setns(held, 0)); }
static int traced(void) { return outcome(ptrace(PTRACE_ATTACH, parent, NULL, NULL)); }
static int seized(void) { return outcome(ptrace(PTRACE_SEIZE, parent, NULL, NULL)); }
static int read_parent(void)
{
	char c;
	struct iovec to = {&c, 1}, from = {word, 1};
	return outcome(syscall(SYS_process_vm_readv, parent, &to, 1, &from, 1, 0));
}
static int write_parent(void)
{
	char c = 'x';
	struct iovec from = {&c, 1}, to = {word, 1};
	return outcome(syscall(SYS_process_vm_writev, parent, &from, 1, &to, 1, 0));
}
static int killed_parent(void) { return outcome(kill(parent, 0)); }
static int killed_group(void) { return outcome(kill(0, 0)); }
static int killed_all(void) { return outcome(kill(-1, 0)); }
static int killed_thread(void) { return outcome(syscall(SYS_tgkill, parent, parent, 0)); }
static int queued_parent(void) { return outcome(sigqueue(parent, 0, (union sigval){0})); }
static int pidfd_of_parent(void) { return outcome(syscall(SYS_pidfd_open, parent, 0)); }
static int owner_parent(void) { return outcome(fcntl(ends[0], F_SETOWN, parent)); }
static int signal_chosen(void) { return outcome(fcntl(ends[0], F_SETSIG, SIGKILL)); }
static int own_session(void) { return outcome(setsid()); }
static int survives_parent(void) { return outcome(prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)); }

/* --- powers --- */
static int root_again(void) { return outcome(syscall(SYS_setresuid, 0, 0, 0)); }
static int root_group(void) { return outcome(syscall(SYS_setgroups, 0, NULL)); }
static int capable(void)
{
	uint32_t head[2] = {0x20080522, 0}, data[6] = {~0u, ~0u, 0};
	return outcome(syscall(SYS_capset, head, data));
}
static int dumpable(void) { return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }
static int kept_capabilities(void) { return outcome(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)); }
static int other_filter(void) { return outcome(prctl(PR_SET_SECCOMP, 2, NULL, 0, 0)); }
static int bpf_call(void) { return outcome(syscall(SYS_bpf, 0, NULL, 0)); }
static int uring(void) { return outcome(syscall(SYS_io_uring_setup, 1, word)); }
static int faults(void) { return outcome(syscall(SYS_userfaultfd, 1)); }
static int perf(void) { return outcome(syscall(SYS_perf_event_open, word, 0, -1, -1, 0)); }
static int keys(void) { return outcome(syscall(SYS_keyctl, 0, -3, 0)); }
static int module(void) { return outcome(syscall(SYS_finit_module, held, "", 0)); }
static int personality_exec(void) { return outcome(syscall(SYS_personality, 0x0400000)); }
static int clock_set(void) { return outcome(syscall(SYS_clock_settime, 99, word)); }
static int rebooted(void) { return outcome(syscall(SYS_reboot, 0, 0, 0, NULL)); }
static int unknown_call(void) { return outcome(syscall(4000)); }
#ifdef __x86_64__
static int old_abi(void)
{
	long rc;
	/* getpid as a 32-bit program asks */
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return rc > 0 ? 0 : EIO;
}
static int x32_abi(void) { return outcome(syscall(0x40000000 + SYS_getpid)); }
#endif

/* --- limits --- */
static int code_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? errno : 0;
}
static int code_later(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? 0 : outcome(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}
static int shared_memory(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? errno : 0;
}
static int shared_memory_later(void)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? errno : 0;
}
static int much_memory(void)
{
	for (uint64_t have = 0; have <= MEMORY; have += MIB) {
		char *p = malloc(MIB);
		if (!p)
			return errno;
		memset(p, 1, MIB);
	}
	return 0;
}
static int large_file(void)
{
	char block[4096] = "x";
	int fd = openat(box, ".", O_TMPFILE | O_RDWR, 0600);
	return fd < 0 ? 0 : outcome(pwrite(fd, block, sizeof block, FILE_SIZE));
}
static int many_files(void)
{
	for (int i = 0; i < FILES; i++)
		if (dup(held) < 0)
			return errno;
	return 0;
}
static int raised_limit(void)
{
	struct rlimit l = {RLIM_INFINITY, RLIM_INFINITY};
	return outcome(setrlimit(RLIMIT_DATA, &l));
}
static int raised_files(void)
{
	struct rlimit l = {FILES + 1, FILES + 1};
	return outcome(prlimit(0, RLIMIT_NOFILE, &l, NULL));
}
static int lowered_parent(void)
{
	struct rlimit l = {0, 0};
	return outcome(prlimit(parent, RLIMIT_NOFILE, &l, NULL));
}
static int priority(void) { return outcome(setpriority(PRIO_PROCESS, (id_t)parent, 19)); }

/* How an attempt is stopped: by Landlock, by a call that ends the process, by one that fails, by the system as ever. */
enum stop { FILES_STOP, DEADLY, REFUSED, ANYHOW };
static const struct forbidden {
	const char *name;
	attempt_fn *run;
	enum stop stop;
} forbidden[] = {
#define F(fn, how) {#fn, fn, how}
	F(read_passwd, FILES_STOP), F(read_shadow, ANYHOW), F(path_of_shadow, ANYHOW), F(read_canary, FILES_STOP),
	F(write_canary, FILES_STOP), F(append_canary, FILES_STOP), F(canary_beside, FILES_STOP),
	F(canary_from_outer, FILES_STOP), F(make_outside, FILES_STOP), F(make_in_tmp, FILES_STOP),
	F(unnamed_outside, FILES_STOP), F(directory_outside, FILES_STOP), F(symlink_outside, FILES_STOP),
	F(unlink_outside, FILES_STOP), F(rename_outside, FILES_STOP), F(list_outside, FILES_STOP),
	F(list_root, FILES_STOP), F(cut_by_name, FILES_STOP), F(mode_by_name, REFUSED), F(owner_by_name, DEADLY),
	F(attribute_by_name, REFUSED), F(time_by_name, REFUSED), F(through_symlink, FILES_STOP),
	F(through_root_link, FILES_STOP), F(through_cwd, FILES_STOP), F(reopened_to_write, FILES_STOP),
	F(write_held, ANYHOW), F(cut_held, ANYHOW), F(moved_out, FILES_STOP), F(linked_out, FILES_STOP),
	F(linked_in, FILES_STOP), F(moved_in, FILES_STOP), F(memory_of_parent, FILES_STOP), F(environment, FILES_STOP),
	F(block_device, ANYHOW), F(null_device, FILES_STOP), F(device, DEADLY), F(fifo, DEADLY),
	F(setid_file, REFUSED), F(setid_mode, REFUSED), F(setid_directory, REFUSED), F(by_handle, DEADLY),
	F(by_handle_only, DEADLY), F(other_root, DEADLY), F(mounted, DEADLY), F(mounted_newly, DEADLY),
	F(tree_opened, DEADLY), F(opened_otherwise, ANYHOW),
	F(tcp_socket, DEADLY), F(udp_socket, DEADLY), F(unix_socket, DEADLY), F(netlink, DEADLY), F(pair, DEADLY),
	F(tcp_connected, DEADLY), F(unix_connected, DEADLY), F(abstract_connected, DEADLY), F(bound, DEADLY),
	F(listened, DEADLY), F(accepted, DEADLY), F(sent_to, REFUSED),
	F(executed, DEADLY), F(executed_held, DEADLY), F(forked, REFUSED), F(forked_raw, REFUSED),
	F(forked_newly, REFUSED), F(spawned, REFUSED), F(own_namespace, DEADLY), F(own_namespace_clone, REFUSED),
	F(other_namespace, DEADLY), F(traced, ANYHOW), F(seized, ANYHOW), F(read_parent, DEADLY),
	F(write_parent, DEADLY), F(killed_parent, DEADLY), F(killed_group, DEADLY), F(killed_all, DEADLY),
	F(killed_thread, DEADLY), F(queued_parent, DEADLY), F(pidfd_of_parent, DEADLY), F(owner_parent, REFUSED),
	F(signal_chosen, REFUSED), F(own_session, DEADLY), F(survives_parent, REFUSED),
	F(root_again, DEADLY), F(root_group, DEADLY), F(capable, DEADLY), F(dumpable, REFUSED),
	F(kept_capabilities, REFUSED), F(other_filter, ANYHOW), F(bpf_call, DEADLY), F(uring, DEADLY),
	F(faults, DEADLY), F(perf, DEADLY), F(keys, DEADLY), F(module, DEADLY), F(personality_exec, REFUSED),
	F(clock_set, DEADLY), F(rebooted, DEADLY), F(unknown_call, ANYHOW),
#ifdef __x86_64__
	F(old_abi, DEADLY), F(x32_abi, DEADLY),
#endif
	F(code_memory, REFUSED), F(code_later, REFUSED), F(shared_memory, REFUSED), F(shared_memory_later, REFUSED),
	F(much_memory, REFUSED), F(large_file, ANYHOW), F(many_files, ANYHOW), F(raised_limit, REFUSED),
	F(raised_files, ANYHOW), F(lowered_parent, REFUSED), F(priority, REFUSED),
};

/* --- what a reader does all day; gives 0, or the line that failed --- */
#define MUST(x)                                                                                                        \
	do {                                                                                                           \
		if (!(x)) {                                                                                            \
			fprintf(stderr, "line %d: %s: %s\n", __LINE__, #x, strerror(errno));                           \
			return 1;                                                                                      \
		}                                                                                                      \
	} while (0)

static void *count_up(void *at)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	char *p = malloc(300 * KIB);
	if (!p)
		return NULL;
	memset(p, 1, 300 * KIB);
	free(p);
	pthread_mutex_lock(&lock);
	++*(int *)at;
	pthread_mutex_unlock(&lock);
	return NULL;
}
static int threads(void)
{
	pthread_t t[8];
	int n = 0;
	for (int i = 0; i < 8; i++)
		MUST(pthread_create(&t[i], NULL, count_up, &n) == 0);
	for (int i = 0; i < 8; i++)
		MUST(pthread_join(t[i], NULL) == 0);
	MUST(n == 8);
	return 0;
}
static int memory(void)
{
	char *p = calloc(1, 100 * MIB);
	MUST(p);
	MUST((p = realloc(p, 150 * MIB)));
	memset(p, 1, 1000);
	free(p);
	MUST((p = mmap(NULL, 4096, PROT_NONE, MAP_SHARED | MAP_NORESERVE, held, 0)) != MAP_FAILED);
	MUST((p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, held, 0)) != MAP_FAILED && *p == 'c');
	return 0;
}
static int named_files(void)
{
	struct stat st;
	int fd = openat(box, "a", O_RDWR | O_CREAT | O_EXCL, 0600), sub;
	MUST(fd >= 0 && pwrite(fd, "hello", 5, 0) == 5 && fsync(fd) == 0 && ftruncate(fd, 100000) == 0);
	MUST(posix_fallocate(fd, 0, 4096) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	MUST(fchmod(fd, 0640) == 0 && futimens(fd, (struct timespec[2]){{1000, 0}, {1000, 0}}) == 0);
	MUST(fstat(fd, &st) == 0 && st.st_mtime == 1000 && (st.st_mode & 07777) == 0640);
	MUST(flock(fd, LOCK_EX | LOCK_NB) == 0 && renameat(box, "a", box, "b") == 0);
	MUST(mkdirat(box, "d", 0700) == 0 && renameat(box, "b", box, "d/b") == 0);
	MUST(symlinkat("/etc/passwd", box, "s") == 0 && fstatat(box, "s", &st, AT_SYMLINK_NOFOLLOW) == 0);
	MUST(unlinkat(box, "s", 0) == 0 && unlinkat(box, "d/b", 0) == 0);
	MUST((sub = openat(box, "d", O_RDONLY | O_DIRECTORY)) >= 0 && unlinkat(box, "d", AT_REMOVEDIR) == 0);
	return 0;
}
static int unnamed_file_twice(void)
{
	char path[64];
	void *block;
	int fd = openat(box, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600), direct;
	MUST(fd >= 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	MUST((direct = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC)) >= 0 || errno == EINVAL);
	MUST(posix_memalign(&block, 4096, 4096) == 0);
	memset(block, 7, 4096);
	MUST(pwrite(direct >= 0 ? direct : fd, block, 4096, 4096) == 4096);
	MUST(pread(fd, block, 4096, 4096) == 4096 && *(char *)block == 7);
	MUST(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE) == 0);
	return 0;
}
static int held_file(void)
{
	char c = 0;
	struct stat st;
	MUST(pread(held, &c, 1, 0) == 1 && c == 'c');
	MUST(fstat(held, &st) == 0 && st.st_size > 0);
	MUST(lseek(held, 0, SEEK_DATA) == 0);
	return 0;
}
/* It reaches the file system, which has no such thing here. */
static int measured_by_the_kernel(void)
{
	struct fsverity_digest digest = {0};
	struct fsverity_read_metadata_arg arg = {.metadata_type = FS_VERITY_METADATA_TYPE_DESCRIPTOR};
	MUST(ioctl(held, FS_IOC_MEASURE_VERITY, &digest) == 0 || (errno != ENOSYS && errno != EPERM));
	MUST(ioctl(held, FS_IOC_READ_VERITY_METADATA, &arg) >= 0 || (errno != ENOSYS && errno != EPERM));
	return 0;
}
static ssize_t give(void *left, void *buf, size_t cap, struct error *e)
{
	size_t n = cap < *(size_t *)left ? cap : *(size_t *)left;
	(void)e;
	memset(buf, 'r', n);
	*(size_t *)left -= n;
	return (ssize_t)n;
}
static int restored(void)
{
	struct error e = {0};
	size_t left = 100000;
	struct restored out[3];
	struct fs_entry entries[3] = {
		{.path = (char *)"etc/file", .type = ENTRY_FILE, .mode = 04751, .mtime = 1234567, .size = 100000},
		{.path = (char *)"etc", .type = ENTRY_DIR, .mode = 0750, .mtime = 1234567},
		{.path = (char *)"etc/link", .type = ENTRY_LINK, .mode = 0777, .mtime = 1234567},
	};
	struct archive_entry *attributes = NULL;
	struct restorer *r = restorer_open(scratch, &e);
	MUST(r);
	for (int i = 0; i < 3; i++) {
		struct restore_input in = {.entry = &entries[i], .link = "/etc/shadow", .read = give, .ctx = &left,
					   .native = attributes};
		MUST(restore_entry(r, &in, &out[i], &e) == 0 || (fprintf(stderr, "%s\n", e.text), 0));
		MUST(restore_flush(r, &out[i], false, &e) == 0 && restore_flush(r, &out[i], true, &e) == 0);
	}
	MUST(restore_end(r, &e) == 0 || (fprintf(stderr, "%s\n", e.text), 0));
	for (int i = 0; i < 3; i++) {
		struct stat st;
		int fd = restore_read_back(r, &out[i], &e);
		MUST(fd != -1 || (fprintf(stderr, "%s\n", e.text), 0));
		MUST(fstatat(box, out[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0);
		MUST(entries[i].type == ENTRY_LINK || st.st_mtime == 1234567);
		MUST(!(st.st_mode & 07000));
		restore_remove(r, &out[i]);
	}
	restorer_destroy(r);
	return 0;
}
static int digests(void)
{
	uint8_t d[DIGEST_MAX];
	struct error e = {0};
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	struct digest *digest = digest_new(DIGEST_SHA256, &e);
	unsigned n;
	MUST(digest);
	digest_update(digest, "x", 1);
	MUST(digest_final(digest, d, &e) == 0);
	digest_destroy(digest);
	MUST(c && EVP_DigestInit_ex(c, EVP_sha512(), NULL) == 1 && EVP_DigestUpdate(c, "x", 1) == 1 &&
	     EVP_DigestFinal_ex(c, d, &n) == 1 && n == 64);
	MUST(EVP_DigestInit_ex(c, EVP_md5(), NULL) == 1 && EVP_DigestFinal_ex(c, d, &n) == 1);
	EVP_MD_CTX_free(c);
	return 0;
}
static int compressors(void)
{
	static char in[3 * 1024 * 1024], out[4 * 1024 * 1024];
	ZSTD_CCtx *c = ZSTD_createCCtx();
	MUST(c);
	(void)ZSTD_CCtx_setParameter(c, ZSTD_c_nbWorkers, 2);
	size_t n = ZSTD_compress2(c, out, sizeof out, in, sizeof in);
	MUST(!ZSTD_isError(n) && ZSTD_decompress(in, sizeof in, out, n) == sizeof in);
	ZSTD_freeCCtx(c);
#ifdef HAVE_LIBLZMA
	lzma_stream s = LZMA_STREAM_INIT;
	lzma_mt mt = {.threads = 2, .preset = 0, .check = LZMA_CHECK_CRC64};
	MUST(lzma_stream_encoder_mt(&s, &mt) == LZMA_OK);
	s.next_in = (uint8_t *)in, s.avail_in = sizeof in, s.next_out = (uint8_t *)out, s.avail_out = sizeof out;
	MUST(lzma_code(&s, LZMA_FINISH) == LZMA_STREAM_END);
	lzma_end(&s);
#endif
	return 0;
}
static int character_sets(void)
{
	static const char *const sets[] = {"UTF-16LE", "UTF-16BE", "ISO-8859-1", "CP437", "CP1252", "LATIN1"};
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		char in[] = "AB", out[16], *from = in, *to = out;
		size_t left = 2, room = sizeof out;
		iconv_t c = iconv_open("UTF-8", sets[i]);
		MUST(c != (iconv_t)-1 && iconv(c, &from, &left, &to, &room) == 0);
		iconv_close(c);
	}
	return 0;
}
static int times(void)
{
	time_t now = time(NULL);
	struct tm tm;
	struct timespec t = {0, 1000};
	MUST(localtime_r(&now, &tm) && gmtime_r(&now, &tm) && nanosleep(&t, NULL) == 0);
	MUST(clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL) == 0 && clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
	MUST(rng_fresh_seed() != rng_fresh_seed() && sysconf(_SC_NPROCESSORS_ONLN) > 0);
	return 0;
}
/* The other end is this test, which passes a descriptor. */
static int given_a_descriptor(void)
{
	char c = 'g', room[CMSG_SPACE(sizeof(int))];
	struct iovec v = {&c, 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
	int fd;
	MUST(send(ends[1], &c, 1, MSG_NOSIGNAL) == 1 && recvmsg(ends[1], &m, MSG_CMSG_CLOEXEC) == 1);
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	MUST(h && h->cmsg_type == SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(h), sizeof fd);
	MUST(pread(fd, &c, 1, 0) == 1 && c == 'c');
	return 0;
}
static int memory_file(void)
{
	int fd = memfd_create("x", MFD_CLOEXEC);
	MUST(fd >= 0 && ftruncate(fd, 100000) == 0 && pwrite(fd, "x", 1, 99) == 1);
	return 0;
}
static void caught(int sig)
{
	(void)sig;
}
static int signals(void)
{
	sigset_t set;
	MUST(signal(SIGUSR1, caught) != SIG_ERR && raise(SIGUSR1) == 0 && kill(getpid(), SIGUSR1) == 0);
	sigemptyset(&set);
	MUST(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0 && pthread_kill(pthread_self(), SIGUSR1) == 0);
	return 0;
}
static int streams(void)
{
	char line[16] = "";
	int fd = openat(box, "stream", O_RDWR | O_CREAT, 0600);
	FILE *f = fdopen(fd, "w+");
	MUST(f && fputs("line\n", f) >= 0 && fflush(f) == 0);
	rewind(f);
	MUST(fgets(line, sizeof line, f) && !strcmp(line, "line\n") && fclose(f) == 0);
	fprintf(stderr, "%s", "");
	return 0;
}
static const struct {
	const char *name;
	attempt_fn *run;
} permitted[] = {
#define P(fn) {#fn, fn}
	P(threads), P(memory), P(named_files), P(unnamed_file_twice), P(held_file), P(measured_by_the_kernel),
	P(restored), P(digests),
	P(compressors), P(character_sets), P(times), P(given_a_descriptor), P(memory_file), P(signals), P(streams),
};

/* --- the harness --- */
enum { WORKED = 42, STOPPED = 43, NOT_CONFINED = 44 };

static int confine(struct error *e)
{
	struct confine_request r = {.directory = box, .account = as_root ? &account : NULL, .memory = MEMORY,
				    .file_size = FILE_SIZE, .files = FILES, .cpu_seconds = 20};
	int rc = confine_process(&r, &in_force, e);
	in_force.reader = true;
	return rc;
}

static void prepare(void)
{
	struct error e = {0};
	scratch = scratch_open(scratches, 0, &e);
	NEED(scratch);
	box = scratch_fd(scratch);
	NEED(!as_root || fchown(box, account.uid, account.gid) == 0);
	held = open(canary, O_RDONLY);
	outer = open(outside, O_RDONLY | O_DIRECTORY);
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	local = socket(AF_UNIX, SOCK_STREAM, 0);
	NEED(held >= 0 && outer >= 0 && tcp >= 0 && udp >= 0 && local >= 0);
}

/* The status of a process that has tried, confined. */
static int try(attempt_fn *run)
{
	fflush(NULL);
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	parent = getpid();
	pid_t pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		struct error e = {0};
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getenv("BACKPROOF_TEST_WAIT"))
			sleep(20);
		prepare();
		if (confine(&e) < 0) {
			fprintf(stderr, "confine: %s\n", e.text);
			_exit(NOT_CONFINED);
		}
		errno = 0;
		int rc = run();
		_exit(rc ? STOPPED : WORKED);
	}
	close(ends[1]);
	char c;
	if (recv(ends[0], &c, 1, 0) == 1) {
		char room[CMSG_SPACE(sizeof(int))] = "";
		struct iovec v = {&c, 1};
		struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
		struct cmsghdr *h = CMSG_FIRSTHDR(&m);
		int fd = open(canary, O_RDONLY);
		*h = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
		memcpy(CMSG_DATA(h), &fd, sizeof fd);
		NEED(sendmsg(ends[0], &m, MSG_NOSIGNAL) == 1);
		close(fd);
	}
	close(ends[0]);
	int status = 0;
	NEED(waitpid(pid, &status, 0) == pid);
	return status;
}

static bool canary_intact(void)
{
	char text[16] = "";
	struct stat st;
	int fd = open(canary, O_RDONLY);
	bool same = fd >= 0 && read(fd, text, sizeof text) == 7 && !memcmp(text, "canary\n", 7) && fstat(fd, &st) == 0 &&
		    (st.st_mode & 07777) == 0666 && st.st_nlink == 1 && st.st_mtime == 4711;
	close(fd);
	return same;
}

static void all_forbidden(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		const struct forbidden *it = &forbidden[i];
		if ((SANITIZED && it->stop == REFUSED) || (!in_force.landlock && it->stop == FILES_STOP))
			continue;
		int status = try(it->run);
		bool dead = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
		bool refused = WIFEXITED(status) && WEXITSTATUS(status) == STOPPED;
		bool right = it->stop == DEADLY && in_force.seccomp ? dead : dead || refused;
#ifdef __x86_64__
		/* A kernel without that ABI. */
		right = right || (it->run == old_abi && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
#endif
		if (!right || !canary_intact() || access("/tmp/backproof-confine-escaped", F_OK) == 0)
			fprintf(stderr, "%s (%s): status %x\n", it->name, as_root ? "root" : "user", (unsigned)status);
		CHECK(right);
		CHECK(canary_intact());
	}
}

static void all_permitted(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(permitted); i++) {
		int status = try(permitted[i].run);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != WORKED)
			fprintf(stderr, "%s (%s): status %x\n", permitted[i].name, as_root ? "root" : "user",
				(unsigned)status);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == WORKED);
	}
}

/* Without an end of its own: its time runs out. */
static void processor_time(void)
{
	struct error e = {0};
	struct confinement c;
	struct confine_request r = {.directory = -1, .cpu_seconds = 1};
	int status = 0;
	pid_t pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		if (confine_process(&r, &c, &e) < 0)
			_exit(NOT_CONFINED);
		for (volatile unsigned i = 0;; i++)
			;
	}
	NEED(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU);
}

/* A kernel that says `error` to a call, and one that knows no filters. */
static int on_kernel(int call, int error, struct confinement *out)
{
	struct error e = {0};
	int fds[2], status = 0;
	struct {
		int rc;
		struct confinement c;
	} got = {-1, {0}};
	NEED(pipe(fds) == 0);
	pid_t pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		struct confine_request r = {.directory = -1, .account = as_root ? &account : NULL};
		scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
		if (call == SCMP_SYS(prctl))
			NEED(seccomp_rule_add(ctx, SCMP_ACT_ERRNO((unsigned)error), call, 1,
					      SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP)) == 0);
		else
			NEED(seccomp_rule_add(ctx, SCMP_ACT_ERRNO((unsigned)error), call, 0) == 0);
		NEED(seccomp_load(ctx) == 0);
		got.rc = confine_process(&r, &got.c, &e);
		_exit(write(fds[1], &got, sizeof got) == sizeof got ? 0 : 1);
	}
	NEED(read(fds[0], &got, sizeof got) == sizeof got && waitpid(pid, &status, 0) == pid);
	close(fds[0]);
	close(fds[1]);
	*out = got.c;
	return got.rc;
}

static void other_kernels(void)
{
	struct confinement c;
	CHECK_INT(on_kernel(SCMP_SYS(landlock_create_ruleset), ENOSYS, &c), 0);
	CHECK(!c.landlock && !c.landlock_network && !c.landlock_scope && c.seccomp && c.no_new_privs);
	CHECK_INT(on_kernel(SCMP_SYS(landlock_create_ruleset), EOPNOTSUPP, &c), 0);
	CHECK(!c.landlock && c.seccomp);
	CHECK_INT(on_kernel(SCMP_SYS(prctl), EINVAL, &c), 0);
	CHECK(!c.seccomp && c.no_new_privs);
	/* Refused, and not for want of it. */
	CHECK_INT(on_kernel(SCMP_SYS(landlock_create_ruleset), EPERM, &c), 0); /* a container with an old filter */
	CHECK_INT(c.landlock, 0);
	CHECK_INT(on_kernel(SCMP_SYS(landlock_create_ruleset), EIO, &c), -1);
	CHECK_INT(on_kernel(SCMP_SYS(landlock_restrict_self), E2BIG, &c), -1);
	CHECK_INT(on_kernel(SCMP_SYS(capset), EPERM, &c), -1);
	if (as_root) {
		CHECK_INT(on_kernel(SCMP_SYS(setresuid), EPERM, &c), -1);
		/* Said to be done, and not done. */
		CHECK_INT(on_kernel(SCMP_SYS(setresuid), 0, &c), -1);
		CHECK_INT(on_kernel(SCMP_SYS(setgroups), EPERM, &c), -1);
	}
}

static void *sleeps(void *unused)
{
	sleep(60);
	return unused;
}

/* Those would not be confined. */
static void several_threads(void)
{
	int status = 0;
	pid_t pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		struct error e = {0};
		struct confinement c;
		struct confine_request r = {.directory = -1};
		pthread_t t;
		NEED(pthread_create(&t, NULL, sleeps, NULL) == 0);
		_exit(confine_process(&r, &c, &e) < 0 && strstr(e.text, "threads") ? 0 : 1);
	}
	NEED(waitpid(pid, &status, 0) == pid);
	CHECK(SANITIZED || (WIFEXITED(status) && !WEXITSTATUS(status)));
}

/* Milliseconds of the quickest of some. */
static void quick(void)
{
	double best = 1e9;
	for (int i = 0; i < 10; i++) {
		int fds[2];
		double ms = 0;
		NEED(pipe(fds) == 0);
		pid_t pid = fork();
		NEED(pid >= 0);
		if (pid == 0) {
			struct error e = {0};
			struct timespec a, b;
			prepare();
			clock_gettime(CLOCK_MONOTONIC, &a);
			if (confine(&e) < 0)
				_exit(NOT_CONFINED);
			clock_gettime(CLOCK_MONOTONIC, &b);
			ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
			_exit(write(fds[1], &ms, sizeof ms) == sizeof ms ? 0 : 1);
		}
		NEED(read(fds[0], &ms, sizeof ms) == sizeof ms && waitpid(pid, NULL, 0) == pid);
		close(fds[0]);
		close(fds[1]);
		best = ms < best ? ms : best;
	}
	if (getenv("BACKPROOF_TEST_TIMES"))
		fprintf(stderr, "confined in %.2f ms\n", best);
	CHECK(best < 20);
}

static void told(void)
{
	autotext struct text t = {0}, j = {0};
	struct confinement c = {.no_new_privs = true, .seccomp = true, .landlock = 7, .landlock_network = true,
				.landlock_scope = true, .account = {"backproof", 5, 6}, .memory = 2 * GIB,
				.file_size = 20 * GIB, .files = 64, .cpu_seconds = 90, .reader = true};
	confinement_text(&c, &t);
	CHECK_STR(text_str(&t), "process: one of its own for each restore point, no new privileges\n"
				"user: backproof, no capabilities\n"
				"Landlock: ABI 7, scratch only, no TCP, no signals or abstract sockets outside\n"
				"seccomp: only the calls it needs\n"
				"limits: memory 2.0 GiB, files of at most 20 GiB, 64 descriptors, "
				"90 s of processor time\n");
	confinement_json(&c, &j);
	CHECK_STR(text_str(&j), "{\"reader\":true,\"no_new_privs\":true,\"seccomp\":true,\"landlock\":7,"
				"\"landlock_network\":true,\"landlock_scope\":true,\"account\":\"backproof\","
				"\"memory\":2147483648,\"file_size\":21474836480,\"files\":64,\"cpu_seconds\":90}");
	autotext struct text none = {0}, bare = {0};
	confinement_text(&(struct confinement){0}, &none);
	CHECK_STR(text_str(&none), "not confined: contents are read by this process itself\n");
	confinement_text(&(struct confinement){.reader = true, .no_new_privs = true}, &bare);
	CHECK(strstr(text_str(&bare), "Landlock: not in this kernel, or switched off\n"
				      "seccomp: not in this kernel\nlimits: none\n"));
	CHECK(strstr(text_str(&bare), "user: the one who started it"));
}

static void accounts(void)
{
	struct confine_account a;
	struct error e = {0};
	CHECK_INT(confine_account(&a, &e), 0);
	CHECK(a.uid && a.gid && (!strcmp(a.name, CONFINE_USER) || !strcmp(a.name, "nobody")));
}

/* A place that the process under test could change, if it were only for owners and modes. */
static void set_up(const char *round)
{
	struct timespec then[2] = {{4711, 0}, {4711, 0}};
	snprintf(outside, sizeof outside, "%s/outside-%s", dir, round);
	snprintf(canary, sizeof canary, "%s/canary", outside);
	snprintf(scratches, sizeof scratches, "%s/scratch-%s", dir, round);
	NEED(mkdir(outside, 0777) == 0 && chmod(outside, 0777) == 0 && mkdir(scratches, 0711) == 0);
	int fd = open(canary, O_WRONLY | O_CREAT, 0666);
	NEED(fd >= 0 && write(fd, "canary\n", 7) == 7 && fchmod(fd, 0666) == 0 && futimens(fd, then) == 0);
	close(fd);
	if (geteuid() == 0) {
		NEED(chown(canary, account.uid, account.gid) == 0 && chown(outside, account.uid, account.gid) == 0);
		NEED(as_root || chown(scratches, account.uid, account.gid) == 0);
	}
}

static void round_of_tests(void)
{
	RUN(other_kernels);
	RUN(all_permitted);
	RUN(all_forbidden);
	RUN(several_threads);
	RUN(quick);
}

/* The same as somebody who never was root. */
static void as_user(void)
{
	int status = 0;
	fflush(NULL);
	pid_t pid = fork();
	NEED(pid >= 0);
	if (pid == 0) {
		NEED(setgroups(0, NULL) == 0 && setresgid(account.gid, account.gid, account.gid) == 0 &&
		     setresuid(account.uid, account.uid, account.uid) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0);
		round_of_tests();
		_exit(test_failed ? 1 : 0);
	}
	NEED(waitpid(pid, &status, 0) == pid);
	CHECK_INT(status, 0);
}

static void cleared(void)
{
	autofree char *command = text_format("rm -rf '%s'", dir);
	NEED(command);
	CHECK_INT(system(command), 0);
}

int main(void)
{
	struct error e = {0};
	struct confinement c;
	NEED(mkdtemp(dir) && chmod(dir, 0755) == 0);
	RUN(told);
	RUN(accounts);
	NEED(confine_account(&account, &e) == 0);
	RUN(processor_time);
	inet_at = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(9), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	listening = socket(AF_INET, SOCK_STREAM, 0);
	NEED(listening >= 0 && listen(listening, 1) == 0);
	NEED(on_kernel(SCMP_SYS(getpid), 0, &c) == 0 || SANITIZED);
	in_force = c;
	if (geteuid() == 0) {
		as_root = true;
		set_up("root");
		round_of_tests();
		as_root = false;
	}
	set_up("user");
	if (geteuid() == 0)
		RUN(as_user);
	else
		round_of_tests();
	RUN(cleared);
	return test_done();
}
