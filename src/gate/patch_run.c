// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The command and the check after it, while they run. They are in our process group, so that a terminal's signals and
 * its foreground are theirs as well as ours: what the kernel says to all of us is not said a second time.
 */
#include "patch.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "backproof/budget.h"

#define LOOK_MS 1000

static const int passed_on[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT};
static const struct program *_Atomic running;
static volatile sig_atomic_t starting;
static volatile sig_atomic_t early[NSIG]; /* came before there was somebody to have it */

/* By a process, and not by the kernel on behalf of a terminal. */
static bool was_sent(const siginfo_t *info)
{
	return info->si_code <= 0;
}

static void pass_on(int sig, siginfo_t *info, void *context)
{
	const struct program *to = running;
	(void)context;
	if (!was_sent(info) && starting)
		return;
	if (to)
		program_signal(to, sig);
	else
		early[sig] = 1;
}

static void listen_for(struct sigaction old[ARRAY_SIZE(passed_on)])
{
	struct sigaction act = {.sa_sigaction = pass_on, .sa_flags = SA_SIGINFO | SA_RESTART};
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++) {
		early[passed_on[i]] = 0;
		/* What whoever started us wants nobody to hear stays so: nohup, and shells in the background. */
		if (sigaction(passed_on[i], NULL, &old[i]) == 0 && old[i].sa_handler != SIG_IGN)
			sigaction(passed_on[i], &act, NULL);
	}
}

static void listen_no_more(const struct sigaction old[ARRAY_SIZE(passed_on)])
{
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		sigaction(passed_on[i], &old[i], NULL);
}

/* To its end. It is in *p whatever happens. */
static void run(struct patch *patch, const struct program_request *r, struct program *p)
{
	struct error unsaid;
	starting = 1;
	if (program_start(r, p, &unsaid) < 0)
		return;
	running = p;
	for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
		if (early[passed_on[i]])
			program_signal(p, passed_on[i]);
	while (!program_wait(p, LOOK_MS))
		patch_renew_leases(patch);
	running = NULL;
}

static void run_command(struct patch *patch, struct patch_record *record)
{
	struct program_request r = {.words = patch->q.command, .input = true, .out = PROGRAM_INHERIT,
				    .err = PROGRAM_INHERIT};
	struct program p;
	run(patch, &r, &p);
	record->state = p.state;
	record->status = p.status;
	record->ended_at = (int64_t)time(NULL);
	program_free(&p);
}

/* What is said on standard output is the command's alone. */
static void run_post(struct patch *patch, struct patch_record *record)
{
	struct strings words = {0}, more = {0};
	autofree char *host = text_format("BACKPROOF_HOST=%s", record->host);
	autofree char *status = text_format("BACKPROOF_STATUS=%d", program_shell_status(record->state, record->status));
	struct program_request r = {.words = &words, .environment = &more, .out = PROGRAM_STDERR,
				    .err = PROGRAM_INHERIT};
	struct program p = {.state = PROGRAM_FAILED, .status = ENOMEM, .pidfd = -1, .pipe = -1};
	if (host && status && strings_add(&words, "/bin/sh") == 0 && strings_add(&words, "-c") == 0 &&
	    strings_add(&words, record->post) == 0 && strings_add(&more, host) == 0 && strings_add(&more, status) == 0)
		run(patch, &r, &p);
	record->post_state = p.state;
	record->post_status = p.status;
	record->post_ended_at = (int64_t)time(NULL);
	program_free(&p);
	strings_free(&words);
	strings_free(&more);
}

void patch_start(struct patch *p, struct patch_record *record)
{
	struct sigaction old[ARRAY_SIZE(passed_on)];
	starting = 0;
	listen_for(old);
	/* Who asked us to stop before meant us, and nothing has begun. */
	for (size_t i = 0; i < ARRAY_SIZE(passed_on) && !stop_signal; i++)
		if (early[passed_on[i]] && passed_on[i] != SIGCONT)
			stop_signal = passed_on[i];
	if (stop_signal) {
		record->state = PROGRAM_NONE;
		record->ended_at = (int64_t)time(NULL);
	} else {
		run_command(p, record);
	}
	if (record->post && (record->state == PROGRAM_EXITED || record->state == PROGRAM_SIGNALLED)) {
		for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
			early[passed_on[i]] = 0;
		run_post(p, record);
	}
	listen_no_more(old);
}
