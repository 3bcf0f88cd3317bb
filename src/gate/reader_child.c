// SPDX-License-Identifier: GPL-3.0-or-later
/* The reader itself: takes its request, shuts itself in, looks, and tells. */
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>

#include "backproof/door.h"
#include "backproof/footprint.h"
#include "backproof/pace.h"
#include "backproof/pool.h"
#include "look.h"
#include "past.h"
#include "run.h"
#include "sealing.h"

#define FILES_OPEN 4096
#define TELL_NS 100000000 /* between two words on how far it is */

/* Libraries that open files when they are first used do it now. */
static void open_what_is_needed(void)
{
	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CRYPTO_STRINGS, NULL);
	EVP_MD_free(EVP_MD_fetch(NULL, "SHA256", NULL));
	tzset();
	system_keep();
	(void)pool_width();
}

static int shut_in(const struct reader_request *r, struct error *e)
{
	struct confinement state;
	struct wire_out w = {0};
	const struct confine_request c = {.directory = READER_SCRATCH,
					  .account = r->has_account ? &r->account : NULL,
					  .restores = r->task == READER_EXTRACT,
					  .target = READER_TARGET,
					  .memory = r->memory,
					  .files = FILES_OPEN};
	if (confine_process(&c, &state, e) < 0)
		return -1;
	state.reader = true;
	if (state.memory)
		error_memory_is_limited();
	reader_confined_put(&w, &state);
	reader_door_say(READER_CONFINED, &w);
	return 0;
}

static void *tell(void *arg)
{
	for (;;) {
		struct timespec t = {0, TELL_NS};
		nanosleep(&t, NULL);
		reader_door_progress(arg);
	}
	return NULL;
}

static struct scratch *open_scratch(const struct reader_request *r, struct error *e)
{
	int here = r->task == READER_EXTRACT ? READER_TARGET : READER_SCRATCH;
	return fchdir(here) < 0 ? (error_sys(e, "scratch"), NULL)
				: scratch_adopt(READER_SCRATCH, r->policy.scratch_limit, e);
}

static bool stop_is_told;

static int check(struct reader_request *r, struct wire_out *result, struct error *e)
{
	struct host_result out = {.checked_at = r->p.now, .depth = r->p.depth, .seed = r->p.seed};
	autofree struct reader_file *files = calloc(r->point.count + 1, sizeof *files);
	out.host = strdup(r->host);
	out.policy = strdup(r->policy.name ? r->policy.name : "");
	out.point_label = strdup(r->point.label);
	if (!files || !out.host || !out.policy || !out.point_label || findings_init(&out.findings) < 0)
		return error_nomem(e);
	run_here(&r->point, &r->p, &out, files);
	vec_each(&out.findings, it) stop_is_told |= !strcmp(it->check, "run.stopped");
	reader_result_put(result, &out, files, r->point.count);
	return 0;
}

static int work(struct reader_request *r, struct wire_out *result, struct error *e)
{
	static struct budget budget; /* the thread that tells of it stays alive */
	pthread_t teller;
	struct scratch *scratch = open_scratch(r, e);
	struct pace *pace = r->paced ? pace_asking((size_t)r->piece, reader_door_pace, e) : NULL;
	if (!scratch || (r->paced && !pace))
		return -1;
	budget_init(&budget);
	budget.deadline_ns = r->deadline_ns;
	budget.pace = pace;
	r->p.budget = &budget;
	r->p.scratch = scratch;
	r->p.remember = r->remember;
	r->p.looking = r->task != READER_CHECK && r->task != READER_SEAL && r->task != READER_CHUNKS;
	r->p.sealing = r->task == READER_SEAL;
	if (shut_in(r, e) < 0)
		return -1;
	if (pthread_create(&teller, NULL, tell, &budget) == 0)
		pthread_detach(teller);
	if (r->task == READER_CHUNKS)
		return past_seals_inside(&r->point, result), 0;
	return r->task == READER_CHECK	? check(r, result, e)
	       : r->task == READER_SEAL ? sealing_inside(r, result, e)
					: look_inside(r, result, e);
}

/* Nothing can be said of what went wrong but by how it ends: the gate has its own words for that. */
int gate_reader(void)
{
	struct reader_request r;
	struct wire_out w = {0};
	struct error e = {0};
	size_t length;
	uint8_t head[READER_HEAD];
	autofree void *data = reader_hear(READER_REQUEST, READER_REQUEST_MOST, &length, NULL);
	if (!data || reader_request_get(data, length, &r, &e) < 0)
		return CODE_USAGE;
	/* Whoever started us is to learn what we find: without him there is nothing to do. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != (pid_t)r.parent)
		_exit(EXIT_FAILURE);
	(void)syscall(SYS_close_range, r.task == READER_EXTRACT ? READER_TARGET + 1 : READER_SCRATCH + 1, ~0u, 0u);
	pool_set_width(r.width);
	open_what_is_needed();
	footprint_assume_ahead(r.ahead);
	reader_door_open(READER_SOCKET);
	if (work(&r, &w, &e) < 0) {
		dprintf(STDERR_FILENO, "backproof reader: %s\n", e.text);
		_exit(CODE_INTERNAL);
	}
	/* It was to stop, and that is not among the findings: it came behind them, and who sent it wants no result. */
	if (stop_signal && !stop_is_told)
		_exit(EXIT_FAILURE);
	reader_door_say(READER_RESULT, &w);
	/* The gate looks at what the kernel has counted of us while we wait. */
	(void)!reader_receive(READER_SOCKET, head, sizeof head, NULL, &e);
	_exit(EXIT_SUCCESS);
}
