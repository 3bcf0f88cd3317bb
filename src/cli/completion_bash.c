// SPDX-License-Identifier: GPL-3.0-or-later
/* A function for bash's `complete -F`; it needs nothing of the bash-completion package. */
#include "completion.h"

static const char head[] =
	"# bash completion for backproof, made by backproof completion bash\n"
	"_backproof_names() {\n"
	"	case $1 in\n"
	"	host) " COMPLETION_NAMES("host") " ;;\n"
	"	policy) " COMPLETION_NAMES("policy") " ;;\n"
	"	esac\n"
	"}\n"
	"_backproof() {\n"
	"	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]-}\n"
	"	local i=2 arguments=0 rest= IFS=$' \\t\\n'\n"
	"	COMPREPLY=()\n"
	"	# --depth=auto comes as three words\n"
	"	if [ \"$cur\" = = ]; then cur=; elif [ \"$prev\" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi\n";

static const char tail[] =
	"	none) return ;;\n"
	"	file) compopt -o default 2>/dev/null; return ;;\n"
	"	directory) compopt -o dirnames 2>/dev/null; return ;;\n"
	"	host | policy)\n"
	"		mapfile -t COMPREPLY < <(compgen -W \"$(_backproof_names \"$values\")\" -- \"$cur\")\n"
	"		return\n"
	"		;;\n"
	"	esac\n"
	"	if [ -n \"$values\" ]; then mapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$cur\"); return; fi\n"
	"	if [ \"$arguments\" = 0 ] && [ -n \"$words\" ]; then\n"
	"		[[ $cur != -* ]] || words=$options\n"
	"		mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	"		return\n"
	"	fi\n"
	"	if [[ $cur == -* ]]; then mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$cur\"); return; fi\n"
	"	[ -z \"$most\" ] || [ \"$arguments\" -lt \"$most\" ] || return\n"
	"	case $argument in\n"
	"	file) compopt -o default 2>/dev/null ;;\n"
	"	host) mapfile -t COMPREPLY < <(compgen -W \"$(_backproof_names host)\" -- \"$cur\") ;;\n"
	"	esac\n"
	"}\n"
	"complete -F _backproof backproof\n";

static const char *kind_name(enum word_kind k)
{
	static const char *const names[] = {[WORD_ANY] = "none", [WORD_FILE] = "file", [WORD_DIRECTORY] = "directory",
					    [WORD_HOST] = "host", [WORD_POLICY] = "policy"};
	return k < ARRAY_SIZE(names) && names[k] ? names[k] : "";
}

/* Where the commands differ, a line a command. */
static void put_values(struct text *out)
{
	for (size_t c = 0; c < COMMANDS; c++)
		for (size_t i = 0; i < OPT_COUNT; i++) {
			const struct option_row *row = &option_rows[i];
			autotext struct text choices = {0};
			if (!(row->commands & commands[c].bit) || !row->value)
				continue;
			enum word_kind k = completion_value(row, commands[c].bit, &choices);
			if (k == WORD_NONE)
				continue;
			text_printf(out, "	%s:--%s%s) values='%s' ;;\n", commands[c].name, row->name,
				    i == OPT_DIRECTORY ? " | extract:-C" : "",
				    k == WORD_CHOICE ? text_str(&choices) : kind_name(k));
			out->failed |= choices.failed;
		}
}

/* Options that take the next word, whatever the command. */
static void put_skipped(struct text *out)
{
	text_put(out, "		-C");
	for (size_t i = 0; i < OPT_COUNT; i++)
		if (option_rows[i].value && !option_rows[i].optional)
			text_printf(out, " | --%s", option_rows[i].name);
	text_put(out, ")\n			i=$((i + 1))\n"
		      "			[ \"${COMP_WORDS[i]-}\" != = ] || i=$((i + 1))\n			;;\n");
}

static void put_commands(struct text *out)
{
	text_put(out, "	case $command in\n");
	for (size_t c = 0; c < COMMANDS; c++) {
		autotext struct text words = {0};
		bool more;
		enum word_kind k = completion_argument(&commands[c], &more);
		completion_words(&commands[c], &words);
		text_printf(out, "	%s)\n		words='%s' argument=%s most=%s options='", commands[c].name,
			    text_str(&words), kind_name(k), more ? "" : words.length ? "2" : "1");
		for (size_t i = 0; i < OPT_COUNT; i++)
			if (option_rows[i].commands & commands[c].bit)
				text_printf(out, "--%s ", option_rows[i].name);
		text_put(out, "'\n		;;\n");
		out->failed |= words.failed;
	}
	text_put(out, "	*) return ;;\n	esac\n");
}

void completion_bash(struct text *out)
{
	text_put(out, head);
	text_put(out, "	if [ \"$COMP_CWORD\" -le 1 ]; then\n		mapfile -t COMPREPLY < <(compgen -W '");
	for (size_t c = 0; c < COMMANDS; c++)
		text_printf(out, "%s ", commands[c].name);
	text_put(out, "help version --help --version' -- \"$cur\")\n		return\n	fi\n"
		      "	while [ \"$i\" -lt \"$COMP_CWORD\" ]; do\n"
		      "		case ${COMP_WORDS[i]} in\n"
		      "		--)\n			rest=$((i + 1))\n"
		      "			break\n			;;\n");
	put_skipped(out);
	text_put(out, "		-*) ;;\n		*) arguments=$((arguments + 1)) ;;\n"
		      "		esac\n		i=$((i + 1))\n	done\n");
	/* What run starts is completed as if it stood alone. */
	text_put(out, "	if [ -n \"$rest\" ]; then\n"
		      "		[ \"$command\" = run ] || { compopt -o default 2>/dev/null; return; }\n"
		      "		if declare -F _command_offset >/dev/null; then _command_offset \"$rest\"\n"
		      "		elif [ \"$rest\" = \"$COMP_CWORD\" ]; then\n"
		      "			mapfile -t COMPREPLY < <(compgen -c -- \"$cur\")\n"
		      "		else compopt -o default 2>/dev/null; fi\n"
		      "		return\n	fi\n"
		      "	local values= words= argument= most= options=\n	case $command:$prev in\n");
	put_values(out);
	text_put(out, "	esac\n");
	put_commands(out);
	text_put(out, "	case $values in\n");
	text_put(out, tail);
}
