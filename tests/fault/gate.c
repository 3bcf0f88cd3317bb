// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The whole gate on small real backups (see cases.sh), with the Nth allocation, read, write or other system
 * call of ours failing: whatever fails, the verdict must not be "safe". Each run is a forked child. The calls
 * are wrapped by the linker (see the Makefile), so only those of this program fail.
 *
 *     gate [CASE...]    RUNS=2000: so many of each kind and case
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backproof/gate.h"
#include "backproof/source.h"
#include "test.h"

enum kind { ALLOCATION, READ, WRITE, SYNC, KINDS };
static const char *const kind_names[KINDS] = {"allocation", "read", "write", "sync"};

static struct shared {
	_Atomic uint64_t calls[KINDS];
	uint64_t fail_at; /* 0: never */
	enum kind kind;
	int error;
	_Atomic int fired;
} *shared;

static _Thread_local bool harmless;

/* true when this call is the one to fail. */
static bool fails(enum kind k)
{
	if (!shared || harmless)
		return false;
	uint64_t n = ++shared->calls[k];
	if (shared->fail_at != n || shared->kind != k)
		return false;
	shared->fired = 1;
	if (getenv("TRACE")) { /* to be read with addr2line */
		void *frames[24];
		backtrace_symbols_fd(frames, backtrace(frames, 24), 2);
	}
	errno = shared->error;
	return true;
}

#include "wrap.h"
WRAP_MEMORY(ALLOCATION)
WRAP_FILES(READ, WRITE, SYNC)
WRAP(SYNC, int, -1, fsync, (int fd), (fd))

/* What is given up early and does not go is given up when it is closed: that proves nothing, whatever fails there. */
void __real_source_give_up(struct source *s);
void __wrap_source_give_up(struct source *s);
void __wrap_source_give_up(struct source *s)
{
	harmless = true;
	__real_source_give_up(s);
	harmless = false;
}

static char dir[64];
static char scratch[80], history[80];
static const char *current;
static struct strings from;
static struct config config;

/* A history that can't be used stands in nobody's way, if it is told. */
static bool is_told(const struct host_result *r)
{
	bool told = r->notes.count;
	for (size_t i = 0; i < r->findings.count; i++)
		told |= !strcmp(r->findings.items[i].check, "history.open");
	return told;
}

/* One check in this process; its code. */
static int check(void)
{
	bool remembered = !strcmp(current, "remembered");
	int depth = strcmp(current, "sampled") ? -1 : DEPTH_SAMPLE;
	struct gate_overrides o = {.depth = depth, .damage = 20000, .confidence = 900000, .max_age = -1,
				   .sample_files = 6, .sample_bytes = 1 << 20,
				   .scratch_limit = -1, .seed_given = true, .seed = 7, .scratch = scratch,
				   .history = remembered ? history : NULL};
	struct budget budget;
	struct host_result result;
	budget_init(&budget);
	struct gate_request r = {.host = "web01", .config = &config, .from = &from, .overrides = &o,
				 .budget = &budget};
	gate_check(&r, &result);
	int code = (int)result.verdict.code;
	if (shared->fail_at && code == CODE_SAFE && getenv("VERBOSE"))
		for (size_t i = 0; i < result.findings.count; i++)
			fprintf(stderr, "%s %s %s\n", result.findings.items[i].check,
				outcome_name(result.findings.items[i].outcome),
				result.findings.items[i].detail ? result.findings.items[i].detail : "");
	if (remembered && code == CODE_SAFE && is_told(&result))
		code = CODE_CANNOT_TELL;
	host_result_free(&result);
	return code;
}

/* Beside it, for the checks to find. In a child: threads of this process would be none of those that it forks. */
static void make_seal(void)
{
	int status;
	pid_t pid = fork();
	NEED(pid >= 0);
	if (pid) {
		NEED(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status));
		return;
	}
	struct gate_overrides o = {.depth = -1, .max_age = -1, .sample_files = 6, .sample_bytes = 1 << 20,
				   .scratch_limit = -1, .scratch = scratch};
	struct budget budget;
	struct seal_result result;
	budget_init(&budget);
	struct seal_request r = {.paths = &from, .overrides = &o, .budget = &budget};
	gate_seal(&r, &result);
	_exit(result.code != CODE_SAFE);
}

/* What ThreadSanitizer ends a program with (see tests/run): no code of ours. */
#define SANITIZER_EXIT 66

/* The code of a child in which the nth call of a kind fails; -1: it died. */
static int check_with(enum kind kind, uint64_t n, int error)
{
	memset(shared, 0, sizeof *shared);
	pid_t pid = fork();
	NEED(pid >= 0);
	if (!pid) {
		shared->kind = kind;
		shared->error = error;
		shared->fail_at = n;
		_exit(check());
	}
	int status;
	NEED(waitpid(pid, &status, 0) == pid);
	return WIFEXITED(status) && WEXITSTATUS(status) != SANITIZER_EXIT ? WEXITSTATUS(status) : -1;
}

/* All of the first calls, then a step at a time: what is rare is at the ends of the run, not in its loops. */
static void fail_each(enum kind kind, int error, uint64_t runs)
{
	const char *only = getenv("ONLY"), *wide = getenv("RUNS"); /* ONLY="read 34": this one alone */
	if (only && !strncmp(only, kind_names[kind], strlen(kind_names[kind])))
		fprintf(stderr, "code %d\n", check_with(kind, strtoull(strchr(only, ' '), NULL, 10), error));
	if (only)
		return;
	if (wide)
		runs = strtoull(wide, NULL, 10);
	CHECK_INT(check_with(kind, 0, 0), strcmp(current, "remembered") ? CODE_SAFE : CODE_DAMAGED);
	uint64_t calls = shared->calls[kind], failed = 0;
	struct rng rng = {kind + 1};
	for (uint64_t i = 0; i < runs && i < calls; i++) {
		uint64_t n = calls <= runs || i < runs / 3 ? i + 1 : 1 + rng_below(&rng, calls);
		int code = check_with(kind, n, error);
		/* Which chunk of a sealed file is damaged need not be known where none is. */
		bool spare = kind == ALLOCATION && !strcmp(current, "sealed");
		/* A call that only this run's timing made may not have come at all. */
		if ((shared->fired && code == CODE_SAFE && !spare) || code < 0) {
			fprintf(stderr, "%s: %s %llu of %llu failed, and the code is %d\n", current, kind_names[kind],
				(unsigned long long)n, (unsigned long long)calls, code);
			failed++;
		}
	}
	CHECK_INT(failed, 0);
}

static unsigned runs_of_each = 1;

static void allocations(void)
{
	fail_each(ALLOCATION, ENOMEM, 15 * runs_of_each);
}

static void reads(void)
{
	fail_each(READ, EIO, 12 * runs_of_each);
}

static void writes(void)
{
	fail_each(WRITE, ENOSPC, 6 * runs_of_each);
}

static void syncs(void)
{
	fail_each(SYNC, EIO, 2 * runs_of_each);
}

static void make_cases(int count, char **names)
{
	char command[600];
	size_t n = (size_t)snprintf(command, sizeof command, "tests/fault/cases.sh %s", dir);
	for (int i = 0; i < count && n < sizeof command; i++)
		n += (size_t)snprintf(command + n, sizeof command - n, " %s", names[i]);
	NEED(system(command) == 0);
}

/* It is remembered, and then altered where nothing but the history knows what was there. */
static void alter(const char *path)
{
	struct stat st;
	NEED(stat(path, &st) == 0 && check_with(READ, 0, 0) == CODE_SAFE);
	int fd = open(path, O_WRONLY);
	NEED(fd >= 0 && pwrite(fd, "x", 1, 400 * 512) == 1);
	NEED(futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim}) == 0 && close(fd) == 0);
}

static void one_case(char *name, unsigned runs)
{
	/* Some as a directory in which the newest is found, by its layout. */
	bool found = !strcmp(name, "vma") || !strcmp(name, "clonezilla");
	char pattern[128];
	glob_t g;
	snprintf(pattern, sizeof pattern, "%s/%s%s", dir, name, found ? "" : "/*");
	NEED(glob(pattern, 0, NULL, &g) == 0);
	from = (struct strings){.items = g.gl_pathv, .count = g.gl_pathc};
	current = name;
	if (!strcmp(name, "sealed") || !strcmp(name, "sampled"))
		make_seal();
	if (!strcmp(name, "remembered"))
		alter(g.gl_pathv[0]);
	runs_of_each = runs;
	RUN(allocations);
	RUN(reads);
	RUN(writes);
	RUN(syncs);
	globfree(&g);
}

int main(int argc, char **argv)
{
	static char plain[] = "plain", sealed[] = "sealed", sampled[] = "sampled",
		    remembered[] = "remembered", chain[] = "chain", vma[] = "vma", clonezilla[] = "clonezilla", btrfs[] = "btrfs", xfs[] = "xfs", ntfs[] = "ntfs";
	char *all[] = {plain, sealed, sampled, remembered, chain, vma, clonezilla, btrfs, xfs,
#if defined(HAVE_LIBNTFS_3G) && defined(HAVE_HIVEX)
		       ntfs
#endif
	};
	char command[128];
	(void)ntfs;
	int count = argc > 1 ? argc - 1 : (int)ARRAY_SIZE(all);
	char **names = argc > 1 ? argv + 1 : all;
	/* Scratch is synced in each run, which costs nothing in memory. */
	snprintf(dir, sizeof dir, "%s/backproof-fault-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	NEED(mkdtemp(dir));
	snprintf(scratch, sizeof scratch, "%s/scratch", dir);
	snprintf(history, sizeof history, "%s/history.db", dir);
	make_cases(count, names);
	NEED(policy_defaults((config.policies = calloc(1, sizeof *config.policies)), "default") == 0);
	config.policy_count = 1;
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(shared != MAP_FAILED);
	for (int i = 0; i < count; i++)
		one_case(names[i], strcmp(names[i], "plain") && strcmp(names[i], "sealed") && strcmp(names[i], "remembered") ? 3 : 6);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command) || test_done();
}
