// SPDX-License-Identifier: GPL-3.0-or-later
/* For zsh's _arguments, which counts words and options by itself. */
#include "completion.h"

/* Inside of '...', and of [...] or between colons there. */
static void put_quoted(struct text *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'')
			text_put(out, "'\\'");
		else if (strchr("[]:\\", *s))
			text_put(out, "\\");
		text_put_bytes(out, s, 1);
	}
}

static void put_action(struct text *out, enum word_kind k, const struct text *choices)
{
	static const char *const actions[] = {
		[WORD_FILE] = "_files", [WORD_DIRECTORY] = "_files -/", [WORD_HOST] = "_backproof_names host",
		[WORD_POLICY] = "_backproof_names policy"};
	if (k == WORD_CHOICE)
		text_printf(out, "(%s)", text_str(choices));
	else
		text_put(out, k < ARRAY_SIZE(actions) && actions[k] ? actions[k] : " ");
}

static void put_option(struct text *out, const struct option_row *row, const struct command *c)
{
	autotext struct text choices = {0};
	enum word_kind k = completion_value(row, c->bit, &choices);
	/* Another name of the same. */
	bool shorter = row == &option_rows[OPT_DIRECTORY];
	for (int i = 0; i <= shorter; i++) {
		text_printf(out, " \\\n			'%s%s%s%s%s[", row->repeatable ? "*" : "",
			    shorter ? "(-C --directory)" : "", i ? "-C" : "--", i ? "" : row->name,
			    k == WORD_NONE ? "" : i ? "+" : "=");
		put_quoted(out, completion_help(row, c->bit));
		text_put(out, "]");
		if (k != WORD_NONE) {
			text_put(out, ":");
			put_quoted(out, row->value);
			text_put(out, ":");
			put_action(out, k, &choices);
		}
		text_put(out, "'");
	}
	out->failed |= choices.failed;
}

static void put_arguments(struct text *out, const struct command *c)
{
	autotext struct text words = {0};
	bool more;
	enum word_kind k = completion_argument(c, &more);
	completion_words(c, &words);
	if (words.length) {
		text_put(out, " \\\n			'1:word:");
		put_action(out, WORD_CHOICE, &words);
		text_put(out, "'");
	}
	if (k != WORD_NONE) {
		text_printf(out, " \\\n			'%s:%s:", more ? "*" : words.length ? "2" : "1",
			    k == WORD_HOST ? "HOST" : "FILE");
		put_action(out, k, NULL);
		text_put(out, "'");
	}
	out->failed |= words.failed;
}

void completion_zsh(struct text *out)
{
	text_put(out, "#compdef backproof\n# Made by backproof completion zsh\n"
		      "_backproof_names() {\n	local -a names\n	case ${@[-1]} in\n"
		      "	host) names=(${(f)\"$(" COMPLETION_NAMES("host") ")\"}) ;;\n"
		      "	policy) names=(${(f)\"$(" COMPLETION_NAMES("policy") ")\"}) ;;\n"
		      "	esac\n	compadd \"${@[1,-2]}\" -a names\n}\n"
		      "_backproof() {\n	local curcontext=\"$curcontext\" ret=1\n	local -a words_of_it\n"
		      "	words_of_it=(\n");
	for (size_t c = 0; c < COMMANDS; c++) {
		text_printf(out, "		'%s:", commands[c].name);
		put_quoted(out, commands[c].says);
		text_put(out, "'\n");
	}
	text_put(out,
		 "		'help:show a summary'\n		'version:show the version'\n	)\n"
		      "	if (( CURRENT == 2 )); then\n"
		      "		_describe -t commands command words_of_it\n		return\n	fi\n"
		      "	local command=$words[2]\n	shift words\n	(( CURRENT-- ))\n"
		      "	curcontext=\"${curcontext%:*}-$command:\"\n	case $command in\n");
	for (size_t c = 0; c < COMMANDS; c++) {
		text_printf(out, "	%s)\n", commands[c].name);
		/* What run starts is completed as if it stood alone. */
		if (commands[c].bit == FOR_RUN)
			text_put(out, "		local dashes=${words[(i)--]}\n"
				      "		if (( dashes < CURRENT )); then\n"
				      "			shift $dashes words\n"
				      "			(( CURRENT -= dashes ))\n			_normal\n"
				      "			return\n		fi\n");
		text_put(out, "		_arguments -S");
		for (size_t i = 0; i < OPT_COUNT; i++)
			if (option_rows[i].commands & commands[c].bit)
				put_option(out, &option_rows[i], &commands[c]);
		put_arguments(out, &commands[c]);
		text_put(out, " && ret=0\n		;;\n");
	}
	text_put(out, "	esac\n	return ret\n}\n"
		      "if [ \"$funcstack[1]\" = _backproof ]; then _backproof \"$@\"\n"
		      "else compdef _backproof backproof; fi\n");
}
