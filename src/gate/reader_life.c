// SPDX-License-Identifier: GPL-3.0-or-later
/* How a reader ended, and what that makes of what it has said. */
#include "reader_life.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "backproof/merkle.h"

void reader_life_count(struct reader_life *r)
{
	char path[64];
	uint64_t n = 0;
	snprintf(path, sizeof path, "/proc/%ld/io", (long)r->pid);
	FILE *in = fopen(path, "re");
	char line[128];
	while (in && fgets(line, sizeof line, in)) {
		unsigned long long v;
		if (sscanf(line, "rchar: %llu", &v) == 1) {
			n = v;
			r->counted = true;
		}
	}
	if (in)
		fclose(in);
	r->kernel_bytes = n;
}

static void died(struct reader_life *r, int status)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	if (sig == SIGSYS)
		error_set(&r->why, ERROR_CORRUPT, ERROR_NO_OFFSET,
			  "it was ended by the kernel: it asked for what no reader has a reason to (SIGSYS)");
	else if (sig == SIGKILL)
		error_set(&r->why, ERROR_LIMIT, ERROR_NO_OFFSET,
			  "it was killed; by somebody, or because memory was short");
	else if (sig == SIGXCPU)
		error_set(&r->why, ERROR_LIMIT, ERROR_NO_OFFSET, "it used more processor time than it may");
	else if (sig)
		error_set(&r->why, ERROR_INTERNAL, ERROR_NO_OFFSET, "it crashed (%s)", strsignal(sig));
	else
		error_set(&r->why, ERROR_INTERNAL, ERROR_NO_OFFSET, "it ended without a result (exit %d)",
			  WEXITSTATUS(status));
}

/* It has a moment to go by itself; whatever it does after its result does it no good. */
void reader_life_reap(struct reader_life *r)
{
	int status = 0;
	pid_t got = 0;
	int64_t end = monotonic_ns() + (r->why.cls == ERROR_NONE ? GRACE_NS : 0);
	while ((got = waitpid(r->pid, &status, WNOHANG)) == 0 && monotonic_ns() < end) {
		const struct timespec t = {0, 1000000};
		nanosleep(&t, NULL);
	}
	bool killed = got == 0;
	if (killed) {
		kill(r->pid, SIGKILL);
		while (waitpid(r->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	if (r->why.cls != ERROR_NONE)
		return;
	if (killed)
		error_set(&r->why, ERROR_LIMIT, ERROR_NO_OFFSET, "it did not end");
	else if (got < 0)
		error_set(&r->why, ERROR_INTERNAL, ERROR_NO_OFFSET, "how it ended is not known");
	else if (!r->has_result || !WIFEXITED(status) || WEXITSTATUS(status))
		died(r, status);
}

/* A sample of chunks took as many reads as it says. */
static bool has_sampled(const struct reader_life *r, const struct chunk_sample *s)
{
	uint64_t whole = s->drawn > r->point->count ? s->drawn - r->point->count : 0, bytes;
	if (r->p->depth != DEPTH_SAMPLE || !s->total || s->bad || s->confidence < s->wanted)
		return false;
	return !r->counted || (s->bytes_read <= r->kernel_bytes && !mul_overflows(whole, MERKLE_CHUNK, &bytes) &&
			       bytes <= r->kernel_bytes);
}

/* No reader speaks for the bytes of a file that it has not read. */
static int compare_claims(const struct reader_life *r, const struct findings *f, const struct chunk_sample *sample,
			  struct error *e)
{
	const struct restore_point *point = r->point;
	if (findings_proof(f, PROOF_INTEGRITY) != OUTCOME_HELD || (sample && has_sampled(r, sample)))
		return 0;
	for (size_t i = 0; i < point->count; i++)
		if (point->items[i].size && !r->files[i].read_whole)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "it says that the bytes of %s are what they should be, and has not read them",
					 point->items[i].path);
	return 0;
}

void reader_life_judge(struct reader_life *r, struct findings *f, const struct chunk_sample *sample)
{
	struct error e = {0};
	/* Where nobody may ask the kernel, it is taken to have given all. */
	uint64_t bytes = r->counted ? r->kernel_bytes : UINT64_MAX;
	const char *label = r->point->label;
	if (r->why.cls == ERROR_NONE && (reader_keeper_judge(r->keeper, r->point, r->files, bytes, &e) < 0 ||
					 compare_claims(r, f, sample, &e) < 0)) {
		r->moved = e.cls == ERROR_BUSY;
		if (r->moved)
			finding_error(f, PROOF_PRESENCE, "part.same", label, &e);
		else
			r->why = e;
	}
	const struct confinement *c = &r->confinement;
	if (r->p->policy->confine == CONFINE_REQUIRED && (!c->seccomp || !c->no_new_privs))
		finding_add(f, PROOF_PRESENCE, "reader.confinement", label, OUTCOME_UNPROVEN, NULL,
			    "policy asks for a reader that is confined (confine = required), and this kernel can't "
			    "confine it");
	if (c->reader && !c->landlock)
		finding_add(f, PROOF_PRESENCE, "reader.confinement", label, OUTCOME_SKIPPED, NULL,
			    "this kernel has no Landlock, or it is switched off: %s",
			    c->seccomp ? "only a filter of calls confines the reader"
				       : "hardly anything confines the reader");
	/* Nothing that it has said counts: a proof that was held may have been held by nobody. */
	for (int i = 0; r->why.cls != ERROR_NONE && i < PROOF_COUNT; i++)
		finding_add(f, (enum proof)i, "reader.ended", label, OUTCOME_UNPROVEN,
			    &(struct finding_text){.error = r->why.cls},
			    "the process that read it came to no result: %s", r->why.text);
}
