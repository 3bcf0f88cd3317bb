// SPDX-License-Identifier: GPL-3.0-or-later
/* A subject of a few volumes: file systems that real tools made, in memory, so that they can be damaged once open. */
#ifndef VOLUMES_HELP_H
#define VOLUMES_HELP_H

#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/subject/facts.h"
#include "fixture.h"

static char dir[] = "/tmp/backproof-volumes-XXXXXX";
static struct subject subject;
static struct findings findings;
static struct error why;
static struct subject_disk disks[4];
static struct volume volumes[4];
static uint8_t *images[4];
static size_t sizes[4];

static inline void sh(const char *fmt, ...)
{
	char command[2000];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		exit(99);
	}
}

static inline void subject_begin(void)
{
	memset(&subject, 0, sizeof subject);
	memset(disks, 0, sizeof disks);
	memset(volumes, 0, sizeof volumes);
	NEED(findings_init(&findings) == 0);
}

/* One more volume with what lies in a file; NULL: without a file system. Pointers stay good up to four. */
static inline struct subject_volume *add_volume(const char *type, const char *file)
{
	char path[300];
	size_t i = subject.volumes.count;
	NEED(i < 4);
	struct subject_volume *v = vec_push(&subject.volumes);
	NEED(v);
	v->disk = &disks[i];
	v->volume = &volumes[i];
	v->volume->number = (unsigned)i + 1;
	v->needed = true;
	v->name = malloc(16);
	NEED(v->name);
	snprintf(v->name, 16, "disk:%zu", i + 1);
	images[i] = NULL;
	if (!file)
		return v;
	snprintf(path, sizeof path, "%s/%s", dir, file);
	images[i] = fixture_file(path, &sizes[i]);
	NEED(images[i]);
	v->volume->window = source_memory(images[i], sizes[i], v->name, &why);
	NEED(v->volume->window);
	snprintf(v->volume->content.type, sizeof v->volume->content.type, "%s", type);
	v->fs = fs_open(type, v->volume->window, v->name, &findings, &why);
	NEED(v->fs);
	return v;
}

static inline void subject_end(void)
{
	for (size_t i = 0; i < subject.volumes.count; i++) {
		struct subject_volume *v = &subject.volumes.items[i];
		fs_destroy(v->fs);
		source_destroy(v->volume->window);
		free(images[i]);
		free(v->name);
		free(v->mount);
	}
	free(subject.volumes.items);
	facts_free(&subject.facts);
	findings_free(&findings);
}

static inline const struct finding *said(const char *check, enum outcome o)
{
	for (size_t i = 0; i < findings.count; i++)
		if (!strcmp(findings.items[i].check, check) && findings.items[i].outcome == o)
			return &findings.items[i];
	return NULL;
}

/* Damages every place of a volume that holds the bytes. */
static inline size_t spoil(size_t i, const char *bytes)
{
	size_t n = strlen(bytes), count = 0;
	for (uint8_t *at = images[i]; (at = memmem(at, sizes[i] - (size_t)(at - images[i]), bytes, n)); at++, count++)
		*at ^= 0x20;
	return count;
}

#endif
