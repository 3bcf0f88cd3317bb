// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The plugin. What is asked of the history is asked by a child: a disk that does not answer holds that one up, and
 * whoever waits for us gets UNKNOWN in time. Whatever else becomes of the child is UNKNOWN, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "plugin.h"

/* The child's exit status is its state and this, so that no other end of it is a state. */
#define CHILD_STATUS 40
#define OUTPUT_MOST (1 * MIB)

static int64_t milliseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool write_all(int fd, const struct text *t)
{
	const char *p = text_str(t);
	size_t left = t->length;
	while (left) {
		ssize_t n = write(fd, p, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		left -= (size_t)n;
	}
	return !t->failed;
}

static void child(const struct plugin_options *o, int to)
{
	struct known_hosts k;
	struct error e = {0};
	autotext struct text t = {0};
	if (known_hosts_look(&k, o, &e) < 0) {
		k.state = STATE_UNKNOWN;
		plugin_say_error(&t, e.text);
	} else {
		plugin_say(&t, &k, o);
	}
	_exit(write_all(to, &t) ? CHILD_STATUS + (int)k.state : 1);
}

/* All that it says until it ends. false: not in time. */
static bool listen_to(int from, struct text *out, int64_t deadline)
{
	char buffer[4096];
	for (;;) {
		struct pollfd p = {.fd = from, .events = POLLIN};
		int64_t left = deadline - milliseconds();
		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		ssize_t n = read(from, buffer, sizeof buffer);
		if (n == 0)
			return true;
		if (n > 0 && out->length < OUTPUT_MOST)
			text_put_bytes(out, buffer, (size_t)n);
		if (n < 0 && errno != EINTR)
			return false;
	}
}

/* -1: it has not ended in time. */
static int status_of(pid_t pid, int64_t deadline)
{
	int status;
	for (;;) {
		pid_t got = waitpid(pid, &status, WNOHANG);
		if (got == pid)
			return status;
		if ((got < 0 && errno != EINTR) || milliseconds() >= deadline)
			return -1;
		(void)poll(NULL, 0, 1);
	}
}

static enum state ask(const struct plugin_options *o, struct text *out)
{
	int64_t deadline = milliseconds() + (int64_t)o->timeout * 1000;
	int ends[2];
	char why[80];
	if (pipe2(ends, O_CLOEXEC) < 0) {
		plugin_say_error(out, "no pipe is to be had");
		return STATE_UNKNOWN;
	}
	pid_t parent = getpid(), pid = fork();
	if (pid < 0) {
		plugin_say_error(out, "no process is to be had");
		return STATE_UNKNOWN;
	}
	if (!pid) {
		close(ends[0]);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
			_exit(1);
		child(o, ends[1]);
	}
	close(ends[1]);
	bool heard = listen_to(ends[0], out, deadline);
	int status = heard ? status_of(pid, deadline) : -1;
	if (status >= 0 && WIFEXITED(status) && out->length && !out->failed && WEXITSTATUS(status) >= CHILD_STATUS &&
	    WEXITSTATUS(status) <= CHILD_STATUS + STATE_UNKNOWN)
		return (enum state)(WEXITSTATUS(status) - CHILD_STATUS);
	kill(pid, SIGKILL);
	text_free(out);
	snprintf(why, sizeof why, "the history could not be asked within %u s", o->timeout);
	plugin_say_error(out, status < 0 ? why : "the history was not read: a fault of this program");
	return STATE_UNKNOWN;
}

static void too_late(int sig)
{
	(void)sig;
	_exit(STATE_UNKNOWN);
}

static void set_up(void)
{
	struct sigaction late = {.sa_handler = too_late}, ignore = {.sa_handler = SIG_IGN};
	sigset_t none;
	/* A descriptor that is missing would be given to the next file, and this would be written into it. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDONLY);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGCHLD, SIG_DFL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGALRM, &late, NULL);
	setlocale(LC_CTYPE, "C.UTF-8");
}

int main(int argc, char **argv)
{
	struct plugin_options o;
	struct error e = {0};
	autotext struct text t = {0};
	enum state state = STATE_UNKNOWN;
	set_up();
	if (plugin_options_parse(&o, argc, argv, &e) < 0) {
		plugin_say_error(&t, e.text);
	} else if (o.help) {
		plugin_options_help(&t);
	} else if (o.version) {
		text_put(&t, "check_backproof " VERSION "\n");
	} else {
		/* Also when nobody takes what is written. */
		alarm(o.timeout + 1);
		state = ask(&o, &t);
	}
	plugin_options_free(&o);
	return write_all(STDOUT_FILENO, &t) ? (int)state : STATE_UNKNOWN;
}
