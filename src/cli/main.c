// SPDX-License-Identifier: GPL-3.0-or-later
/* Starts at "cannot tell": only a verdict that was reached and reported makes it 0. */
#include <fcntl.h>
#include <locale.h>

#include "backproof/program.h"
#include "command_table.h"
#include "commands.h"
#include "output.h"

int complain(enum code code, const char *text)
{
	autotext struct text t = {0};
	text_put(&t, "backproof: ");
	text_put_safe(&t, text);
	text_put(&t, code == CODE_USAGE ? "; see backproof --help\n" : "\n");
	(void)!write(STDERR_FILENO, text_str(&t), t.length);
	return (int)code;
}

void mention(const struct strings *notes)
{
	for (size_t i = 0; i < notes->count; i++)
		(void)complain(CODE_CANNOT_TELL, notes->items[i]);
}

static int help_all(void)
{
	autotext struct text t = {0};
	text_put(&t, "backproof: is there a backup of this host that can be restored? Ask before you patch.\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		text_printf(&t, "  backproof %-44s %s\n", commands[i].synopsis, commands[i].says);
	text_put(&t, "\nOnly exit code 0 means safe: 10 no backup, 11 stale, 12 damaged, 13 incomplete,\n"
		     "20 cannot tell, 21 busy, 64 usage, 70 internal, 78 configuration.\n"
		     "backproof COMMAND --help shows a command's options; backproof(1) says it all.\n");
	return output_show(&t);
}

static int help_command(const struct command *c)
{
	autotext struct text t = {0};
	text_printf(&t, "usage: backproof %s\n%s\n\n", c->synopsis, c->says);
	options_help(&t, c->bit);
	return output_show(&t);
}

static void on_signal(int sig)
{
	/* The second time the user means it; processor time that is used up is told every second. */
	if (stop_signal && sig != SIGXCPU) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
	stop_signal = sig;
}

static void set_up(void)
{
	static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGXCPU};
	struct sigaction stop = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN}, old;
	/* A missing standard descriptor would be given to the next file that is opened: reports would be
	 * written into it. What is opened here can't be written to, so a report fails as it should. */
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)!open("/dev/null", O_RDONLY);
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
		/* nohup and shells in the background have set some to be ignored: that stays. */
		if (sigaction(stops[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(stops[i], &stop, NULL);
	}
	/* How a reader ended is to be learned, whatever who started us thinks of children. */
	signal(SIGCHLD, SIG_DFL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL); /* a write beyond the limit on file sizes fails, and is told */
	sigaction(SIGIO, &ignore, NULL); /* somebody opens a file for writing while we ask for a lease */
	setlocale(LC_CTYPE, "C.UTF-8");
}

/* Ended by a signal, we end by it: whoever waits for us sees that, and never a verdict. */
static int leave(int status)
{
	int sig = stop_signal;
	if (sig) {
		signal(sig, SIG_DFL);
		raise(sig);
		return status ? status : CODE_CANNOT_TELL;
	}
	return status;
}

static int refuse(enum code code, int argc, char **argv, const char *text)
{
	enum exit_style style = options_style(argc, argv);
	/* What a unit asks has no other style. */
	if (argc > 1 && !strcmp(argv[0], "hook") && !strcmp(argv[1], "systemd"))
		style = EXIT_SYSTEMD;
	return exit_status(complain(code, text), style, false);
}

static int run(const struct command *c, int argc, char **argv)
{
	struct options o;
	struct error e;
	int status = CODE_CANNOT_TELL;
	if (options_parse(&o, c->bit, argc - 1, argv + 1, &e) < 0)
		status = refuse(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_USAGE, argc, argv, e.text);
	else {
		/* A policy that has to be confined refuses that by itself. */
		if (o.overrides.no_confine)
			gate_readers(NULL);
		status = o.help ? help_command(c) : c->run(&o);
	}
	options_free(&o);
	return status;
}

int main(int argc, char **argv)
{
	program_note_start();
	set_up();
	if (argc == 2 && !strcmp(argv[1], "reader")) {
		signal(SIGXCPU, SIG_DFL); /* its limit ends it, and who started it says so */
		return gate_reader();
	}
	if (argc == 2 && !strcmp(argv[1], "peeker"))
		return gate_peeker();
	/* This very file, whatever stands at its path by now. */
	gate_readers("/proc/self/exe");
	const char *name = argc > 1 ? argv[1] : NULL;
	if (!name)
		return complain(CODE_USAGE, "a command is needed");
	if (argc == 2 && (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")))
		return help_all();
	if (argc == 2 && (!strcmp(name, "--version") || !strcmp(name, "version"))) {
		autotext struct text t = {0};
		text_put(&t, "backproof " VERSION "\n");
		return output_show(&t);
	}
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return leave(run(&commands[i], argc - 1, argv + 1));
	autofree char *text = text_format("unknown command \"%s\"", name);
	return refuse(CODE_USAGE, argc - 1, argv + 1, text ? text : "unknown command");
}
