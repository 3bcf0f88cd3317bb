// SPDX-License-Identifier: GPL-3.0-or-later
/* Programs that run: waiting for them, hearing them, and ending them. */
#include "backproof/program.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "backproof/budget.h"

#define LOOK_MS 20		     /* where no descriptor tells the end of a process */
#define STOP_MS 200		     /* how often stop_signal is looked at */
#define GRACE_NS INT64_C(5000000000) /* from SIGTERM to SIGKILL */

/* Takes what is there. What has closed is not looked at again. */
static void hear(struct program *p)
{
	char buf[16 * 1024];
	for (int i = 0; p->pipe >= 0 && i < 64; i++) {
		ssize_t n = read(p->pipe, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close_auto(&p->pipe);
			p->pipe = -1;
			return;
		}
		size_t room = p->capture_most > p->output.length ? p->capture_most - p->output.length : 0;
		p->cut |= (size_t)n > room;
		text_put_bytes(&p->output, buf, (size_t)n < room ? (size_t)n : room);
	}
}

static void ended(struct program *p, const siginfo_t *how)
{
	p->state = how->si_code == CLD_EXITED ? PROGRAM_EXITED : PROGRAM_SIGNALLED;
	p->status = how->si_status;
	p->seconds = (double)(monotonic_ns() - p->started_ns) / 1e9;
	/* What it had written before is there by now; what still holds the pipe is not waited for. */
	hear(p);
	close_auto(&p->pipe);
	close_auto(&p->pidfd);
	p->pipe = p->pidfd = -1;
}

static bool reap(struct program *p)
{
	siginfo_t how = {0};
	int rc;
	/* First only looked at: until its state says so, its number is its own, and no other process gets a signal. */
	while ((rc = waitid(P_PID, (id_t)p->pid, &how, WEXITED | WNOHANG | WNOWAIT)) < 0 && errno == EINTR)
		;
	if (rc == 0 && !how.si_pid)
		return false;
	if (rc < 0)
		how = (siginfo_t){.si_code = CLD_EXITED}, how.si_status = 125; /* somebody else has waited for it */
	/* It has gone when it was told to; what it had started may not have. */
	if (p->ending && p->own_group)
		(void)kill(-p->pid, SIGKILL);
	ended(p, &how);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	return true;
}

bool program_wait(struct program *p, int milliseconds)
{
	if (p->state != PROGRAM_RUNNING || reap(p))
		return true;
	struct pollfd fds[2] = {{.fd = p->pidfd, .events = POLLIN}, {.fd = p->pipe, .events = POLLIN}};
	int most = p->pidfd >= 0 || (milliseconds >= 0 && milliseconds < LOOK_MS) ? milliseconds : LOOK_MS;
	if (poll(fds, 2, most) > 0 && fds[1].revents)
		hear(p);
	return reap(p);
}

void program_signal(const struct program *p, int sig)
{
	if (p->state != PROGRAM_RUNNING)
		return;
	if (p->own_group)
		(void)kill(-p->pid, sig);
	else if (p->pidfd < 0 || syscall(SYS_pidfd_send_signal, p->pidfd, sig, NULL, 0) < 0)
		(void)kill(p->pid, sig);
}

void program_run(const struct program_request *r, struct program *p, struct error *e)
{
	int64_t kill_at = 0;
	if (program_start(r, p, e) < 0)
		return;
	int64_t end = r->seconds ? seconds_after(p->started_ns, r->seconds) : INT64_MAX;
	while (!program_wait(p, STOP_MS)) {
		int64_t now = monotonic_ns();
		if (!kill_at && (stop_signal || now >= end)) {
			p->stopped = stop_signal;
			p->timed_out = !p->stopped;
			program_signal(p, SIGTERM);
			program_signal(p, SIGCONT); /* one that somebody has stopped would not hear it */
			p->ending = true;
			kill_at = now + GRACE_NS;
		} else if (kill_at && now >= kill_at) {
			program_signal(p, SIGKILL);
			kill_at = now + GRACE_NS;
		}
	}
}

void program_free(struct program *p)
{
	if (p->state != PROGRAM_NONE) { /* zeroed, it has no descriptors, and 0 is somebody's */
		close_auto(&p->pipe);
		close_auto(&p->pidfd);
		p->pipe = p->pidfd = -1;
	}
	text_free(&p->output);
}

void program_put(enum program_state state, int status, struct text *out)
{
	const char *name;
	switch (state) {
	case PROGRAM_NONE:
		text_put(out, "not run");
		return;
	case PROGRAM_RUNNING:
		text_put(out, "runs");
		return;
	case PROGRAM_EXITED:
		text_printf(out, "exit %d", status);
		return;
	case PROGRAM_SIGNALLED:
		name = sigabbrev_np(status);
		if (name)
			text_printf(out, "ended by SIG%s", name);
		else
			text_printf(out, "ended by signal %d", status);
		return;
	case PROGRAM_FAILED:
		text_printf(out, "could not be started: %s", strerror(status));
		return;
	}
	text_put(out, "not known");
}

int program_shell_status(enum program_state state, int status)
{
	switch (state) {
	case PROGRAM_EXITED:
		return status;
	case PROGRAM_SIGNALLED:
		return 128 + status;
	case PROGRAM_FAILED:
		return status == ENOENT ? 127 : 126;
	default:
		return 125;
	}
}
