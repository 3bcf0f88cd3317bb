// SPDX-License-Identifier: GPL-3.0-or-later
#include "vzdump.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>

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

/* The beginning and the end of a small file. *out is NULL where it can't be read. */
static int read_text(int fd, const char *name, char **out)
{
	*out = NULL;
	autoclose int f = openat(fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (f < 0 || fstat(f, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	size_t size = (size_t)st.st_size, half = TEXT_MAX / 2, have = 0;
	autofree char *text = malloc(TEXT_MAX + 1);
	if (!text)
		return -1;
	for (size_t want = size < TEXT_MAX ? size : TEXT_MAX; have < want;) {
		bool tail = size > TEXT_MAX && have >= half;
		size_t room = size > TEXT_MAX && !tail ? half - have : want - have;
		off_t from = (off_t)(tail ? size - (want - have) : have);
		ssize_t n = read_whole_at(f, text + have, room, from);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	for (size_t i = 0; i < have; i++)
		text[i] = text[i] ? text[i] : ' ';
	text[have] = '\0';
	*out = take(text);
	return 0;
}

/* The rest of the line behind key, trimmed, or NULL. */
static char *value_of(const char *text, const char *key)
{
	const char *s = strstr(text, key);
	if (!s)
		return NULL;
	s += strlen(key);
	s += strspn(s, " \t");
	size_t n = strcspn(s, "\r\n");
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	return n && n <= NAME_LIMIT ? strndup(s, n) : NULL;
}

const char vzdump_only_log[] = "only its log is left";

static void set_unfinished(struct vzdump_told *t, const char *why)
{
	t->unfinished = t->unfinished ? t->unfinished : why;
}

/* text: NULL where the log can't be read, which may have told of a failure. */
static void read_log(struct vzdump_told *t, const char *text)
{
	if (!text) {
		set_unfinished(t, "its log can't be read");
		return;
	}
	char *guest = value_of(text, "VM Name: ");
	guest = guest ? guest : value_of(text, "CT Name: ");
	if (guest) {
		free(t->guest);
		t->guest = guest;
	}
	if (strstr(text, "ERROR: Backup of VM") || strstr(text, "TASK ERROR"))
		set_unfinished(t, "its log says that the job failed");
	else if (!strstr(text, "Finished Backup of VM"))
		set_unfinished(t, "its log has no end");
}

int vzdump_tell(struct vzdump_told *t, int dir, const char *name, enum vzdump_kind kind)
{
	autofree char *text = NULL;
	if (kind == VZDUMP_UNFINISHED)
		set_unfinished(t, "it is being written");
	/* What the notes say counts only where no log does. */
	bool wanted = kind == VZDUMP_LOG || (kind == VZDUMP_NOTES && !t->guest);
	if (!wanted)
		return 0;
	if (read_text(dir, name, &text) < 0)
		return -1;
	if (kind == VZDUMP_LOG)
		read_log(t, text);
	else
		t->guest = text ? value_of(text, "") : NULL;
	return 0;
}
