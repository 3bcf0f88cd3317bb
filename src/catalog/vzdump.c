// SPDX-License-Identifier: GPL-3.0-or-later
#include "vzdump.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "backproof/text.h"
#include "peek_rows.h"

#define TEXT_MAX (256 * KIB) /* of a log: its beginning and its end */

enum vzdump_kind vzdump_name(const char *name, size_t *stem, struct span *number, struct civil *c)
{
	static const char *const kinds[] = {"vzdump-qemu-", "vzdump-lxc-", "vzdump-openvz-"};
	static const char *const archives[] = {".vma", ".tar", ".tgz"};
	static const char *const codecs[] = {"", ".zst", ".gz", ".lzo", ".xz", ".bz2"};
	size_t at = 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !at; i++)
		at = strncmp(name, kinds[i], strlen(kinds[i])) ? 0 : strlen(kinds[i]);
	number->from = at;
	for (; at && isdigit((unsigned char)name[at]); at++)
		;
	number->to = at;
	if (!at || number->to == number->from || name[at++] != '-')
		return VZDUMP_NONE;
	struct civil civil = {0};
	size_t n = name_date_at(name + at, strlen(name + at), &civil);
	if (!n || name[at + n] != '-')
		return VZDUMP_NONE;
	at += n + 1;
	n = name_clock_at(name + at, strlen(name + at), true, false, &civil);
	if (!n)
		return VZDUMP_NONE;
	*stem = at += n;
	*c = civil;
	const char *rest = name + at;
	if (!strcmp(rest, ".log"))
		return VZDUMP_LOG;
	if (!strcmp(rest, ".tmp") || !strcmp(rest, ".dat"))
		return VZDUMP_UNFINISHED;
	for (size_t i = 0; i < ARRAY_SIZE(archives); i++) {
		if (strncmp(rest, archives[i], 4))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(codecs); k++) {
			size_t len = strlen(codecs[k]);
			const char *end = rest + 4 + len;
			if (strncmp(rest + 4, codecs[k], len))
				continue;
			if (!*end)
				return VZDUMP_ARCHIVE;
			if (!strcmp(end, ".notes"))
				return VZDUMP_NOTES;
			if (!strcmp(end, ".protected"))
				return VZDUMP_BESIDE;
			if (!strcmp(end, ".dat") || !strcmp(end, ".tmp"))
				return VZDUMP_UNFINISHED;
		}
	}
	return VZDUMP_NONE;
}

/* The beginning and the end of a small file, as a text without zeros. */
static char *read_text(int fd, struct error *e)
{
	struct stat st;
	autofree char *text = malloc(TEXT_MAX + 1);
	if (!text || fstat(fd, &st) < 0) {
		(void)!(text ? error_sys(e, "a file beside a backup") : error_nomem(e));
		return NULL;
	}
	size_t size = (size_t)st.st_size, half = TEXT_MAX / 2, have = 0;
	for (size_t want = size < TEXT_MAX ? size : TEXT_MAX; have < want;) {
		bool tail = size > TEXT_MAX && have >= half;
		size_t room = size > TEXT_MAX && !tail ? half - have : want - have;
		off_t from = (off_t)(tail ? size - (want - have) : have);
		ssize_t n = read_whole_at(fd, text + have, room, from);
		if (n < 0) {
			(void)!error_sys(e, "a file beside a backup");
			return NULL;
		}
		if (n == 0)
			break;
		have += (size_t)n;
	}
	for (size_t i = 0; i < have; i++)
		text[i] = text[i] ? text[i] : ' ';
	text[have] = '\0';
	return take(text);
}

/* Adds the rest of the line behind key, trimmed. 0: there is none. -1: memory is out. */
static int add_value(const char *text, const char *key, struct strings *out)
{
	const char *s = strstr(text, key);
	if (!s)
		return 0;
	s += strlen(key);
	s += strspn(s, " \t");
	size_t n = strcspn(s, "\r\n");
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	if (!n || n > NAME_LIMIT)
		return 0;
	autofree char *value = strndup(s, n);
	return value && strings_add(out, value) == 0 ? 1 : -1;
}

const char vzdump_only_log[] = "only its log is left";

static void set_unfinished(struct vzdump_told *t, const char *why)
{
	t->unfinished = t->unfinished ? t->unfinished : why;
}

int peek_log(int fd, struct strings *out, struct error *e)
{
	autofree char *text = read_text(fd, e);
	if (!text)
		return -1;
	int rc = add_value(text, "VM Name: ", out);
	rc = rc ? rc : add_value(text, "CT Name: ", out);
	rc = rc ? rc : strings_add(out, "");
	bool failed = strstr(text, "ERROR: Backup of VM") || strstr(text, "TASK ERROR");
	bool finished = strstr(text, "Finished Backup of VM");
	const char end[] = {failed ? PEEK_FAILED : finished ? PEEK_FINISHED : PEEK_NO_END, 0};
	return rc < 0 || strings_add(out, end) < 0 ? error_nomem(e) : 0;
}

/* What people write there names no machine: "the old mail server, see ticket 12". */
static bool is_guest_name(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	return !s[strspn(s, letters)];
}

int peek_notes(int fd, struct strings *out, struct error *e)
{
	autofree char *text = read_text(fd, e);
	struct strings line = {0};
	if (!text)
		return -1;
	int rc = add_value(text, "", &line);
	if (rc > 0 && is_guest_name(line.items[0]))
		rc = strings_add(out, line.items[0]);
	strings_free(&line);
	return rc < 0 ? error_nomem(e) : 0;
}

static int read_log(struct vzdump_told *t, const struct strings *said)
{
	char end = *said->items[1];
	if (*said->items[0]) {
		free(t->guest);
		if (!(t->guest = strdup(said->items[0])))
			return -1;
	}
	if (end == PEEK_FAILED)
		set_unfinished(t, "its log says that the job failed");
	else if (end == PEEK_NO_END)
		set_unfinished(t, "its log has no end");
	return 0;
}

/* Not gone with the backup that it is of. */
static bool is_there(int dir, const char *name)
{
	struct stat st;
	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int vzdump_tell(struct vzdump_told *t, int dir, const char *name, enum vzdump_kind kind, struct error *e)
{
	struct strings said = {0};
	if (kind == VZDUMP_UNFINISHED)
		set_unfinished(t, "it is being written");
	/* What the notes say counts only where no log does. */
	bool log = kind == VZDUMP_LOG;
	if (!log && (kind != VZDUMP_NOTES || t->guest))
		return 0;
	int rc = peek_file(log ? PEEK_LOG : PEEK_NOTES, dir, name, &said, e);
	if (rc < 0 && e->cls == ERROR_INTERNAL)
		return -1;
	/* It may have told of a failure. Notes say whose it is: not to know that may pass over the newest one. */
	if (log && rc <= 0)
		set_unfinished(t, "its log can't be read");
	else if (rc < 0)
		return (t->unread = strdup(e->text)) ? 0 : error_nomem(e);
	else if (rc == 0 && is_there(dir, name))
		return (t->unread = text_format("%s: no file that can be read", name)) ? 0 : error_nomem(e);
	if (rc <= 0)
		return 0;
	rc = log ? read_log(t, &said) : said.count && !(t->guest = strdup(said.items[0])) ? -1 : 0;
	strings_free(&said);
	return rc < 0 ? error_nomem(e) : 0;
}
