// SPDX-License-Identifier: GPL-3.0-or-later
/* This program again, as a process that confines itself before it looks at anything. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>

#include "peeker.h"
#include "reader.h"

#define FDS_MOST (READER_TARGET + 1 - READER_SOCKET)

static const char *program;

void gate_readers(const char *path)
{
	program = path;
	peeker_use(path != NULL);
}

bool reader_wanted(const struct policy *p)
{
	return program && p->confine != CONFINE_NO;
}

static bool pass_on(const char *variable)
{
	static const char *const names[] = {"BACKPROOF_", "LD_",     "ASAN_", "LSAN_", "UBSAN_", "TSAN_",
					    "GCOV_",	  "LLVM_PRO", "TZ=",   "MALLOC", "GLIBC_"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strncmp(variable, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Nothing of what is in our environment is its business. */
static char **environment(void)
{
	size_t n = 0, count = 0;
	while (environ[count])
		count++;
	char **out = calloc(count + 1, sizeof *out);
	for (size_t i = 0; out && i < count; i++)
		if (pass_on(environ[i]))
			out[n++] = environ[i];
	return out;
}

static int spawn(const char *mode, const int fds[], size_t count, pid_t *pid)
{
	char name[] = "backproof", what[16];
	char *const args[] = {name, what, NULL};
	posix_spawn_file_actions_t actions;
	autofree char **env = environment();
	snprintf(what, sizeof what, "%s", mode);
	if (!env || posix_spawn_file_actions_init(&actions) != 0)
		return ENOMEM;
	/* What it writes would come to somebody's terminal. */
	int rc = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDOUT_FILENO);
/* A sanitizer has something to say. */
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
	rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, STDIN_FILENO, STDERR_FILENO);
#endif
	for (size_t i = 0; i < count; i++)
		rc = rc ? rc : posix_spawn_file_actions_adddup2(&actions, fds[i], READER_SOCKET + (int)i);
	rc = rc ? rc : posix_spawn(pid, program, &actions, NULL, args, env);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

int reader_spawn(const char *mode, const int fds[], size_t count, pid_t *pid, struct error *e)
{
	int high[FDS_MOST] = {-1, -1, -1}, rc = 0;
	/* What it gets by number must not have one of those numbers here. */
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = (high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, READER_TARGET + 1)) < 0 ? errno : 0;
	if (rc == 0)
		rc = spawn(mode, high, count, pid);
	for (size_t i = 0; i < count; i++)
		close_auto(&high[i]);
	errno = rc;
	return rc ? error_sys(e, "starting a reader (%s)", program) : 0;
}
