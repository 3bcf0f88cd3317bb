// SPDX-License-Identifier: GPL-3.0-or-later
/* What a reader might do to the machine it runs on. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "attempt.h"
#include "backproof/door.h"

#define SCRATCH 4 /* the descriptor */

static bool can_read(int fd)
{
	char c;
	return fd >= 0 && read(fd, &c, 1) == 1;
}

static bool open_file(const char *path)
{
	return can_read(open(path, O_RDONLY));
}
/* By the gate, which may read it. */
static bool ask_for(const char *path)
{
	return can_read(door_open(path, DOOR_READ)) || can_read(door_open(path, DOOR_DIRECT));
}
/* Each of what it may have, as often as it gets it. What the gate has open is for other hosts, too. */
static bool ask_endlessly(const char *path)
{
	for (int i = 0; i < 20000; i++) {
		int fd = door_open(path, DOOR_READ);
		if (fd < 0)
			return false;
		if (i < 3000)
			continue;
		close(fd);
	}
	return false;
}
static bool ask_about(const char *path)
{
	struct stat st;
	return door_stat(path, true, &st) == 0;
}
static bool ask_for_names(const char *path)
{
	struct strings names = {0};
	return door_names(path, NULL, 10, &names) == 0 && names.count;
}
static bool ask_for_way(const char *path)
{
	return door_realpath(path) != NULL;
}

static bool write_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	return fd >= 0 && write(fd, "x", 1) == 1;
}
static bool write_above(const char *path)
{
	int fd = openat(SCRATCH, path, O_WRONLY | O_CREAT, 0644);
	return fd >= 0 && write(fd, "x", 1) == 1;
}
static bool write_through_link(const char *path)
{
	if (symlinkat(path, SCRATCH, "link") < 0)
		return false;
	int fd = openat(SCRATCH, "link", O_WRONLY | O_CREAT, 0644);
	return fd >= 0 && write(fd, "x", 1) == 1;
}
/* Every descriptor that it holds. */
static bool write_held(const char *unused)
{
	bool wrote = false;
	(void)unused;
	for (int fd = 5; fd < 200; fd++) {
		char path[64];
		struct stat st;
		if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink == 0)
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		int again = open(path, O_WRONLY);
		wrote = wrote || pwrite(fd, "x", 1, 0) == 1 || ftruncate(fd, 0) == 0 || again >= 0;
		if (geteuid() == st.st_uid)
			continue; /* whose own it is, may do that: a backup should not be its checker's */
		wrote = wrote || fchmod(fd, 0777) == 0 || futimens(fd, NULL) == 0;
	}
	return wrote;
}
static bool remove_file(const char *path)
{
	return unlink(path) == 0;
}
static bool change_file(const char *path)
{
	return truncate(path, 0) == 0 || syscall(SYS_fchmodat, AT_FDCWD, path, 0777) == 0 || rename(path, "gone") == 0 ||
	       link(path, "here") == 0;
}

static bool connect_tcp(const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
				.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
}
static bool send_udp(const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
				.sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	return fd >= 0 && sendto(fd, "x", 1, 0, (struct sockaddr *)&a, sizeof a) == 1;
}
static bool connect_unix(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	return fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
}
/* The one socket it has, as another. */
static bool connect_held(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
	return connect(3, (struct sockaddr *)&a, sizeof a) == 0;
}

static bool run_program(const char *path)
{
	char *const args[] = {(char *)(uintptr_t)path, NULL};
	execv(path, args);
	return false;
}
static bool run_own(const char *script)
{
	int fd = openat(SCRATCH, "own", O_WRONLY | O_CREAT, 0755);
	if (fd < 0 || write(fd, script, strlen(script)) < 0 || close(fd) < 0)
		return false;
	char *const args[] = {(char *)"own", NULL};
	execveat(SCRATCH, "own", args, args + 1, 0);
	return false;
}
static bool fork_process(const char *unused)
{
	(void)unused;
	return fork() >= 0;
}
static bool raw_fork(const char *unused)
{
	(void)unused;
	return syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) >= 0;
}
static bool kill_gate(const char *unused)
{
	(void)unused;
	return kill(getppid(), SIGKILL) == 0;
}
static bool kill_all(const char *unused)
{
	(void)unused;
	return kill(-1, 0) == 0;
}
static bool trace_gate(const char *unused)
{
	(void)unused;
	return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) == 0;
}
static bool gate_memory(const char *unused)
{
	char path[64];
	(void)unused;
	snprintf(path, sizeof path, "/proc/%d/mem", (int)getppid());
	return open(path, O_RDWR) >= 0;
}
static bool gate_environment(const char *unused)
{
	char path[64];
	(void)unused;
	snprintf(path, sizeof path, "/proc/%d/environ", (int)getppid());
	return open_file(path);
}
static bool gate_descriptor(const char *unused)
{
	(void)unused;
	int fd = (int)syscall(SYS_pidfd_open, getppid(), 0);
	return fd >= 0;
}
static bool become_root(const char *unused)
{
	(void)unused;
	return (geteuid() != 0 && syscall(SYS_setresuid, 0, 0, 0) == 0) || syscall(SYS_setuid, 0) == 0;
}
static bool new_namespace(const char *unused)
{
	(void)unused;
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
}
static bool raise_limits(const char *unused)
{
	static const int limits[] = {RLIMIT_CORE, RLIMIT_DATA, RLIMIT_NOFILE, RLIMIT_CPU, RLIMIT_FSIZE};
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		struct rlimit l = {RLIM_INFINITY, RLIM_INFINITY};
		if (setrlimit(limits[i], &l) == 0 || prlimit(0, limits[i], &l, NULL) == 0)
			return true;
	}
	return false;
}
static bool write_code(const char *unused)
{
	(void)unused;
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

/* More than so many MiB: of address space, which is what counts. Nothing of it is touched. */
static bool eat_memory(const char *mib)
{
	uint64_t most = strtoull(mib, NULL, 10), have = 0;
	while (have < most && mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		have += 64;
	if (mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		return true;
	return have >= most;
}
/* In files that are nowhere. */
static bool eat_memory_files(const char *mib)
{
	static char block[1024 * 1024] = "x";
	uint64_t most = strtoull(mib, NULL, 10);
	int fd = -1;
	for (uint64_t have = 0; have < most; have++) {
		if (have % 64 == 0)
			fd = memfd_create("eat", 0);
		if (fd < 0 || write(fd, block, sizeof block) != (ssize_t)sizeof block)
			return false;
		usleep(5000);
	}
	return true;
}
/* More than so many MiB, in files without names and with. */
static bool fill_disk(const char *mib)
{
	static char block[1024 * 1024] = "x";
	uint64_t most = strtoull(mib, NULL, 10), have = 0;
	int fd = -1;
	while (have < most) {
		char name[32];
		snprintf(name, sizeof name, "fill%llu", (unsigned long long)have);
		if (have % 64 == 0)
			fd = have % 128 ? openat(SCRATCH, name, O_WRONLY | O_CREAT, 0600)
					: openat(SCRATCH, ".", O_TMPFILE | O_WRONLY, 0600);
		if (fd < 0 || write(fd, block, sizeof block) != (ssize_t)sizeof block)
			return false;
		have++;
		usleep(5000);
	}
	return true;
}
static bool spin(const char *unused)
{
	(void)unused;
	for (volatile unsigned i = 0;; i++)
		;
	return false;
}
static bool sleep_on(const char *unused)
{
	(void)unused;
	for (;;)
		sleep(1000);
	return false;
}
static bool stop_itself(const char *unused)
{
	(void)unused;
	kill(getpid(), SIGSTOP);
	return false;
}
static bool crash(const char *unused)
{
	(void)unused;
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
	return false;
}
static bool ends_well(const char *unused)
{
	(void)unused;
	_exit(0);
	return false;
}
static bool gives_up(const char *unused)
{
	(void)unused;
	abort();
	return false;
}

const struct attempt attempts_break_out[] = {
#define A(fn) {#fn, fn}
	A(open_file), A(ask_for), A(ask_endlessly), A(ask_about), A(ask_for_names), A(ask_for_way), A(write_file),
	A(write_above), A(write_through_link), A(write_held), A(remove_file), A(change_file), A(connect_tcp), A(send_udp),
	A(connect_unix), A(connect_held), A(run_program), A(run_own), A(fork_process), A(raw_fork), A(kill_gate),
	A(kill_all), A(trace_gate), A(gate_memory), A(gate_environment), A(gate_descriptor), A(become_root),
	A(new_namespace), A(raise_limits), A(write_code), A(eat_memory), A(eat_memory_files), A(fill_disk), A(spin),
	A(sleep_on), A(stop_itself), A(crash), A(ends_well), A(gives_up), {0},
};
