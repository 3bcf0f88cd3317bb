// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * BACKPROOF_FAULT: rules [WHO:]CALL:WHICH:WHAT[@PATH], with commas between. Each counts the calls that it is about, in
 * each process by itself. All is read before main, so that a process which may open nothing any more has it too.
 */
#include "under.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define VARIABLE "BACKPROOF_FAULT"
#define COUNTS "BACKPROOF_FAULT_COUNTS"
#define RULES 16

/*
 * One line of the file of counts a process (od -An -v -w512 -tu8): who, rules that struck, and calls of each kind, from
 * the fourth number on our own, from the 34th on those of libraries.
 */
struct line {
	_Atomic uint64_t pid, is_reader, struck, kinds[UNDER_KIND_COUNT];
	uint64_t rest[33 - 3 - UNDER_KIND_COUNT];
	_Atomic uint64_t of_libraries[UNDER_KIND_COUNT];
	uint64_t more[31 - UNDER_KIND_COUNT];
};
_Static_assert(sizeof(struct line) == 512, "a line is 512 bytes");
#define LINES 1024

struct rule {
	bool library;	      /* calls of libraries, instead of those of our own */
	int kind;	      /* -1: by the name of the function */
	char name[32];
	uint64_t first, last; /* of the calls it is about */
	uint64_t one_in;      /* 0: each of them */
	int error, sig;
	bool shortly;
	int64_t sleep_ns;
	bool has_path;
	char path[512];
	struct stat file; /* st_ino 0: it was not there at the start */
	_Atomic uint64_t calls;
};

static const char *const kind_names[] = {
#define K(name, text) text,
	UNDER_KINDS(K)
#undef K
};

static const struct {
	const char *name;
	int number;
} errors[] = {
	{"EIO", EIO},	    {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"ESTALE", ESTALE}, {"EINTR", EINTR},
	{"ENOMEM", ENOMEM}, {"EMFILE", EMFILE}, {"ENFILE", ENFILE}, {"EACCES", EACCES}, {"EPERM", EPERM},
	{"EAGAIN", EAGAIN}, {"ENOENT", ENOENT}, {"EROFS", EROFS},   {"EPIPE", EPIPE},	{"ETIMEDOUT", ETIMEDOUT},
	{"EBUSY", EBUSY},   {"EFBIG", EFBIG},	{"ENOLCK", ENOLCK}, {"ENOTCONN", ENOTCONN}, {"EREMOTEIO", EREMOTEIO},
	{"ELOOP", ELOOP},   {"EINVAL", EINVAL}, {"ENODEV", ENODEV}, {"ENXIO", ENXIO},	{"EHOSTDOWN", EHOSTDOWN},
};
static const struct {
	const char *name;
	int number;
} signals[] = {
	{"SIGTERM", SIGTERM}, {"SIGINT", SIGINT},   {"SIGHUP", SIGHUP},	  {"SIGPIPE", SIGPIPE}, {"SIGKILL", SIGKILL},
	{"SIGSTOP", SIGSTOP}, {"SIGXCPU", SIGXCPU}, {"SIGXFSZ", SIGXFSZ}, {"SIGSEGV", SIGSEGV}, {"SIGABRT", SIGABRT},
};

static struct rule rules[RULES];
static unsigned rule_count;
static bool is_reader;
static const char *const variables[2] = {VARIABLE, COUNTS};
static char *values[2]; /* as they were at the start: a program may clear its environment */
static struct line *lines; /* NULL: nobody counts */
static _Atomic pid_t counted;
static struct line *_Atomic mine;

static void refuse(const char *spec)
{
	dprintf(2, VARIABLE ": what does \"%s\" mean? (tests/fault/README.md)\n", spec);
	_exit(64);
}

/* "7", "7+", "7-9", "*", "1/20" */
static bool parse_which(const char *s, struct rule *r)
{
	char *end;
	r->first = 1;
	r->last = UINT64_MAX;
	if (!strcmp(s, "*"))
		return true;
	r->first = r->last = strtoull(s, &end, 10);
	if (end == s || !r->first)
		return false;
	if (*end == '+' && !end[1]) {
		r->last = UINT64_MAX;
		return true;
	}
	if (*end == '-' || *end == '/') {
		uint64_t n = strtoull(end + 1, &end, 10);
		if (s[1] == '/') {
			r->one_in = n;
			r->first = 1;
			r->last = UINT64_MAX;
		} else {
			r->last = n;
		}
		return n && !*end;
	}
	return !*end;
}

static bool parse_what(const char *s, struct rule *r)
{
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (!strcmp(errors[i].name, s))
			return (r->error = errors[i].number);
	for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
		if (!strcmp(signals[i].name, s))
			return (r->sig = signals[i].number);
	if (!strcmp(s, "short"))
		return (r->shortly = true);
	char *end;
	if (strncmp(s, "slow=", 5))
		return false;
	unsigned long long n = strtoull(s + 5, &end, 10);
	r->sleep_ns = (int64_t)n * (!strcmp(end, "us") ? 1000 : !strcmp(end, "ms") ? 1000000 : 1000000000);
	return end != s + 5 && (!strcmp(end, "us") || !strcmp(end, "ms") || !strcmp(end, "s"));
}

static bool parse_rule(char *spec)
{
	struct rule *r = &rules[rule_count];
	static char no_memory[] = "ENOMEM";
	char *parts[6] = {NULL}, *save = NULL, *path = strchr(spec, '@');
	unsigned n = 0;
	memset(r, 0, sizeof *r);
	if (path) {
		*path++ = '\0';
		if (strlen(path) >= sizeof r->path)
			return false;
		strcpy(r->path, path);
		r->has_path = true;
		if (stat(path, &r->file) < 0)
			r->file.st_ino = 0;
	}
	for (char *p = strtok_r(spec, ":", &save); p && n < 5; p = strtok_r(NULL, ":", &save))
		parts[n++] = p;
	char **part = parts;
	bool others = false;
	for (; n; part++, n--) {
		if (!strcmp(*part, "library"))
			r->library = true;
		else if (!strcmp(*part, "gate") || !strcmp(*part, "reader"))
			others = is_reader != !strcmp(*part, "reader");
		else
			break;
	}
	/* alloc:1000 */
	if (n == 2 && !strcmp(part[0], "alloc"))
		part[n++] = no_memory;
	if (n != 3 || strlen(part[0]) >= sizeof r->name || !parse_which(part[1], r) || !parse_what(part[2], r))
		return false;
	strcpy(r->name, part[0]);
	r->kind = -1;
	for (int k = 0; k < UNDER_KIND_COUNT; k++)
		if (!strcmp(kind_names[k], part[0]))
			r->kind = k;
	if (!others)
		rule_count++;
	return true;
}

static void read_rules(const char *text)
{
	static char copy[4096];
	char *save = NULL;
	if (strlen(text) >= sizeof copy)
		refuse(text);
	strcpy(copy, text);
	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		char whole[1024];
		snprintf(whole, sizeof whole, "%s", s);
		if (rule_count == RULES || !parse_rule(s))
			refuse(whole);
	}
}

/* In shared memory, so that a process which is killed, or may write nowhere, has counted all the same. */
static void open_counts(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0 || ftruncate(fd, (LINES + 1) * sizeof *lines) < 0)
		refuse(path);
	void *p = mmap(NULL, (LINES + 1) * sizeof *lines, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		refuse(path);
	close(fd);
	lines = p;
}

/* This process's; a forked one gets another. The first line holds how many there are. */
static struct line *line(void)
{
	pid_t pid = getpid();
	if (!lines)
		return NULL;
	if (counted != pid) {
		uint64_t n = 1 + atomic_fetch_add(&lines[0].pid, 1);
		mine = &lines[n <= LINES ? n : LINES];
		mine->pid = (uint64_t)pid;
		mine->is_reader = is_reader;
		counted = pid;
	}
	return mine;
}

__attribute__((constructor)) static void start(int argc, char **argv)
{
	for (int i = 0; i < 2; i++) {
		const char *value = getenv(variables[i]);
		values[i] = value && *value ? strdup(value) : NULL;
	}
	const char *spec = values[0], *counts = values[1];
	is_reader = argc > 1 && !strcmp(argv[1], "reader");
	if (counts)
		open_counts(counts);
	if (spec)
		read_rules(spec);
	(void)line();
}

/* The linker's. */
extern const char __executable_start[], etext[];

static bool is_about(struct rule *r, enum under_kind kind, const char *name, int fd, const char *path,
		     bool library)
{
	struct stat st;
	if (r->library != library || (r->kind >= 0 ? r->kind != (int)kind : strcmp(r->name, name)))
		return false;
	if (!r->has_path)
		return true;
	if (path)
		return !strcmp(path, r->path);
	return fd >= 0 && r->file.st_ino && under_fstat(fd, &st) == 0 && st.st_ino == r->file.st_ino &&
	       st.st_dev == r->file.st_dev;
}

/* What the kernel tells of itself is asked for hints, and nothing is kept there: such calls are none of anybody's. */
static bool is_kernels(int fd, const char *path)
{
	static const char *const places[] = {"/proc", "/sys", "/sys/fs/cgroup"};
	struct stat st, place;
	if (path)
		return (!strncmp(path, "/proc/", 6) && strncmp(path, "/proc/self/fd/", 14)) || !strncmp(path, "/sys/", 5);
	if (fd < 0 || under_fstat(fd, &st) < 0)
		return false;
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (under_stat(places[i], &place) == 0 && place.st_dev == st.st_dev)
			return true;
	return false;
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 31;
	x *= UINT64_C(0x9e3779b97f4a7c15);
	x ^= x >> 29;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	return x ^ x >> 32;
}

struct under under_call(enum under_kind kind, const char *name, int fd, const char *path, const void *caller)
{
	bool library = caller && ((const char *)caller < __executable_start || (const char *)caller >= etext);
	struct under u = {0};
	int saved = errno;
	/* Libraries are set up before this program is. */
	static _Atomic bool resolved;
	if (!resolved) {
		under_resolve();
		resolved = true;
	}
	if ((!rule_count && !lines) || is_kernels(fd, path)) {
		errno = saved;
		return u;
	}
	struct line *l = line();
	if (l)
		(library ? l->of_libraries : l->kinds)[kind]++;
	for (unsigned i = 0; i < rule_count; i++) {
		struct rule *r = &rules[i];
		if (!is_about(r, kind, name, fd, path, library))
			continue;
		uint64_t n = ++r->calls;
		if (n < r->first || n > r->last || (r->one_in && mix(n * RULES + i) % r->one_in))
			continue;
		if (l)
			l->struck++;
		u.salt = (unsigned)mix(n);
		if (r->sleep_ns) {
			struct timespec t = {r->sleep_ns / 1000000000, r->sleep_ns % 1000000000};
			nanosleep(&t, NULL);
		}
		if (r->sig)
			kill(getpid(), r->sig);
		u.shortly |= r->shortly;
		if (r->error)
			u.error = r->error;
	}
	errno = saved;
	return u;
}

size_t under_shorter(struct under u, size_t n)
{
	return u.shortly && n > 1 ? 1 + u.salt % (n - 1) : n;
}

char **under_environment(char *const given[])
{
	size_t n = 0, at;
	while (given && given[n])
		n++;
	char **all = calloc(n + 3, sizeof *all);
	if (!all)
		return NULL;
	for (at = 0; at < n; at++)
		all[at] = given[at];
	for (size_t i = 0; i < 2; i++) {
		size_t len = strlen(variables[i]);
		bool there = !values[i];
		for (size_t k = 0; k < n; k++)
			there |= !strncmp(given[k], variables[i], len) && given[k][len] == '=';
		if (!there && asprintf(&all[at], "%s=%s", variables[i], values[i]) >= 0)
			at++;
	}
	return all;
}
