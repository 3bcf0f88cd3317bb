// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What pass verify --state keeps: of each host the time and the id of the newest pass that was seen, so that an older
 * one, which was good then, can't be shown again. A file that is not exactly as it is written here is an error, for
 * what it knew is lost; whoever starts anew removes it.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "backproof/budget.h"
#include "backproof/gate.h"
#include "backproof/pass.h"
#include "backproof/subject.h"
#include "backproof/whole_file.h"

#define STATE_MAX (16 * MIB)
#define LOCK_MS 2000
#define WAIT_MS 20

static int broken(struct error *e, const char *path, const char *what)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
			 "%s: no state of passes (%s): what it knew is lost; remove it to start anew", path, what);
}

/* Its hosts, or a new object. NULL: failed. */
static json_t *load(const char *path, struct error *e)
{
	struct error why = {0};
	struct stat st;
	json_error_t at;
	size_t length;
	autofree char *text = whole_file_read(path, STATE_MAX, &length, &why);
	/* A link that leads nowhere has led somewhere. */
	if (!text && why.sys == ENOENT && lstat(path, &st) < 0)
		return json_object();
	if (!text) {
		*e = why;
		return NULL;
	}
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &at);
	json_t *version = json_object_get(root, "format_version"), *hosts = json_object_get(root, "passes");
	bool good = json_is_object(hosts) && json_object_size(root) == 2 && json_is_string(version) &&
		    !strcmp(json_string_value(version), "1.0");
	json_incref(hosts);
	if (!good)
		broken(e, path, root ? "another format" : at.text);
	json_decref(root);
	if (good)
		return hosts;
	json_decref(hosts);
	return NULL;
}

/*
 * 1: an older one, or another of the same second, was asked about; 0: not; -1: the entry is broken. *known: it is this
 * very one.
 */
static int compare(const char *path, json_t *entry, const struct pass *p, bool *known, struct error *e)
{
	const char *time = json_string_value(json_object_get(entry, "verified_at"));
	const char *id = json_string_value(json_object_get(entry, "id"));
	int64_t seen;
	if (!time || !id || json_object_size(entry) != 2 || strlen(id) != 32 || parse_rfc3339(time, &seen) < 0)
		return broken(e, path, "an entry is not right");
	*known |= !strcmp(p->id, id) && p->verified_at == seen;
	return p->verified_at < seen || (p->verified_at == seen && strcmp(p->id, id));
}

/* A host may have been checked once by its short name and once by the long one. */
static int compare_all(const char *path, json_t *hosts, const struct pass *p, bool *known, struct error *e)
{
	const char *name;
	json_t *entry;
	int rc = 0;
	json_object_foreach(hosts, name, entry)
	{
		if (!same_host(name, p->host))
			continue;
		int one = compare(path, entry, p, known, e);
		if (one < 0)
			return -1;
		rc |= one;
	}
	return rc;
}

static int store(const char *path, json_t *hosts, const char *key, const struct pass *p, struct error *e)
{
	char buf[32];
	json_t *entry = json_pack("{s:s,s:s}", "verified_at", format_rfc3339(p->verified_at, buf), "id", p->id);
	if (!entry || json_object_set_new(hosts, key, entry) < 0)
		return error_nomem(e);
	json_t *root = json_pack("{s:s,s:O}", "format_version", "1.0", "passes", hosts);
	char *text = root ? json_dumps(root, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	int rc = text ? whole_file_write(path, text, strlen(text), 0600, true, e) : error_nomem(e);
	free(text);
	json_decref(root);
	return rc;
}

/* Two at once would lose what one of them has seen. Held until it is closed. */
static int lock(const char *path, struct error *e)
{
	autofree char *name = text_format("%s.lock", path);
	if (!name)
		return error_nomem(e);
	autoclose int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (fd < 0)
		return error_sys(e, "%s", name);
	for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += WAIT_MS) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_sys(e, "%s", name);
		if (waited >= LOCK_MS)
			return error_set(e, ERROR_BUSY, ERROR_NO_OFFSET, "%s: another run holds it", name);
		usleep(WAIT_MS * 1000);
	}
	int held = fd;
	fd = -1;
	return held;
}

int pass_state_update(const char *path, const struct pass *p, struct error *e)
{
	autofree char *key = strdup(p->host);
	if (!key)
		return error_nomem(e);
	for (char *s = key; *s; s++)
		*s = (char)tolower((unsigned char)*s);
	autoclose int fd = lock(path, e);
	if (fd < 0)
		return -1;
	json_t *hosts = load(path, e);
	if (!hosts)
		return -1;
	bool known = false;
	int rc = compare_all(path, hosts, p, &known, e);
	if (rc == 0 && !known)
		rc = store(path, hosts, key, p, e);
	json_decref(hosts);
	return rc;
}
