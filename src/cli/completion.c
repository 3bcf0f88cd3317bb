// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof completion bash|zsh|fish */
#include "completion.h"

#include "commands.h"
#include "output.h"

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = text; (p = strstr(p, word)) != NULL; p += n) {
		bool starts = p == text || strchr(" ,:|", p[-1]), ends = !p[n] || strchr(" ,:|", p[n]);
		if (starts && ends)
			return true;
	}
	return false;
}

static void add_word(struct text *out, const char *word, size_t len)
{
	text_put(out, out->length ? " " : "");
	text_put_bytes(out, word, len);
}

/* "auto|sample|full": each of them, where all are written small. */
static bool split_choices(const char *form, size_t len, struct text *out)
{
	for (size_t i = 0; i < len; i++)
		if (!(form[i] >= 'a' && form[i] <= 'z') && form[i] != '|' && form[i] != '-')
			return false;
	for (size_t at = 0; at < len;) {
		size_t n = strcspn(form + at, "|");
		if (n > len - at)
			n = len - at;
		add_word(out, form + at, n);
		at += n + 1;
	}
	return len > 0;
}

const char *completion_help(const struct option_row *row, enum command_bit command)
{
	const char *words = option_words(row->name, command);
	return words ? words : row->help;
}

enum word_kind completion_value(const struct option_row *row, enum command_bit command, struct text *choices)
{
	static const struct {
		enum option_id id;
		enum word_kind kind;
	} by_option[] = {
		{OPT_CAT, WORD_ANY}, /* in the backup */
		{OPT_LS, WORD_NONE},
		{OPT_POLICY, WORD_POLICY},
		{OPT_HOST, WORD_HOST},
	};
	static const struct {
		const char *form;
		enum word_kind kind;
	} by_form[] = {
		{"FILE", WORD_FILE}, {"PATH", WORD_FILE}, {"DEVICE|FILE", WORD_FILE}, {"DIR", WORD_DIRECTORY},
	};
	size_t count;
	if (!row->value)
		return WORD_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(by_option); i++)
		if (row == &option_rows[by_option[i].id])
			return by_option[i].kind;
	for (size_t i = 0; i < ARRAY_SIZE(by_form); i++)
		if (!strcmp(row->value, by_form[i].form))
			return by_form[i].kind;
	if (row == &option_rows[OPT_FORMAT]) {
		const char *const *names = report_format_names(&count);
		for (size_t i = 0; i < count; i++)
			if (has_word(completion_help(row, command), names[i]))
				add_word(choices, names[i], strlen(names[i]));
		return WORD_CHOICE;
	}
	return strchr(row->value, '|') && split_choices(row->value, strlen(row->value), choices) ? WORD_CHOICE
												  : WORD_ANY;
}

/* Behind the name, wherever it stands: "key new FILE | key show FILE..." has two of them. */
void completion_words(const struct command *c, struct text *out)
{
	size_t n = strlen(c->name);
	for (const char *p = c->synopsis; (p = strstr(p, c->name)) != NULL; p += n)
		if (p[n] == ' ' && (p == c->synopsis || p[-1] == ' '))
			(void)split_choices(p + n + 1, strcspn(p + n + 1, " "), out);
}

enum word_kind completion_argument(const struct command *c, bool *more)
{
	*more = strstr(c->synopsis, "...") != NULL && c->bit != FOR_RUN;
	return strstr(c->synopsis, " HOST") || strstr(c->synopsis, "[HOST")   ? WORD_HOST
	       : strstr(c->synopsis, " FILE") || strstr(c->synopsis, " PATH") ? WORD_FILE
									      : WORD_NONE;
}

int command_completion(struct options *o)
{
	static const struct {
		const char *shell;
		void (*put)(struct text *out);
	} shells[] = {{"bash", completion_bash}, {"zsh", completion_zsh}, {"fish", completion_fish}};
	autotext struct text t = {0};
	const char *shell = o->arguments.count == 1 ? o->arguments.items[0] : "";
	for (size_t i = 0; i < ARRAY_SIZE(shells); i++) {
		if (strcmp(shell, shells[i].shell))
			continue;
		shells[i].put(&t);
		return output_show(&t);
	}
	return complain(CODE_USAGE, "completion takes one word: bash, zsh or fish");
}
