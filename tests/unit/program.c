// SPDX-License-Identifier: GPL-3.0-or-later
/* Programs that are started: what they find, what is heard of them, and how they end. */
#include "backproof/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "backproof/budget.h"
#include "test.h"

static struct strings words;
static struct program p;

static struct program_request of(const char *const *list)
{
	strings_free(&words);
	for (; *list; list++)
		NEED(strings_add(&words, *list) == 0);
	return (struct program_request){.words = &words, .out = PROGRAM_CAPTURE, .err = PROGRAM_NOWHERE,
					.capture_most = 4096, .own_group = true, .seconds = 20};
}
#define WORDS(...) of((const char *const[]){__VA_ARGS__, NULL})
#define SHELL(script) WORDS("sh", "-c", script)

static void go(const struct program_request *r)
{
	struct error e = {0};
	program_free(&p);
	program_run(r, &p, &e);
}
static void shell(const char *script)
{
	struct program_request r = SHELL(script);
	go(&r);
}

static void statuses(void)
{
	for (int i = 0; i < 256; i += 17) {
		char script[32];
		snprintf(script, sizeof script, "exit %d", i);
		shell(script);
		CHECK_INT(p.state, PROGRAM_EXITED);
		CHECK_INT(p.status, i);
	}
	static const int signals[] = {SIGTERM, SIGKILL, SIGINT, SIGHUP, SIGPIPE, SIGUSR1, SIGXFSZ};
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		char script[64];
		snprintf(script, sizeof script, "ulimit -c 0; kill -%d $$; sleep 5", signals[i]);
		shell(script);
		CHECK_INT(p.state, PROGRAM_SIGNALLED);
		CHECK_INT(p.status, signals[i]);
		CHECK_INT(program_shell_status(p.state, p.status), 128 + signals[i]);
	}
}

static void not_started(void)
{
	static const struct {
		const char *name;
		int why, shell;
	} cases[] = {{"/nowhere/at/all", ENOENT, 127}, {"no-program-has-this-name", ENOENT, 127}, {"/etc", EACCES, 126},
		     {"/etc/passwd", EACCES, 126}, {"", ENOENT, 127}, {"/etc/passwd/x", ENOTDIR, 126}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct program_request r = WORDS(cases[i].name);
		struct error e = {0};
		program_free(&p);
		CHECK_INT(program_start(&r, &p, &e), -1);
		CHECK_INT(p.state, PROGRAM_FAILED);
		CHECK_INT(p.status, cases[i].why);
		CHECK_INT(program_shell_status(p.state, p.status), cases[i].shell);
		CHECK(strstr(e.text, "could not be started") != NULL);
	}
	strings_free(&words);
	struct program_request none = {.words = &words};
	struct error e = {0};
	CHECK_INT(program_start(&none, &p, &e), -1);
	CHECK_INT(p.state, PROGRAM_FAILED);
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1); /* none is left */
}

/* No shell has seen the words. */
static void words_as_they_are(void)
{
	struct program_request r = WORDS("printf", "%s|", "$HOME", "a b", "", "`id`", "*", "-x", ";");
	go(&r);
	CHECK_STR(text_str(&p.output), "$HOME|a b||`id`|*|-x|;|");
}

static void streams(void)
{
	shell("cat; echo out; echo err >&2");
	CHECK_STR(text_str(&p.output), "out\n");
	struct program_request r = SHELL("echo out; echo err >&2");
	r.err = PROGRAM_CAPTURE;
	go(&r);
	CHECK_STR(text_str(&p.output), "out\nerr\n");
	r = SHELL("head -c 100000 /dev/zero | tr '\\0' x; echo end");
	go(&r);
	CHECK_INT(p.output.length, 4096);
	CHECK(p.cut);
	CHECK_INT(p.status, 0);
	/* What lives on with the pipe in its hand is not waited for. */
	r = SHELL("echo here; sleep 30 & echo $!");
	r.own_group = false;
	go(&r);
	CHECK_INT(strncmp(text_str(&p.output), "here\n", 5), 0);
	CHECK(p.seconds < 10);
	CHECK_INT(kill(atoi(text_str(&p.output) + 5), SIGKILL), 0);
	/* Ours are as they were. */
	CHECK(fcntl(0, F_GETFD) >= 0 && fcntl(1, F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0);
}

static void to_standard_error(void)
{
	char path[] = "/tmp/backproof-program-XXXXXX", got[64] = "";
	int fd = mkstemp(path), old = dup(2);
	NEED(fd >= 0 && old >= 0);
	struct program_request r = SHELL("echo out; echo err >&2");
	r.out = r.err = PROGRAM_STDERR;
	fflush(stderr);
	NEED(dup2(fd, 2) == 2);
	go(&r);
	NEED(dup2(old, 2) == 2);
	close(old);
	NEED(pread(fd, got, sizeof got - 1, 0) >= 0);
	CHECK_STR(got, "out\nerr\n");
	close(fd);
	unlink(path);
}

static void input(void)
{
	int ends[2], old = dup(0);
	NEED(pipe(ends) == 0 && write(ends[1], "for it", 6) == 6);
	close(ends[1]);
	NEED(dup2(ends[0], 0) == 0);
	close(ends[0]);
	shell("cat");
	CHECK_STR(text_str(&p.output), "");
	struct program_request r = SHELL("cat");
	r.input = true;
	go(&r);
	CHECK_STR(text_str(&p.output), "for it");
	NEED(dup2(old, 0) == 0);
	close(old);
}

static void environment(void)
{
	struct strings more = {0};
	NEED(setenv("PROGRAM_A", "old", 1) == 0 && setenv("PROGRAM_AB", "stays", 1) == 0);
	NEED(strings_add(&more, "PROGRAM_A=new value") == 0 && strings_add(&more, "PROGRAM_C=") == 0);
	struct program_request r = SHELL("env | grep ^PROGRAM_ | sort");
	r.environment = &more;
	go(&r);
	CHECK_STR(text_str(&p.output), "PROGRAM_A=new value\nPROGRAM_AB=stays\nPROGRAM_C=\n");
	CHECK_STR(getenv("PROGRAM_A"), "old");
	strings_free(&more);
}

/* Also what somebody has forgotten to mark. */
static void descriptors(void)
{
	int leak = open("/dev/null", O_RDONLY), high = fcntl(leak, F_DUPFD, 300), three = dup2(leak, 3);
	NEED(leak >= 0 && high >= 300 && three == 3);
	struct program_request r = WORDS("ls", "/proc/self/fd");
	go(&r);
	CHECK_STR(text_str(&p.output), "0\n1\n2\n3\n"); /* the 3 is ls's own, of that directory */
	r = SHELL("[ -e /proc/$$/fd/3 ] || echo closed");
	go(&r);
	CHECK_STR(text_str(&p.output), "closed\n");
	close(leak);
	close(high);
	close(three);
}

/* In a process of its own: what was so at its start, it is again for whoever it starts. */
static int as_it_began(void)
{
	sigset_t mask;
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	program_note_start();
	signal(SIGCHLD, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	int nice_before = getpriority(PRIO_PROCESS, 0);
	if (setpriority(PRIO_PROCESS, 0, nice_before + 3) < 0)
		return 2;
	struct program_request r = WORDS("nice"); /* a shell would set some of it itself */
	go(&r);
	if (atoi(text_str(&p.output)) != (geteuid() ? nice_before + 3 : nice_before))
		return 3;
	r = WORDS("grep", "-E", "^Sig(Ign|Blk|Pnd)", "/proc/self/status");
	go(&r);
	char want[256], *ignored = strstr(text_str(&p.output), "SigIgn:\t");
	/* 32 and 33 are the C library's own, and are ignored where its posix_spawn has started us. */
	if (ignored)
		ignored[8 + 7] = ignored[8 + 8] = '0';
	/* HUP 1, CHLD 17; USR2 12 */
	snprintf(want, sizeof want, "SigPnd:\t%016x\nSigBlk:\t%016x\nSigIgn:\t%016x\n", 0, 1 << 11, 1 | 1 << 16);
	if (!strcmp(text_str(&p.output), want))
		return 0;
	fprintf(stderr, "got\n%swanted\n%s", text_str(&p.output), want);
	return 1;
}
static void signals_of_the_start(void)
{
	int status;
	pid_t pid = fork();
	if (!pid)
		_exit(as_it_began());
	NEED(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
}

/* An orphan that has ended is waited for by others, when they come to it. */
static bool runs(const char *pid)
{
	char path[64], stat[256];
	snprintf(path, sizeof path, "/proc/%d/stat", atoi(pid));
	for (int i = 0; i < 100; i++) {
		FILE *f = fopen(path, "r");
		size_t n = f ? fread(stat, 1, sizeof stat - 1, f) : 0;
		if (f)
			fclose(f);
		stat[n] = 0;
		const char *state = strstr(stat, ") ");
		if (!state || state[2] == 'Z' || state[2] == 'X')
			return false;
		usleep(20000);
	}
	return true;
}

static void time_limit(void)
{
	struct program_request r = SHELL("sleep 60 & echo $!; wait");
	r.seconds = 1;
	go(&r);
	CHECK(p.timed_out);
	CHECK(!p.stopped);
	CHECK_INT(p.state, PROGRAM_SIGNALLED);
	CHECK_INT(p.status, SIGTERM);
	CHECK(p.seconds >= 0.9 && p.seconds < 8);
	CHECK(!runs(text_str(&p.output)));
	/* The leader goes, and one of the group has no ear. */
	r = SHELL("(trap '' TERM; sleep 60; sleep 60) & echo $!; wait");
	r.seconds = 1;
	go(&r);
	CHECK(p.timed_out);
	CHECK(!runs(text_str(&p.output)));
	/* One that is stopped. */
	r = SHELL("kill -STOP $$");
	r.seconds = 1;
	go(&r);
	CHECK_INT(p.status, SIGTERM);
	shell("exit 0");
	CHECK(!p.timed_out);
}

static void deaf(void)
{
	struct program_request r = SHELL("trap '' TERM; while :; do sleep 0.2; done");
	r.seconds = 1;
	go(&r);
	CHECK_INT(p.state, PROGRAM_SIGNALLED);
	CHECK_INT(p.status, SIGKILL);
	CHECK(p.seconds > 5.5 && p.seconds < 15);
}

static void told_to_stop(void)
{
	stop_signal = SIGINT;
	shell("sleep 60");
	stop_signal = 0;
	CHECK(p.stopped);
	CHECK(!p.timed_out);
	CHECK_INT(p.status, SIGTERM);
}

static void waiting(void)
{
	struct error e;
	struct program_request r = SHELL("sleep 0.5; exit 7");
	program_free(&p);
	NEED(program_start(&r, &p, &e) == 0);
	CHECK_INT(p.state, PROGRAM_RUNNING);
	CHECK(!program_wait(&p, 0));
	CHECK(!program_wait(&p, 10));
	while (!program_wait(&p, -1))
		;
	CHECK_INT(p.status, 7);
	CHECK(program_wait(&p, -1)); /* again: it stays so */
	CHECK_INT(p.status, 7);
	program_signal(&p, SIGKILL); /* nobody is hit */
	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD);
	/* Other children are others' business. */
	pid_t other = fork();
	if (!other)
		_exit(5);
	shell("exit 0");
	int status;
	CHECK_INT(waitpid(other, &status, 0), other);
	CHECK_INT(WEXITSTATUS(status), 5);
}

static void said(void)
{
	static const struct {
		enum program_state state;
		int status;
		const char *text;
		int shell;
	} cases[] = {{PROGRAM_NONE, 0, "not run", 125},		{PROGRAM_RUNNING, 0, "runs", 125},
		     {PROGRAM_EXITED, 3, "exit 3", 3},		{PROGRAM_SIGNALLED, SIGTERM, "ended by SIGTERM", 143},
		     {PROGRAM_SIGNALLED, 50, "ended by signal 50", 178},
		     {PROGRAM_FAILED, ENOENT, "could not be started: No such file or directory", 127},
		     {PROGRAM_FAILED, EACCES, "could not be started: Permission denied", 126}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autotext struct text t = {0};
		program_put(cases[i].state, cases[i].status, &t);
		CHECK_STR(text_str(&t), cases[i].text);
		CHECK_INT(program_shell_status(cases[i].state, cases[i].status), cases[i].shell);
	}
}

int main(void)
{
	/* Who starts tests in the background has some ignored. */
	for (int sig = 1; sig < 32; sig++)
		signal(sig, SIG_DFL);
	RUN(statuses);
	RUN(not_started);
	RUN(words_as_they_are);
	RUN(streams);
	RUN(to_standard_error);
	RUN(input);
	RUN(environment);
	RUN(descriptors);
	RUN(signals_of_the_start);
	RUN(time_limit);
	RUN(deaf);
	RUN(told_to_stop);
	RUN(waiting);
	RUN(said);
	program_free(&p);
	strings_free(&words);
	return test_done();
}
