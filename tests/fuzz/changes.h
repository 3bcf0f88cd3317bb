// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile values whose outcome is known: tests/fuzz/changes/NAME.list of the driver NAME. A line is
 *
 *     IMAGE[!] AT=BYTES [AT=BYTES]... | what is said of it
 *
 * with offsets and bytes in hexadecimal; "!": checksums are made right again behind the changes. What is said (fs_tour)
 * is the outcome, the first check that spoke against it with its class of error, and what then could not be read. With
 * CHANGES_WRITE=1 what is said now is written into the list, to be looked at with git diff.
 */
#ifndef FUZZ_CHANGES_H
#define FUZZ_CHANGES_H

#include "fs_tour.h"

static struct fs_tour tour;
static __attribute__((unused)) int changes_replay(struct fs_tour *t, const char *program);
#define PATCHES_ALSO(program) changes_replay(&tour, program)

#include "patches.h"

static inline const char *changes_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static inline const struct patch_base *changes_base(const char *name, size_t n, size_t *which)
{
	for (*which = 0; *which < patch_base_count; ++*which) {
		const char *own = changes_name(patch_bases[*which].path);
		if (!strncmp(own, name, n) && (!own[n] || own[n] == '.'))
			return &patch_bases[*which];
	}
	return NULL;
}

/* One line, its changes done and undone again. false: it is none. */
static inline bool changes_line(struct fs_tour *t, const char *line)
{
	static struct patched p;
	size_t n = strcspn(line, " !"), places[PATCH_MOST], changes = 0, which;
	const struct patch_base *b = changes_base(line, n, &which);
	if (!b)
		return false;
	p.data = b->data;
	p.size = p.stored = b->size;
	p.which = which;
	p.path = b->path;
	bool mended = line[n] == '!';
	const char *s = line + n + mended;
	while (*s == ' ' && s[1] != '|') {
		char *end;
		size_t at = strtoull(s + 1, &end, 16), first = at;
		if (*end++ != '=' || changes == PATCH_MOST)
			return false;
		for (unsigned byte; sscanf(end, "%2x", &byte) == 1 && *end != ' '; end += 2, at++)
			patch_write(&p, at, (uint8_t[]){(uint8_t)byte}, 1);
		places[changes++] = first;
		s = end;
	}
	for (size_t i = 0; mended && i < changes; i++)
		mend(&p, places[i]);
	fs_tour(t, p.data, p.size);
	while (p.count) {
		p.count--;
		memcpy(p.data + p.touched[p.count], p.saved[p.count], PATCH_UNIT);
	}
	return changes > 0;
}

static __attribute__((unused)) int changes_replay(struct fs_tour *t, const char *program)
{
	char path[256], *line = NULL;
	size_t room = 0;
	int count = 0;
	bool writes = getenv("CHANGES_WRITE");
	snprintf(path, sizeof path, "tests/fuzz/changes/%s.list", changes_name(program));
	FILE *list = fopen(path, "r"), *anew = writes ? tmpfile() : NULL;
	if (!list)
		return 0;
	for (ssize_t n; (n = getline(&line, &room, list)) > 0; count++) {
		char *want = strstr(line, " | ");
		line[strcspn(line, "\n")] = 0;
		if (!want || !changes_line(t, line)) {
			fprintf(stderr, "%s: what is %s?\n", path, line);
			abort();
		}
		*want = 0;
		if (writes) {
			fprintf(anew, "%s | %s\n", line, t->said);
		} else if (strcmp(want + 3, t->said)) {
			fprintf(stderr, "%s: %s: \"%s\", and not \"%s\"\n", path, line, t->said, want + 3);
			test_failed++;
		}
	}
	fclose(list);
	if (writes) {
		list = fopen(path, "w");
		rewind(anew);
		while (list && getline(&line, &room, anew) > 0)
			fputs(line, list);
		NEED(list && fclose(list) == 0);
		fclose(anew);
	}
	free(line);
	return count;
}

#endif
