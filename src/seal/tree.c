// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The side file: eight bytes, then the hashes of all chunks of all files as they are, 32 bytes each. Of chunk n of a
 * file, `dd bs=8 skip=$((1 + 4 * (first + n))) count=4` gets it out.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "backproof/digest.h"
#include "names.h"

#define BUFFER (256 * KIB)

const uint8_t seal_tree_magic[SEAL_TREE_HEAD] = {'b', 'p', 't', 'r', 'e', 'e', 0, 1};

/* What is written is digested on its way. */
struct writer {
	int fd;
	const char *name;
	struct digest *digest;
	uint8_t *buffer;
	size_t used;
	uint64_t size;
};

static int flush(struct writer *w, struct error *e)
{
	digest_update(w->digest, w->buffer, w->used);
	for (size_t at = 0; at < w->used;) {
		ssize_t n = write(w->fd, w->buffer + at, w->used - at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_sys(e, "%s", w->name);
		at += (size_t)n;
	}
	w->size += w->used;
	w->used = 0;
	return 0;
}

static int put(struct writer *w, const void *data, size_t length, struct error *e)
{
	if (w->used + length > BUFFER && flush(w, e) < 0)
		return -1;
	memcpy(w->buffer + w->used, data, length);
	w->used += length;
	return 0;
}

static int put_chunks(struct writer *w, const struct chunks *c, struct error *e)
{
	uint8_t hash[MERKLE_HASH];
	uint64_t run;
	for (uint64_t i = 0; i < chunks_count(c); i += run) {
		chunks_get(c, i, hash, &run);
		for (uint64_t k = 0; k < run; k++)
			if (put(w, hash, sizeof hash, e) < 0)
				return -1;
	}
	return 0;
}

/* The places of the files' hashes. A list that is not the file's is refused: it would never be found right. */
int seal_tree_place(struct seal *s, const struct chunks *const *chunks, struct error *e)
{
	uint64_t all = 0;
	for (size_t i = 0; i < s->files.count; i++) {
		struct seal_file *x = &s->files.items[i];
		uint8_t digest[MERKLE_HASH];
		x->first = all;
		x->chunks = chunks_of_size(x->size);
		if (!x->chunks)
			continue;
		if (!chunks[i] || chunks_count(chunks[i]) != x->chunks)
			return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET,
					 "%s: the hashes of its chunks are not known", x->name);
		if (chunks_digest(chunks[i], x->size, digest, e) < 0)
			return -1;
		if (memcmp(digest, x->fsverity, sizeof digest))
			return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET,
					 "%s: the hashes of its chunks do not give its digest", x->name);
		all += x->chunks;
		if (all > (SEAL_TREE_MAX - SEAL_TREE_HEAD) / MERKLE_HASH)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
					 "more than 128 TiB: that is too much for a seal");
	}
	s->tree_size = all ? SEAL_TREE_HEAD + all * MERKLE_HASH : 0;
	return 0;
}

static int write_all(struct seal *s, const struct chunks *const *chunks, struct writer *w, struct error *e)
{
	uint8_t out[DIGEST_MAX];
	if (put(w, seal_tree_magic, SEAL_TREE_HEAD, e) < 0)
		return -1;
	for (size_t i = 0; i < s->files.count; i++)
		if (s->files.items[i].chunks && put_chunks(w, chunks[i], e) < 0)
			return -1;
	if (flush(w, e) < 0 || digest_final(w->digest, out, e) < 0)
		return -1;
	memcpy(s->tree_sha256, out, sizeof s->tree_sha256);
	return w->size == s->tree_size ? 0
				       : error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "%s: another size", w->name);
}

int seal_tree_write(struct seal *s, const struct chunks *const *chunks, int fd, const char *name, struct error *e)
{
	struct writer w = {.fd = fd, .name = name, .buffer = malloc(BUFFER)};
	int rc = -1;
	if (!w.buffer)
		return error_nomem(e);
	if ((w.digest = digest_new(DIGEST_SHA256, e)))
		rc = write_all(s, chunks, &w, e);
	digest_destroy(w.digest);
	free(w.buffer);
	return rc;
}
