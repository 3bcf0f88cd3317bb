// SPDX-License-Identifier: GPL-3.0-or-later
/* From the request to a program that runs: what it finds when it begins. */
#include "backproof/program.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "backproof/budget.h"

#define IOPRIO_WHO_PROCESS 1
#define TOLD_FD 3 /* in the child: how exec failed is told there */
#define FDS_MOST 65536

static struct {
	bool noted, nice_known;
	bool ignored[NSIG];
	sigset_t mask;
	int nice;
	long ioprio; /* -1: not known */
} begun;

void program_note_start(void)
{
	struct sigaction old;
	for (int sig = 1; sig < NSIG; sig++)
		begun.ignored[sig] = sigaction(sig, NULL, &old) == 0 && old.sa_handler == SIG_IGN;
	pthread_sigmask(SIG_SETMASK, NULL, &begun.mask);
	errno = 0;
	begun.nice = getpriority(PRIO_PROCESS, 0);
	begun.nice_known = !errno;
	begun.ioprio = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
	begun.noted = true;
}

/* All that is needed after the fork, where nothing may be allocated: another thread may have held the lock. */
struct launch {
	char **argv, **env;
	int streams[3]; /* -1: as it is */
	int told;	/* end of a pipe that closes at exec */
	int fds;	/* as many as there can be */
	bool own_group;
	sigset_t mask; /* of who starts it */
};

static void restore_signals(const struct launch *l)
{
	struct sigaction act = {.sa_handler = SIG_DFL}, now;
	for (int sig = 1; sig < NSIG; sig++) {
		if (sig == SIGKILL || sig == SIGSTOP || sigaction(sig, NULL, &now) < 0)
			continue;
		act.sa_handler = begun.noted ? (begun.ignored[sig] ? SIG_IGN : SIG_DFL)
				 : now.sa_handler == SIG_IGN ? SIG_IGN
							     : SIG_DFL;
		sigaction(sig, &act, NULL);
	}
	sigprocmask(SIG_SETMASK, begun.noted ? &begun.mask : &l->mask, NULL);
}

/* Who was made nicer for the check may not be allowed to go back: then the program is as nice. */
static void restore_turns(void)
{
	if (!begun.noted)
		return;
	if (begun.nice_known && getpriority(PRIO_PROCESS, 0) != begun.nice)
		(void)setpriority(PRIO_PROCESS, 0, begun.nice);
	if (begun.ioprio >= 0 && syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0) != begun.ioprio)
		(void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, begun.ioprio);
}

static int place(int from, int to)
{
	if (from < 0)
		return 0;
	/* dup2 onto itself would leave it to be closed by exec. */
	if (from == to)
		return fcntl(from, F_SETFD, 0);
	return dup2(from, to);
}

static _Noreturn void begin(const struct launch *l)
{
	int told = l->told;
	if (l->own_group)
		(void)setpgid(0, 0);
	if (told != TOLD_FD && dup3(told, TOLD_FD, O_CLOEXEC) == TOLD_FD)
		told = TOLD_FD;
	/* Those of the launch are all above TOLD_FD. */
	if (place(l->streams[0], 0) >= 0 && place(l->streams[1], 1) >= 0 && place(l->streams[2], 2) >= 0) {
		if (syscall(SYS_close_range, TOLD_FD + 1, ~0u, 0u) < 0)
			for (int fd = TOLD_FD + 1; fd < l->fds; fd++)
				close(fd);
		restore_turns();
		restore_signals(l);
		execvpe(l->argv[0], l->argv, l->env);
	}
	int why = errno;
	(void)!write(told, &why, sizeof why);
	_exit(127);
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");
	return !strncmp(a, b, n) && b[n] == '=';
}

static char **make_environment(const struct strings *more)
{
	size_t count = 0, n = 0, extra = more ? more->count : 0;
	while (environ[count])
		count++;
	char **env = calloc(count + extra + 1, sizeof *env);
	for (size_t i = 0; env && i < count; i++) {
		bool replaced = false;
		for (size_t k = 0; k < extra && !replaced; k++)
			replaced = same_name(more->items[k], environ[i]);
		if (!replaced)
			env[n++] = environ[i];
	}
	for (size_t k = 0; env && k < extra; k++)
		env[n++] = more->items[k];
	return env;
}

static char **make_arguments(const struct strings *words)
{
	char **argv = calloc(words->count + 1, sizeof *argv);
	for (size_t i = 0; argv && i < words->count; i++)
		argv[i] = words->items[i];
	return argv;
}

/* Out of the way of 0 to TOLD_FD. Takes fd. */
static int above(int fd)
{
	if (fd < 0)
		return fd;
	int high = fcntl(fd, F_DUPFD_CLOEXEC, TOLD_FD + 1), why = errno;
	close(fd);
	errno = why;
	return high;
}

static int open_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	ends[0] = above(ends[0]);
	ends[1] = above(ends[1]);
	return ends[0] < 0 || ends[1] < 0 ? -1 : 0;
}

/* What a stream of the child is made of; *nowhere and *capture are opened when they are needed. -2: it failed. */
static int stream_of(enum program_stream s, int *nowhere, const int capture[2])
{
	switch (s) {
	case PROGRAM_STDERR:
		return STDERR_FILENO;
	case PROGRAM_NOWHERE:
		if (*nowhere < 0)
			*nowhere = above(open("/dev/null", O_RDWR | O_CLOEXEC));
		return *nowhere < 0 ? -2 : *nowhere;
	case PROGRAM_CAPTURE:
		return capture[1];
	default:
		return -1;
	}
}

static int fds_most(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > FDS_MOST)
		return FDS_MOST;
	return (int)limit.rlim_cur;
}

/* 0, or errno: of fork, or of exec. */
static int start(struct launch *l, const int told[2], struct program *p)
{
	sigset_t all;
	int why = 0;
	/* A handler of ours must not run in the child. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &l->mask);
	pid_t pid = fork();
	if (pid == 0)
		begin(l);
	if (pid < 0)
		why = errno;
	else if (l->own_group)
		(void)setpgid(pid, pid);
	pthread_sigmask(SIG_SETMASK, &l->mask, NULL);
	if (pid < 0)
		return why;
	close(told[1]);
	ssize_t n;
	while ((n = read(told[0], &why, sizeof why)) < 0 && errno == EINTR)
		;
	if (n == (ssize_t)sizeof why) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return why ? why : EINVAL;
	}
	p->pid = pid;
	p->pidfd = above((int)syscall(SYS_pidfd_open, pid, 0));
	return 0;
}

static int prepare(const struct program_request *r, struct program *p)
{
	int told[2] = {-1, -1}, capture[2] = {-1, -1}, why = 0;
	autoclose int nowhere = -1;
	autofree char **argv = make_arguments(r->words), **env = make_environment(r->environment);
	struct launch l = {.argv = argv, .env = env, .fds = fds_most(), .own_group = r->own_group};
	bool captures = r->out == PROGRAM_CAPTURE || r->err == PROGRAM_CAPTURE;
	if (!argv || !env)
		return ENOMEM;
	if ((captures && open_pipe(capture) < 0) || open_pipe(told) < 0)
		why = errno;
	l.streams[0] = r->input ? -1 : stream_of(PROGRAM_NOWHERE, &nowhere, capture);
	l.streams[1] = stream_of(r->out, &nowhere, capture);
	l.streams[2] = r->err == PROGRAM_STDERR ? -1 : stream_of(r->err, &nowhere, capture);
	l.told = told[1];
	if (!why && (l.streams[0] == -2 || l.streams[1] == -2 || l.streams[2] == -2))
		why = errno;
	if (!why)
		why = start(&l, told, p);
	else
		close_auto(&told[1]);
	close_auto(&told[0]);
	close_auto(&capture[1]);
	if (why)
		close_auto(&capture[0]);
	else
		p->pipe = capture[0];
	if (p->pipe >= 0)
		(void)fcntl(p->pipe, F_SETFL, O_NONBLOCK);
	return why;
}

int program_start(const struct program_request *r, struct program *p, struct error *e)
{
	*p = (struct program){.pidfd = -1,
			      .pipe = -1,
			      .own_group = r->own_group,
			      .capture_most = r->capture_most,
			      .started_ns = monotonic_ns()};
	if (!r->words->count) {
		p->state = PROGRAM_FAILED;
		p->status = EINVAL;
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "no program to start");
	}
	int why = prepare(r, p);
	p->state = why ? PROGRAM_FAILED : PROGRAM_RUNNING;
	p->status = why;
	if (!why)
		return 0;
	errno = why;
	return error_sys(e, "%s: could not be started", r->words->items[0]);
}
