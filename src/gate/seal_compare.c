// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * --against: the disk in the backup and the snapshot that it was made of, read side by side on all cores. A raw disk
 * leaves nothing out. What an image format leaves out may not have been wanted: where there is data in the source all
 * the same, the file system there decides, if it can tell what is in use, and else that is told and not judged. The
 * shorter of the two goes on as zeros.
 */
#include <pthread.h>

#include "backproof/pool.h"
#include "backproof/text.h"
#include "sealing.h"

#define PIECE (4 * MIB)
#define BLOCK ((size_t)4096)

struct comparison {
	struct source *image, *source;
	uint64_t size; /* of the longer one */
	bool sparse;   /* the image has a map of what it holds, */
	bool used;     /* which leaves out what is not in use: that is read only where it is known to be in use */
	const struct budget *budget;
	pthread_mutex_t lock; /* of what follows */
	uint64_t at;
	uint64_t compared, skipped; /* bytes */
	uint64_t differ, left_out;  /* blocks */
	uint64_t free;		    /* blocks with data that are left out, and free by the source's account */
	struct used_map *map;
	uint64_t use_from, use_to; /* of which this is known: */
	enum use use;
	uint64_t first;		    /* offset of the first that differs */
	bool failed;
	struct error error;
};

/* A run that is alike in both respects, up to a piece. */
struct piece {
	uint64_t offset, length;
	bool absent, zero; /* the image holds none of it; nor does the source */
};

/* Behind the end there are zeros. */
static int extent_of(struct source *s, uint64_t size, uint64_t off, struct extent *x, struct error *e)
{
	if (off < source_size(s))
		return source_extent_at(s, off, x, e);
	*x = (struct extent){size - off, true};
	return 0;
}

static int read_of(struct source *s, uint64_t off, uint8_t *to, size_t n, struct error *e)
{
	uint64_t size = source_size(s), have = off < size ? size - off : 0;
	size_t real = have < n ? (size_t)have : n;
	memset(to + real, 0, n - real);
	return real ? source_read_at(s, off, to, real, e) : 0;
}

/* Under lock. *length: so much behind it is alike. */
static enum use use_at(struct comparison *c, uint64_t off, uint64_t *length)
{
	if (off < c->use_from || off >= c->use_to) {
		c->use = used_map_at(c->map, off, length);
		c->use_from = off;
		if (add_overflows(off, *length, &c->use_to))
			c->use_to = UINT64_MAX;
	}
	*length = c->use_to - off;
	return c->use;
}

/* The next run that has to be read. 1, 0 at the end, -1. Under lock. */
static int next_piece(struct comparison *c, struct piece *out, struct error *e)
{
	while (c->at < c->size) {
		struct extent image, source = {0};
		if (budget_check(c->budget, e) < 0 || extent_of(c->image, c->size, c->at, &image, e) < 0)
			return -1;
		uint64_t alike;
		if (image.zero && c->used) {
			bool taken = use_at(c, c->at, &alike) == USE_TAKEN;
			image.length = alike < image.length ? alike : image.length;
			if (!taken) {
				c->skipped += image.length;
				c->at += image.length;
				continue;
			}
		}
		if (extent_of(c->source, c->size, c->at, &source, e) < 0)
			return -1;
		uint64_t n = image.length < source.length ? image.length : source.length;
		if (image.zero && source.zero) {
			c->compared += n;
			c->at += n;
			continue;
		}
		n = n < PIECE ? n : PIECE - c->at % BLOCK;
		*out = (struct piece){c->at, n, image.zero, source.zero};
		c->at += n;
		return 1;
	}
	return 0;
}

/* A block that differs, of n bytes, its first such byte at off. Under lock. */
static void count_block(struct comparison *c, const struct piece *p, uint64_t off, size_t n)
{
	uint64_t alike;
	enum use use = p->absent && c->sparse ? use_at(c, off, &alike) : USE_TAKEN;
	if (use == USE_TAKEN) {
		if (!c->differ || off < c->first)
			c->first = off;
		c->differ++;
		return;
	}
	*(use == USE_FREE ? &c->free : &c->left_out) += 1;
	c->compared -= n;
}

/* Blocks are counted from the beginning of the disk. */
static void count_differing(struct comparison *c, const struct piece *p, const uint8_t *a, const uint8_t *b)
{
	size_t n = (size_t)p->length;
	for (size_t i = 0, len; i < n; i += len) {
		len = BLOCK - (p->offset + i) % BLOCK;
		len = len < n - i ? len : n - i;
		if (!memcmp(a + i, b + i, len))
			continue;
		size_t k = 0;
		while (a[i + k] == b[i + k])
			k++;
		count_block(c, p, p->offset + i + k, len);
	}
}

static int compare_piece(struct comparison *c, const struct piece *p, uint8_t *a, uint8_t *b, struct error *e)
{
	size_t n = (size_t)p->length;
	if (p->absent)
		memset(a, 0, n);
	else if (read_of(c->image, p->offset, a, n, e) < 0)
		return error_prefix(e, "the backup");
	if (p->zero)
		memset(b, 0, n);
	else if (read_of(c->source, p->offset, b, n, e) < 0)
		return error_prefix(e, "the source");
	bool same = !memcmp(a, b, n);
	pthread_mutex_lock(&c->lock);
	c->compared += n;
	if (!same)
		count_differing(c, p, a, b);
	pthread_mutex_unlock(&c->lock);
	return 0;
}

static void work(void *ctx, size_t unused)
{
	struct comparison *c = ctx;
	struct error e = {0};
	struct piece p;
	autofree uint8_t *a = malloc(PIECE), *b = malloc(PIECE);
	int rc = a && b ? 1 : error_nomem(&e);
	(void)unused;
	while (rc > 0) {
		pthread_mutex_lock(&c->lock);
		rc = c->failed ? 0 : next_piece(c, &p, &e);
		pthread_mutex_unlock(&c->lock);
		if (rc > 0 && compare_piece(c, &p, a, b, &e) < 0)
			rc = -1;
	}
	if (rc == 0)
		return;
	pthread_mutex_lock(&c->lock);
	if (!c->failed)
		c->error = e;
	c->failed = true;
	pthread_mutex_unlock(&c->lock);
}

static bool is_used_only(const struct subject_disk *d)
{
	const struct format *row = d->part ? d->part->image.format : NULL;
	/* Disks that were put together from partitions hold their used blocks. */
	return !d->part || (row && !strcmp(row->name, "partclone"));
}

/* The disk that a source of that size is of. NULL: why says why there is none. */
static const struct subject_disk *choose(const struct subject *s, uint64_t size, const char **why)
{
	const struct subject_disk *only = NULL, *fits = NULL;
	size_t disks = 0, fitting = 0;
	vec_each(&s->disks, it)
	{
		const struct subject_disk *d = *it;
		if (d->assembled)
			continue;
		disks++;
		only = d;
		if (source_size(d->source) == size) {
			fitting++;
			fits = d;
		}
	}
	*why = !disks	   ? "there is no disk in the backup to compare it with"
	       : !fitting  ? "there are several disks in the backup, and none has its size: seal them one by one"
			   : "several disks in the backup have its size: seal them one by one";
	return disks == 1 ? only : fitting == 1 ? fits : NULL;
}

static bool is_the_backup(const struct subject *s, struct source *source)
{
	const struct stat *a = source_stat(source);
	for (size_t i = 0; a && i < s->part_count; i++) {
		const struct stat *b = s->parts[i].source ? source_stat(s->parts[i].source) : NULL;
		if (b && a->st_dev == b->st_dev && a->st_ino == b->st_ino)
			return true;
	}
	return false;
}

/* " (in NAME)", or "". */
static char *where(const struct subject *s, const struct subject_disk *d, uint64_t off)
{
	vec_each(&s->volumes, v)
	{
		if (v->disk == d && off >= v->volume->offset && off - v->volume->offset < v->volume->size)
			return text_format(" (in %s%s%s%s%s)", v->name, *v->volume->content.type ? ", " : "",
					   v->volume->content.type, v->mount ? ", mounted on " : "",
					   v->mount ? v->mount : "");
	}
	return strdup("");
}

static void report(struct subject *s, const struct subject_disk *d, const struct comparison *c, const char *source,
		   struct strings *notes, struct findings *f)
{
	char size[32], other[32];
	autofree char *place = c->differ ? where(s, d, c->first) : NULL;
	struct finding_text more = {.offset = (int64_t)c->first, .has_offset = true, .error = ERROR_CORRUPT};
	if (c->differ)
		finding_add(f, PROOF_INTEGRITY, "seal.against", d->name, OUTCOME_BROKEN, &more,
			    "it is not what %s holds: %llu %s, the first at offset %llu%s", source,
			    (unsigned long long)c->differ,
			    c->differ == 1 ? "block of 4 KiB differs" : "blocks of 4 KiB differ",
			    (unsigned long long)c->first, place ? place : "");
	else
		finding_add(f, PROOF_INTEGRITY, "seal.against", d->name, OUTCOME_HELD, NULL,
			    "the same as %s: %s compared", source, format_size(c->compared, size));
	autofree char *skipped = NULL, *left = NULL, *unused = NULL;
	if (c->skipped)
		skipped = text_format("%s: %s of %s is not in the backup (it holds used blocks): not compared", source,
				      format_size(c->skipped, size), format_size(c->size, other));
	if (c->left_out)
		left = text_format("%s: %s with data is not in the backup, which leaves it out: not compared", source,
				   format_size(c->left_out * BLOCK, size));
	if (c->free)
		unused = text_format("%s: %s with data is not in the backup, and not in use there", source,
				     format_size(c->free * BLOCK, size));
	f->lost |= unused && strings_add(notes, unused) < 0;
	f->lost |= skipped && strings_add(notes, skipped) < 0;
	f->lost |= left && strings_add(notes, left) < 0;
}

void sealing_compare(struct subject *s, const char *path, const struct check_parameters *p, uint64_t *compared,
		     struct strings *notes, struct findings *f)
{
	struct error e = {0};
	const char *why;
	const struct finding_text incomplete = {.blame = BLAME_INCOMPLETE};
	autosource struct source *source = source_open_file(path, &e);
	if (!source) {
		finding_error(f, PROOF_PRESENCE, "seal.against", path, &e);
		return;
	}
	if (is_the_backup(s, source)) {
		finding_add(f, PROOF_PRESENCE, "seal.against", path, OUTCOME_UNPROVEN, NULL,
			    "that is the backup itself, and no source of it");
		return;
	}
	const struct subject_disk *d = choose(s, source_size(source), &why);
	if (!d) {
		finding_add(f, PROOF_PRESENCE, "seal.against", path, OUTCOME_BROKEN, &incomplete, "%s", why);
		return;
	}
	struct comparison c = {.image = d->source,
			       .source = source,
			       .sparse = !d->part || d->part->image.format,
			       .used = is_used_only(d),
			       .budget = p->budget};
	uint64_t image = source_size(d->source), its = source_size(source);
	c.size = image > its ? image : its;
	p->budget->stage = "comparing";
	if (!(c.map = used_map_open(s, d, source, &e))) {
		finding_error(f, PROOF_PRESENCE, "seal.against", path, &e);
		return;
	}
	pthread_mutex_init(&c.lock, NULL);
	pool_each(pool_width(), work, &c);
	pthread_mutex_destroy(&c.lock);
	used_map_free(c.map);
	*compared = c.compared;
	if (!c.failed && source_same(source, &c.error) < 0)
		c.failed = true;
	if (c.failed)
		finding_error(f, PROOF_PRESENCE, "seal.against", path, &c.error);
	else
		report(s, d, &c, path, notes, f);
}
