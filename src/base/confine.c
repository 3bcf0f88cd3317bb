// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The order matters: what needs files or powers comes first, and the filter of calls last, because it takes away the
 * calls that the rest is made of.
 */
#include "confine.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

static int limit_one(int which, const char *name, uint64_t wanted, uint64_t most, struct error *e)
{
	struct rlimit now, limit = {.rlim_cur = wanted, .rlim_max = most};
	if (getrlimit(which, &now) < 0)
		return error_sys(e, "limit %s", name);
	/* A lower one that is there already stays. */
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < limit.rlim_max)
		limit.rlim_max = now.rlim_max;
	if (limit.rlim_cur > limit.rlim_max)
		limit.rlim_cur = limit.rlim_max;
	return setrlimit(which, &limit) < 0 ? error_sys(e, "limit %s", name) : 0;
}

/* Processes are not limited: the kernel counts them a user, and nobody has others. The filter lets none be made. */
static int limit_all(const struct confine_request *r, struct confinement *out, struct error *e)
{
	if (limit_one(RLIMIT_CORE, "of core dumps", 0, 0, e) < 0)
		return -1;
	if (r->memory && !CONFINE_SANITIZED) {
		if (limit_one(RLIMIT_DATA, "of memory", r->memory, r->memory, e) < 0)
			return -1;
		out->memory = r->memory;
	}
	if (r->file_size && limit_one(RLIMIT_FSIZE, "of the size of files", r->file_size, r->file_size, e) < 0)
		return -1;
	if (r->files && limit_one(RLIMIT_NOFILE, "of open files", r->files, r->files, e) < 0)
		return -1;
	/* SIGXCPU, which tells why it ended, comes first; SIGKILL to who does not mind. */
	if (r->cpu_seconds > 0 && limit_one(RLIMIT_CPU, "of processor time", (uint64_t)r->cpu_seconds,
					    (uint64_t)r->cpu_seconds + 1, e) < 0)
		return -1;
	/* Too large a file is an error of the write that would make it so, and a finding; not the end. */
	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return error_sys(e, "limit of the size of files");
	out->file_size = r->file_size;
	out->files = r->files;
	out->cpu_seconds = r->cpu_seconds > 0 ? r->cpu_seconds : 0;
	return 0;
}

/* Landlock and capabilities are a thread's own: others that are alive would not be confined. */
static int only_thread(struct error *e)
{
	struct stat st;
	if (CONFINE_SANITIZED || stat("/proc/self/task", &st) < 0 || st.st_nlink <= 3)
		return 0;
	return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "there are other threads that would not be confined");
}

int confine_process(const struct confine_request *r, struct confinement *out, struct error *e)
{
	memset(out, 0, sizeof *out);
	if (only_thread(e) < 0)
		return -1;
	confine_warm();
	autodestroy(confine_filter_free_auto) struct confine_filter *filter = confine_filter_new(e);
	if (!filter || confine_user(r, out, e) < 0)
		return -1;
	/* Before the rest: without it, neither Landlock nor a filter may be put in force. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_sys(e, "no_new_privs");
	out->no_new_privs = true;
	if (confine_landlock(r, out, e) < 0 || limit_all(r, out, e) < 0)
		return -1;
	return confine_filter_load(filter, out, e);
}
