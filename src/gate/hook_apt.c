// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Version 3 of the protocol of DPkg::Pre-Install-Pkgs (apt.conf(5)): "VERSION 3", apt's configuration as key=value
 * with %-encoding, an empty line, and a line an action:
 *
 *     NAME OLD-VERSION ARCH MULTI-ARCH DIRECTION NEW-VERSION ARCH MULTI-ARCH ACTION
 *
 * There is no mark at the end: what is behind the empty line may be nothing at all (apt -f install of a package that
 * only has to be configured), and a line that has no end was cut.
 */
#include "hook_apt.h"

#include <strings.h>

#include "backproof/text.h"

enum { NAME, OLD, OLD_ARCH, OLD_MULTI, DIRECTION, NEW, NEW_ARCH, NEW_MULTI, ACTION, FIELDS };

struct word {
	const char *at;
	size_t length;
};

struct parser {
	const char *text, *end;
	unsigned line;
	bool fix_broken, other_command;
	size_t commands; /* how often the command line was told */
	VEC(struct word) gone;
	VEC(struct word) new; /* unpacked where none was */
	struct apt_transaction *out;
	struct error *e;
};

static int not_apt(struct parser *p, const char *what)
{
	return error_set(p->e, ERROR_CORRUPT, ERROR_NO_OFFSET,
			 "what apt is about to do can't be understood: line %u: %s", p->line, what);
}

static bool is(struct word w, const char *text)
{
	return w.length == strlen(text) && !memcmp(w.at, text, w.length);
}

static bool same(struct word a, struct word b)
{
	return a.length == b.length && !memcmp(a.at, b.at, a.length);
}

/* 1: the next line, without its end; 0: there is none; -1: it has no end. */
static int next_line(struct parser *p, struct word *out)
{
	p->line++;
	if (p->text == p->end)
		return 0;
	const char *end = memchr(p->text, '\n', (size_t)(p->end - p->text));
	if (!end)
		return not_apt(p, "it was cut");
	*out = (struct word){p->text, (size_t)(end - p->text)};
	p->text = end + 1;
	if (memchr(out->at, '\0', out->length))
		return not_apt(p, "a NUL byte");
	return 1;
}

/* %XX as apt writes it. What is no such thing stays. Allocated; NULL: no memory. */
static char *decode(struct word w)
{
	char *s = malloc(w.length + 1), *to = s;
	if (!s)
		return NULL;
	for (size_t i = 0; i < w.length; i++) {
		char hex[3] = {0}, *end;
		if (w.at[i] == '%' && w.length - i > 2) {
			memcpy(hex, w.at + i + 1, 2);
			long v = strtol(hex, &end, 16);
			if (end == hex + 2 && v > 0 && hex[0] != '+' && hex[0] != '-' && hex[0] != ' ') {
				*to++ = (char)v;
				i += 2;
				continue;
			}
		}
		*to++ = w.at[i];
	}
	*to = '\0';
	return s;
}

/*
 * "apt-get -f install" with words that take nothing behind them, and no package. Any other word, and it may be one that
 * asks for more than to mend what is broken.
 */
static int repairs_only(struct word value, bool *yes)
{
	static const char *const plain[] = {"-f", "--fix-broken", "-y", "--yes", "--assume-yes", "-q", "-qq", "--quiet",
					    "-fy", "-yf", "-qy", "-yq", "-qqy", "-yqq", "--no-install-recommends"};
	struct strings words = {0};
	autofree char *line = decode(value);
	*yes = false;
	if (!line || strings_split(&words, line) < 0) {
		strings_free(&words);
		return -1;
	}
	const char *program = words.count ? path_base(words.items[0]) : "";
	bool good = !strcmp(program, "apt-get") || !strcmp(program, "apt");
	size_t installs = 0;
	for (size_t i = 1; i < words.count; i++) {
		bool known = false;
		installs += !strcmp(words.items[i], "install");
		for (size_t k = 0; k < ARRAY_SIZE(plain); k++)
			known |= !strcmp(words.items[i], plain[k]);
		good &= known || !strcmp(words.items[i], "install");
	}
	*yes = good && installs == 1;
	strings_free(&words);
	return 0;
}

static int configuration_line(struct parser *p, struct word line)
{
	const char *equals = memchr(line.at, '=', line.length);
	if (!equals || equals == line.at)
		return not_apt(p, "no line of a configuration");
	struct word key = {line.at, (size_t)(equals - line.at)};
	struct word value = {equals + 1, line.length - key.length - 1};
	static const char command[] = "CommandLine::AsString", fix[] = "APT::Get::Fix-Broken";
	if (key.length == sizeof fix - 1 && !strncasecmp(key.at, fix, key.length))
		p->fix_broken = is(value, "1") || is(value, "true") || is(value, "yes");
	if (key.length != sizeof command - 1 || strncasecmp(key.at, command, key.length))
		return 0;
	bool repairs;
	p->commands++;
	if (repairs_only(value, &repairs) < 0)
		return error_nomem(p->e);
	p->other_command |= !repairs;
	return 0;
}

static int head(struct parser *p)
{
	struct word line;
	int rc = next_line(p, &line);
	if (rc < 0)
		return -1;
	if (rc == 0 || line.length < 9 || memcmp(line.at, "VERSION ", 8))
		return not_apt(p, "it does not begin with VERSION 3");
	if (!is(line, "VERSION 3"))
		return error_set(p->e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "apt speaks another version of its protocol than 3");
	while ((rc = next_line(p, &line)) > 0 && line.length)
		if (configuration_line(p, line) < 0)
			return -1;
	return rc < 0 ? -1 : rc == 0 ? not_apt(p, "it ends within the configuration") : 0;
}

static bool made_of(struct word w, const char *others)
{
	for (size_t i = 0; i < w.length; i++) {
		char c = w.at[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!plain && !strchr(others, c))
			return false;
	}
	return w.length > 0;
}

static int split(struct parser *p, struct word line, struct word f[FIELDS])
{
	for (int i = 0; i < ACTION; i++) {
		const char *blank = memchr(line.at, ' ', line.length);
		if (!blank)
			return not_apt(p, "too few words");
		f[i] = (struct word){line.at, (size_t)(blank - line.at)};
		line.length -= f[i].length + 1;
		line.at = blank + 1;
	}
	f[ACTION] = line; /* the name of a file may have blanks */
	bool sound = made_of(f[NAME], "+-.") && made_of(f[OLD], ".+-~:") && made_of(f[NEW], ".+-~:") &&
		     made_of(f[OLD_ARCH], "-") && made_of(f[NEW_ARCH], "-") && made_of(f[OLD_MULTI], "-") &&
		     made_of(f[NEW_MULTI], "-") && line.length &&
		     (is(f[DIRECTION], "<") || is(f[DIRECTION], ">") || is(f[DIRECTION], "="));
	return sound ? 0 : not_apt(p, "a word that can't be there");
}

static bool is_own(struct word name)
{
	static const char prefix[] = "backproof-";
	return is(name, "backproof") ||
	       (name.length > sizeof prefix - 1 && !memcmp(name.at, prefix, sizeof prefix - 1));
}

static int count_upgrade(struct parser *p, struct word name)
{
	if (is_own(name)) {
		p->out->own++;
		return 0;
	}
	p->out->upgrades++;
	if (!p->out->first && !(p->out->first = strndup(name.at, name.length)))
		return error_nomem(p->e);
	return 0;
}

/* The same package again, or an older one, takes nothing forward. */
static int unpack(struct parser *p, const struct word f[FIELDS])
{
	bool was_there = !is(f[OLD], "-");
	if (is(f[NEW], "-"))
		return not_apt(p, "a package without a version");
	if (!was_there && !is(f[DIRECTION], "<"))
		return not_apt(p, "an older version of nothing");
	if (!was_there) {
		struct word *n = vec_push(&p->new);
		if (!n)
			return error_nomem(p->e);
		*n = f[NAME];
		return 0;
	}
	bool again = is(f[DIRECTION], "=") && same(f[OLD], f[NEW]) && same(f[OLD_ARCH], f[NEW_ARCH]);
	return again || is(f[DIRECTION], ">") ? 0 : count_upgrade(p, f[NAME]);
}

static int action(struct parser *p, struct word line)
{
	struct word f[FIELDS];
	if (++p->out->actions > HOOK_APT_ACTIONS)
		return error_set(p->e, ERROR_LIMIT, ERROR_NO_OFFSET, "apt is about to do more than can be looked at");
	if (split(p, line, f) < 0)
		return -1;
	/* A file whose name apt does not know is one to be unpacked. */
	if (*f[ACTION].at == '/' || is(f[ACTION], "**ERROR**"))
		return unpack(p, f);
	if (is(f[ACTION], "**CONFIGURE**"))
		return 0;
	if (!is(f[ACTION], "**REMOVE**"))
		return not_apt(p, "an action that is not known");
	struct word *g = vec_push(&p->gone);
	if (!g)
		return error_nomem(p->e);
	*g = f[NAME];
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct word *x = a, *y = b;
	int order = memcmp(x->at, y->at, x->length < y->length ? x->length : y->length);
	return order ? order : (x->length > y->length) - (x->length < y->length);
}

/* A package that goes in one architecture and comes in another may be a newer one. */
static int across(struct parser *p)
{
	if (!p->gone.count)
		return 0;
	qsort(p->gone.items, p->gone.count, sizeof *p->gone.items, by_name);
	vec_each(&p->new, n)
		if (bsearch(n, p->gone.items, p->gone.count, sizeof *n, by_name) && count_upgrade(p, *n) < 0)
			return -1;
	return 0;
}

static int parse(struct parser *p)
{
	struct word line;
	int rc;
	if (head(p) < 0)
		return -1;
	while ((rc = next_line(p, &line)) > 0)
		if (action(p, line) < 0)
			return -1;
	if (rc < 0 || across(p) < 0)
		return -1;
	p->out->repairs = p->fix_broken && p->commands == 1 && !p->other_command;
	return 0;
}

int apt_transaction_parse(const char *text, size_t length, struct apt_transaction *out, struct error *e)
{
	struct parser p = {.text = text, .end = text + length, .out = out, .e = e};
	memset(out, 0, sizeof *out);
	int rc = length > HOOK_APT_MAX ? error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
						   "apt tells more than can be looked at")
				       : parse(&p);
	vec_free(&p.gone);
	vec_free(&p.new);
	if (rc < 0)
		apt_transaction_free(out);
	return rc;
}

bool apt_transaction_is_gated(const struct apt_transaction *t)
{
	return t->upgrades && !t->repairs;
}

void apt_transaction_free(struct apt_transaction *t)
{
	free(t->first);
	memset(t, 0, sizeof *t);
}
