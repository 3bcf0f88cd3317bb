// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * EWF/E01 by libewf. It gives chunks whose checksum is wrong as if nothing was: after each read its list of
 * checksum errors is looked at. It opens only the segments that are named to it, by descriptors that are open.
 */
#include "ewf.h"
#include "known.h"

#ifdef HAVE_LIBEWF
#include <pthread.h>

#include <libewf.h>

#include "backproof/digest.h"
#include "backproof/pace.h"

#define MAX_SEGMENTS 4096
#define CHUNK (1 * MIB)

struct ewf {
	libewf_handle_t *handle;
	pthread_mutex_t lock; /* libewf has none of its own */
	uint64_t size;
	struct source *disk; /* owned by the image */
	const struct budget *budget; /* may be NULL */
};

static void ewf_destroy(void *self)
{
	struct ewf *w = self;
	if (!w)
		return;
	if (w->handle) {
		libewf_handle_close(w->handle, NULL);
		libewf_handle_free(&w->handle, NULL);
	}
	pthread_mutex_destroy(&w->lock);
	free(w);
}
DEFINE_AUTO(struct ewf, ewf_destroy)

/* libewf's own words, of which the last line says what was the matter. */
static int failed(struct error *e, uint64_t at, const char *what, libewf_error_t **why)
{
	char text[256] = "no reason given";
	if (*why && libewf_error_sprint(*why, text, sizeof text) < 0)
		strcpy(text, "no reason given");
	libewf_error_free(why);
	return error_set(e, ERROR_CORRUPT, (int64_t)at, "%s: libewf: %.200s", what, text);
}

/* Some of off .. off+len was damaged. The caller holds the lock. */
static bool is_damaged(struct ewf *w, uint64_t off, uint64_t len)
{
	uint32_t count = 0, bytes = 512;
	uint64_t first, sectors;
	if (libewf_handle_get_number_of_checksum_errors(w->handle, &count, NULL) != 1)
		return true;
	if (libewf_handle_get_bytes_per_sector(w->handle, &bytes, NULL) != 1 || !bytes || count > 10000)
		return count > 0;
	for (uint32_t i = 0; i < count; i++)
		if (libewf_handle_get_checksum_error(w->handle, i, &first, &sectors, NULL) != 1 ||
		    (first * bytes < off + len && off < (first + sectors) * bytes))
			return true;
	return false;
}

static int ewf_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct ewf *w = self;
	libewf_error_t *why = NULL;
	uint8_t *to = buf;
	int rc = 0;
	/* The library reads by itself: no more than what it gives, for chunks are stored compressed or as they are. */
	if (w->budget && w->budget->pace && pace_take(w->budget->pace, len, w->budget, e) < 0)
		return -1;
	pthread_mutex_lock(&w->lock);
	for (size_t done = 0; rc == 0 && done < len;) {
		ssize_t n = libewf_handle_read_random(w->handle, to + done, len - done, (off64_t)(off + done), &why);
		if (n <= 0)
			rc = failed(e, off + done, "a chunk can't be read", &why);
		else
			done += (size_t)n;
	}
	if (rc == 0 && is_damaged(w, off, len))
		rc = error_set(e, ERROR_CORRUPT, (int64_t)off, "a chunk of the image does not match its checksum");
	pthread_mutex_unlock(&w->lock);
	return rc;
}

static const struct source_ops ewf_source_ops = {.kind = "ewf", .read_at = ewf_read_at};

struct stored {
	enum digest_kind kind;
	uint8_t value[DIGEST_MAX];
	struct digest *digest;
};

static int digest_all(struct ewf *w, struct stored *s, size_t count, const char *subject, struct findings *f,
		      const struct budget *b, bool *read, struct error *e)
{
	autofree uint8_t *buf = malloc(CHUNK);
	if (!buf)
		return error_nomem(e);
	*read = true;
	for (uint64_t at = 0, n; at < w->size; at += n) {
		struct error why = {0};
		n = w->size - at < CHUNK ? w->size - at : CHUNK;
		if (b && budget_check(b, e) < 0)
			return -1;
		if (source_read_at(w->disk, at, buf, n, &why) < 0) {
			*read = false;
			finding_error(f, PROOF_INTEGRITY, "ewf.chunks", subject, &why);
			continue;
		}
		for (size_t i = 0; i < count; i++)
			digest_update(s[i].digest, buf, n);
	}
	return 0;
}

static int compare(struct stored *s, const char *subject, struct findings *f, bool *same, struct error *e)
{
	uint8_t measured[DIGEST_MAX];
	char want[2 * DIGEST_MAX + 1], have[2 * DIGEST_MAX + 1];
	size_t n = digest_size(s->kind);
	if (digest_final(s->digest, measured, e) < 0)
		return -1;
	*same = !memcmp(measured, s->value, n);
	finding_add(f, PROOF_INTEGRITY, "ewf.digest", subject, *same ? OUTCOME_HELD : OUTCOME_BROKEN,
		    &(struct finding_text){.expected = hex_encode(s->value, n, want),
					   .measured = hex_encode(measured, n, have)},
		    "the %s of all content that is stored in the image %s", digest_name(s->kind),
		    *same ? "matches" : "does not match");
	return 0;
}

/* Every chunk, and the digest of the whole where there is one. */
static int verify_with(struct ewf *w, struct stored *s, size_t count, const char *subject, struct findings *f,
		       const struct budget *b, bool *covered, struct error *e)
{
	bool read = false;
	for (size_t i = 0; i < count; i++)
		if (!(s[i].digest = digest_new(s[i].kind, e)))
			return -1;
	if (digest_all(w, s, count, subject, f, b, &read, e) < 0)
		return -1;
	*covered = read && count;
	for (size_t i = 0; read && i < count; i++) {
		bool same;
		if (compare(&s[i], subject, f, &same, e) < 0)
			return -1;
		*covered &= same;
	}
	if (read && !count)
		finding_add(f, PROOF_INTEGRITY, "ewf.chunks", subject, OUTCOME_HELD, NULL,
			    "every chunk matches its checksum; no digest of the whole is stored");
	return 0;
}

static int verify(struct image *im, const char *subject, struct findings *f, const struct budget *b, bool *covered,
		  struct error *e)
{
	struct ewf *w = im->self;
	struct stored s[2] = {{.kind = DIGEST_MD5}, {.kind = DIGEST_SHA1}};
	size_t count = 0;
	*covered = false;
	pthread_mutex_lock(&w->lock);
	if (libewf_handle_get_md5_hash(w->handle, s[0].value, 16, NULL) == 1)
		count = 1;
	s[count].kind = DIGEST_SHA1;
	if (libewf_handle_get_sha1_hash(w->handle, s[count].value, 20, NULL) == 1)
		count++;
	pthread_mutex_unlock(&w->lock);
	int rc = verify_with(w, s, count, subject, f, b, covered, e);
	for (size_t i = 0; i < ARRAY_SIZE(s); i++)
		digest_destroy(s[i].digest);
	return rc;
}

static const struct image_ops ewf_ops = {.verify = verify, .destroy = ewf_destroy};

static int add_path(struct strings *paths, const struct source *src, struct error *e)
{
	char path[64];
	if (source_fd(src) < 0)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "%s: an Expert Witness image inside another file: unpack it first", source_name(src));
	snprintf(path, sizeof path, "/proc/self/fd/%d", source_fd(src));
	return strings_add(paths, path) < 0 ? error_nomem(e) : 0;
}

/* A later segment stands alone: there is no first one, or there is one that could not be opened. */
static int not_first(const struct image_context *c, unsigned number, struct error *e)
{
	autofree char *first = ewf_segment_name(c->subject, 1);
	if (first && !companion_bytes(c, first, e) && e->cls != ERROR_MISSING)
		return error_prefix(e, "it is segment %u of an image", number);
	return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET,
			 "it is segment %u of an image: the first one (.E01) is needed, and is not there", number);
}

/* All segments in their order: each says whether another one follows. */
static int collect(struct source *src, const struct image_context *c, struct strings *paths, struct error *e)
{
	struct ewf_segment s = {0};
	unsigned sections = 0;
	for (unsigned number = 1; !s.last; number++) {
		if (number > MAX_SEGMENTS)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "more than %d segments", MAX_SEGMENTS);
		if (number > 1) {
			autofree char *name = ewf_segment_name(c->subject, number);
			if (!name)
				return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "segment %u is not there", number);
			src = companion_bytes(c, name, e);
			if (!src)
				return error_prefix(e, "segment %u", number);
		}
		if (ewf_segment_check(src, c, &s, e) < 0)
			return -1;
		if (s.number != number && number == 1)
			return not_first(c, s.number, e);
		if (s.number != number)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s says that it is segment %u, not %u",
					 source_name(src), s.number, number);
		sections += s.sections;
		if (add_path(paths, src, e) < 0)
			return -1;
	}
	finding_add(c->f, PROOF_STRUCTURE, "ewf.sections", c->subject, OUTCOME_HELD, NULL,
		    "%zu segments, %u sections; the last one ends the image", paths->count, sections);
	return 0;
}

static int open_with(struct ewf *w, const struct strings *paths, struct error *e)
{
	libewf_error_t *why = NULL;
	size64_t size = 0;
	if (libewf_handle_initialize(&w->handle, &why) != 1 ||
	    libewf_handle_open(w->handle, paths->items, (int)paths->count, LIBEWF_OPEN_READ, &why) != 1)
		return failed(e, 0, "the image can't be opened", &why);
	if (libewf_handle_get_media_size(w->handle, &size, &why) != 1 || !size || size > INT64_MAX)
		return failed(e, 0, "the image does not say how large it is", &why);
	if (libewf_handle_segment_files_corrupted(w->handle, NULL) != 0)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "libewf found the tables of a segment damaged");
	w->size = size;
	return 0;
}

static int open_ewf(struct source *src, const struct image_context *c, struct image *out, struct error *e)
{
	struct strings paths = {0};
	autodestroy(ewf_destroy_auto) struct ewf *w = calloc(1, sizeof *w);
	if (!w)
		return error_nomem(e);
	pthread_mutex_init(&w->lock, NULL);
	w->budget = c->budget;
	int rc = collect(src, c, &paths, e) < 0 || open_with(w, &paths, e) < 0 ? -1 : 0;
	strings_free(&paths);
	if (rc < 0)
		return -1;
	struct source *disk = w->disk = source_new(&ewf_source_ops, w, w->size, source_name(src), e);
	if (!disk)
		return -1;
	out->ops = &ewf_ops;
	out->self = take(w);
	return image_add_disk(out, NULL, disk, e);
}
#else
#define open_ewf NULL
#endif

/* EnCase 1 to 7 and SMART, physical and logical. */
static int bid_ewf(const struct probe *p)
{
	return HEAD_HAS(p, 0, "EVF\x09\x0d\x0a\xff\0") || HEAD_HAS(p, 0, "LVF\x09\x0d\x0a\xff\0") ||
			       HEAD_HAS(p, 0, "EVF2\x0d\x0a\x81\0") || HEAD_HAS(p, 0, "LEF2\x0d\x0a\x81\0")
		       ? 95
		       : 0;
}

const struct format image_ewf = {
    .name = "ewf",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".E01", ".Ex01", ".L01", ".Lx01", ".s01"),
    .bid = bid_ewf,
    .checksums = CHECKSUMS_DATA,
    .product = "Expert Witness image (E01)",
    .open_image = open_ewf,
};
