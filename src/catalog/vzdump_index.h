// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A dump directory, read once: names at first, logs only as far back as somebody looks, and each of them once. Finding
 * is thread-safe.
 */
#ifndef CATALOG_VZDUMP_INDEX_H
#define CATALOG_VZDUMP_INDEX_H

#include <pthread.h>
#include <stdatomic.h>

#include "asked.h"
#include "backproof/catalog.h"
#include "backproof/text.h"
#include "names.h"
#include "vzdump.h"

struct vzdump_file {
	uint32_t name; /* offset in text */
	uint32_t next; /* of the same point; index + 1, 0: none */
	uint8_t kind;
};
struct vzdump_point {
	int64_t time;
	uint32_t hash, files; /* index + 1 of the first one */
	uint32_t label;	      /* offset in text of a name that begins with it */
	uint8_t stem, number_from, number_to;
	struct vzdump_told told; /* once its night was read */
};
/* Points of about one day: their logs are read together, when the first host asks for one as old. */
struct vzdump_night {
	size_t first, count;
	struct names guests; /* place: index of the point */
	atomic_bool ready;
};

struct vzdump_index {
	char *path;
	int fd;
	struct text text; /* names, each with its NUL */
	VEC(struct vzdump_file) files;
	VEC(struct vzdump_point) points; /* newest first, once all is read */
	VEC(struct vzdump_night) nights;
	uint32_t *slots; /* while reading: index + 1 of points by hash */
	size_t slot_count;
	pthread_mutex_t lock; /* of nights that are not ready */
	atomic_bool failed;   /* for this reason, the first: */
	struct error why;
};

/* fd: of the directory, and copied. any: is there anything of vzdump in it? */
struct vzdump_index *vzdump_index_read(int fd, const char *path, bool *any, struct error *e) must_check;
void vzdump_index_free(struct vzdump_index *v);
DEFINE_AUTO(struct vzdump_index, vzdump_index_free)
/* As found_answer. The newest of them, at least as many as asked for where there are as many. */
int vzdump_index_find(struct vzdump_index *v, const struct asked *a, size_t newest, struct catalog *out,
		      struct error *e) must_check;

/* For vzdump_find.c. */
const char *vzdump_text(const struct vzdump_index *v, uint32_t at);
/* The files of a point by name. There are no more of one stem: their endings are fixed. */
#define VZDUMP_FILES 96
size_t vzdump_files(const struct vzdump_index *v, const struct vzdump_point *p,
		    const struct vzdump_file *out[VZDUMP_FILES]);
bool vzdump_is_image(const struct vzdump_file *f);
/* Reads its logs, unless that is done. */
int vzdump_read_night(struct vzdump_index *v, struct vzdump_night *n, struct error *e) must_check;

#endif
