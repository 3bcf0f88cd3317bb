// SPDX-License-Identifier: GPL-3.0-or-later
/* A `complete` for each option of each command. */
#include "completion.h"

static void put_quoted(struct text *out, const char *s)
{
	text_put(out, "'");
	for (; *s; s++) {
		if (*s == '\'' || *s == '\\')
			text_put(out, "\\");
		text_put_bytes(out, s, 1);
	}
	text_put(out, "'");
}

static void put_action(struct text *out, enum word_kind k, const struct text *choices)
{
	switch (k) {
	case WORD_FILE:
		text_put(out, " -r -F");
		break;
	case WORD_DIRECTORY:
		text_put(out, " -x -a '(__fish_complete_directories)'");
		break;
	case WORD_HOST:
		text_put(out, " -x -a '(__backproof_names host)'");
		break;
	case WORD_POLICY:
		text_put(out, " -x -a '(__backproof_names policy)'");
		break;
	case WORD_CHOICE:
		text_printf(out, " -x -a '%s'", text_str(choices));
		break;
	case WORD_ANY:
		text_put(out, " -x");
		break;
	default:
		break;
	}
}

static void put_command(struct text *out, const struct command *c)
{
	autotext struct text words = {0};
	bool more;
	enum word_kind k = completion_argument(c, &more);
	completion_words(c, &words);
	text_printf(out, "complete -c backproof -n __backproof_first -a %s -d ", c->name);
	put_quoted(out, c->says);
	text_put(out, "\n");
	if (words.length)
		text_printf(out, "complete -c backproof -n '__backproof_at %s 2' -a '%s'\n", c->name, text_str(&words));
	if (k == WORD_FILE)
		text_printf(out, "complete -c backproof -n '__backproof_in %s%s' -F\n", c->name,
			    words.length ? "; and test (count (commandline -opc)) -gt 2" : "");
	if (k == WORD_HOST)
		text_printf(out, "complete -c backproof -n '__backproof_%s %s%s' -a '(__backproof_names host)'\n",
			    more ? "in" : "at", c->name, more ? "" : " 2");
	if (c->bit == FOR_RUN)
		text_put(out, "complete -c backproof -n __backproof_behind -a '(__fish_complete_subcommand "
			      "--commandline (__backproof_rest))'\n");
	for (size_t i = 0; i < OPT_COUNT; i++) {
		const struct option_row *row = &option_rows[i];
		autotext struct text choices = {0};
		if (!(row->commands & c->bit))
			continue;
		text_printf(out, "complete -c backproof -n '__backproof_in %s' -l %s%s", c->name, row->name,
			    i == OPT_DIRECTORY ? " -s C" : i == OPT_HELP ? " -s h" : "");
		put_action(out, completion_value(row, c->bit, &choices), &choices);
		text_put(out, " -d ");
		put_quoted(out, completion_help(row, c->bit));
		text_put(out, "\n");
		out->failed |= choices.failed;
	}
	out->failed |= words.failed;
}

void completion_fish(struct text *out)
{
	text_put(out,
		 "# Made by backproof completion fish\n"
		 "function __backproof_names\n	switch $argv[1]\n"
		 "		case host\n			" COMPLETION_NAMES("host") "\n"
		 "		case policy\n			" COMPLETION_NAMES("policy") "\n"
		 "	end\nend\n"
		 "function __backproof_first\n	test (count (commandline -opc)) -eq 1\nend\n"
		 "function __backproof_behind\n	set -l words (commandline -opc)\n"
		 "	test (count $words) -gt 2; and test $words[2] = run; and contains -- -- $words\n"
		 "end\n"
		 "function __backproof_rest\n	set -l words (commandline -opc) (commandline -ct)\n"
		 "	set -l at (contains -i -- -- $words)\n	echo $words[(math $at + 1)..-1]\nend\n"
		 "function __backproof_in\n	set -l words (commandline -opc)\n"
		 "	test (count $words) -gt 1; and test $words[2] = $argv[1]; and not __backproof_behind\n"
		 "end\n"
		 "function __backproof_at\n"
		 "	__backproof_in $argv[1]; and test (count (commandline -opc)) -eq $argv[2]\n"
		 "end\n"
		 "complete -c backproof -f\n"
		 "complete -c backproof -n __backproof_first -a help -d 'show a summary'\n"
		 "complete -c backproof -n __backproof_first -a version -d 'show the version'\n"
		 "complete -c backproof -n __backproof_first -l help -s h -d 'show a summary'\n"
		 "complete -c backproof -n __backproof_first -l version -d 'show the version'\n");
	for (size_t c = 0; c < COMMANDS; c++)
		put_command(out, &commands[c]);
}
