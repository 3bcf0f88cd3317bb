// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/person.h"

#include <fcntl.h>
#include <pwd.h>

#include "backproof/text.h"

#define LOGIN_UNSET UINT32_MAX

static char *name_of(uid_t uid)
{
	char buf[4096];
	struct passwd pw, *found = NULL;
	if (getpwuid_r(uid, &pw, buf, sizeof buf, &found) == 0 && found && *found->pw_name &&
	    strlen(found->pw_name) <= 64 && text_is_utf8(found->pw_name))
		return strdup(found->pw_name);
	return text_format("uid %u", (unsigned)uid);
}

/* What the environment says, up to the first blank; NULL: nothing that could be written down. */
static char *said(const char *variable, size_t most)
{
	const char *value = getenv(variable);
	size_t n = value ? strcspn(value, " \t\n") : 0;
	char *copy = n && n <= most ? strndup(value, n) : NULL;
	if (copy && text_is_utf8(copy))
		return copy;
	free(copy);
	return NULL;
}

static char *user_of(uid_t real)
{
	uid_t effective = geteuid();
	autofree char *name = name_of(real), *sudo = said("SUDO_USER", 64);
	autofree char *other = effective == real ? NULL : name_of(effective);
	if (!name || (effective != real && !other))
		return NULL;
	bool by_sudo = sudo && strcmp(sudo, name);
	if (!other && !by_sudo)
		return take(name);
	return text_format("%s (%s%s%s%s%s)", name, other ? "as " : "", other ? other : "",
			   other && by_sudo ? ", " : "", by_sudo ? "sudo: " : "", by_sudo ? sudo : "");
}

/* The kernel gives it once, at log-in, and hands it on: sudo and su do not change it. */
static char *login_name(void)
{
	char buf[32];
	uint64_t uid;
	autoclose int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof buf - 1);
	if (n <= 0)
		return NULL;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return parse_u64(buf, &uid) == 0 && uid < LOGIN_UNSET ? name_of((uid_t)uid) : NULL;
}

static char *terminal_name(void)
{
	static const int fds[] = {STDIN_FILENO, STDERR_FILENO};
	char buf[PERSON_TEXT_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (ttyname_r(fds[i], buf, sizeof buf) == 0 && *buf && text_is_utf8(buf))
			return strdup(buf);
	return NULL;
}

int person_now(struct person *out, struct error *e)
{
	memset(out, 0, sizeof *out);
	out->uid = (uint32_t)getuid();
	out->user = user_of(getuid());
	out->login = login_name();
	out->terminal = terminal_name();
	out->origin = said("SSH_CONNECTION", 64);
	return out->user ? 0 : error_nomem(e);
}

void person_free(struct person *p)
{
	free(p->user);
	free(p->login);
	free(p->terminal);
	free(p->origin);
	memset(p, 0, sizeof *p);
}

void person_put(struct text *out, const char *user, const char *login, const char *terminal, const char *origin)
{
	const struct {
		const char *before, *value;
	} parts[] = {{"", user}, {", logged in as ", login}, {", at ", terminal}, {", from ", origin}};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		if (!parts[i].value || (i == 1 && user && !strcmp(user, login)))
			continue;
		text_put(out, parts[i].before);
		text_put(out, parts[i].value);
	}
}

bool person_may_be(const struct person *a, const struct person *b)
{
	if (a->login && b->login)
		return !strcmp(a->login, b->login);
	return a->uid == b->uid;
}
