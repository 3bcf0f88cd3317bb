// SPDX-License-Identifier: GPL-3.0-or-later
/* A seal and its side file, from the disk. */
#include <errno.h>
#include <sys/stat.h>

#include "backproof/door.h"
#include "backproof/digest.h"
#include "names.h"

#define BUFFER (256 * KIB)

/* A regular file. Whatever else bears its name is not waited for. */
static int open_regular(const char *path, struct stat *st, struct error *e)
{
	int fd = door_open(path, DOOR_READ);
	if (fd < 0 || fstat(fd, st) < 0) {
		error_sys(e, "%s", path);
		close_auto(&fd);
		return -1;
	}
	if (S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: not a regular file", path);
}

/* Exactly so many bytes, or fewer where the file ends. -1: failed. */
static ssize_t read_fully(int fd, void *to, size_t length, const char *path, struct error *e)
{
	size_t done = 0;
	while (done < length) {
		ssize_t n = read(fd, (uint8_t *)to + done, length - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "%s", path);
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int open_envelope(const char *path, const char *data, size_t length, const struct trusted_keys *keys,
			 struct seal *out, struct error *e)
{
	struct envelope x;
	if (envelope_read(data, length, STATEMENT_TYPE, keys, &x, e) < 0)
		return error_prefix(e, "%s", path);
	int rc = seal_parse(x.payload, x.length, out, e);
	if (rc < 0) {
		error_prefix(e, "%s", path);
	} else {
		out->is_signed = x.is_signed;
		out->trusted = x.trusted;
		memcpy(out->key_id, x.key_id, sizeof out->key_id);
		if (!(out->path = strdup(path))) {
			seal_free(out);
			rc = error_nomem(e);
		}
	}
	envelope_free(&x);
	return rc;
}

int seal_load(const char *path, const struct trusted_keys *keys, struct seal *out, struct error *e)
{
	struct stat st;
	memset(out, 0, sizeof *out);
	autoclose int fd = open_regular(path, &st, e);
	if (fd < 0)
		return -1;
	if ((uint64_t)st.st_size > SEAL_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s: too large for a seal", path);
	size_t room = (size_t)st.st_size + 1;
	autofree char *data = malloc(room);
	if (!data)
		return error_nomem(e);
	ssize_t n = read_fully(fd, data, room, path, e);
	if (n < 0)
		return -1;
	if (n != st.st_size)
		return error_set(e, ERROR_BUSY, ERROR_NO_OFFSET, "%s changed while it was read", path);
	return open_envelope(path, data, (size_t)n, keys, out, e);
}

/* The side file on its way in. */
struct reader {
	int fd;
	const char *path;
	struct digest *digest;
	uint8_t *buffer;
	size_t have, at;
	uint64_t left; /* of what the seal says is in it */
};

static int short_file(const struct reader *r, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s is not as long as its seal says", r->path);
}

static int take_bytes(struct reader *r, void *to, size_t length, struct error *e)
{
	for (size_t done = 0; done < length;) {
		if (r->at == r->have) {
			size_t want = r->left < BUFFER ? (size_t)r->left : BUFFER;
			ssize_t n = read_fully(r->fd, r->buffer, want, r->path, e);
			if (n < 0)
				return -1;
			if (n == 0 || (size_t)n < want)
				return short_file(r, e);
			digest_update(r->digest, r->buffer, (size_t)n);
			r->left -= (uint64_t)n;
			r->have = (size_t)n;
			r->at = 0;
		}
		size_t n = r->have - r->at < length - done ? r->have - r->at : length - done;
		memcpy((uint8_t *)to + done, r->buffer + r->at, n);
		r->at += n;
		done += n;
	}
	return 0;
}

static int read_chunks(struct reader *r, const struct seal_file *x, struct chunks **out, struct error *e)
{
	uint8_t hash[MERKLE_HASH];
	if (!x->chunks)
		return 0;
	if (!(*out = chunks_new(e)))
		return -1;
	for (uint64_t i = 0; i < x->chunks; i++)
		if (take_bytes(r, hash, sizeof hash, e) < 0 || chunks_add(*out, 1, hash, e) < 0)
			return -1;
	return 0;
}

/* All of it, digested: only then are its hashes looked at. */
static int read_all(struct reader *r, const struct seal *s, struct chunks **tree, struct error *e)
{
	uint8_t head[SEAL_TREE_HEAD], digest[DIGEST_MAX];
	if (take_bytes(r, head, sizeof head, e) < 0)
		return -1;
	if (memcmp(head, seal_tree_magic, sizeof head))
		return error_set(e, ERROR_CORRUPT, 0, "%s holds no hashes of chunks", r->path);
	for (size_t i = 0; i < s->files.count; i++)
		if (read_chunks(r, &s->files.items[i], &tree[i], e) < 0)
			return -1;
	if (digest_final(r->digest, digest, e) < 0)
		return -1;
	if (r->left || memcmp(digest, s->tree_sha256, sizeof s->tree_sha256))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "%s is not the one that its seal names: its digest is another", r->path);
	for (size_t i = 0; i < s->files.count; i++) {
		const struct seal_file *x = &s->files.items[i];
		if (!x->chunks)
			continue;
		if (chunks_digest(tree[i], x->size, digest, e) < 0)
			return -1;
		if (memcmp(digest, x->fsverity, MERKLE_HASH))
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "%s: its hashes of %s do not give the digest that the seal says", r->path,
					 x->name);
	}
	return 0;
}

static int read_side_file(const struct seal *s, struct chunks **tree, struct error *e)
{
	struct stat st;
	autofree char *path = seal_beside(s->path ? s->path : "", s->tree_name);
	if (!path)
		return error_nomem(e);
	autoclose int fd = open_regular(path, &st, e);
	if (fd < 0)
		return -1;
	struct reader r = {.fd = fd, .path = path, .left = s->tree_size};
	if ((uint64_t)st.st_size != s->tree_size)
		return short_file(&r, e);
	int rc = -1;
	if (!(r.buffer = malloc(BUFFER)))
		return error_nomem(e);
	if ((r.digest = digest_new(DIGEST_SHA256, e)))
		rc = read_all(&r, s, tree, e);
	digest_destroy(r.digest);
	free(r.buffer);
	return rc;
}

int seal_tree_load(const struct seal *s, struct chunks ***out, struct error *e)
{
	struct chunks **tree = calloc(s->files.count + 1, sizeof *tree);
	if (!tree)
		return error_nomem(e);
	if (s->tree_name && read_side_file(s, tree, e) < 0) {
		seal_tree_free(tree, s->files.count);
		return -1;
	}
	*out = tree;
	return 0;
}

void seal_tree_free(struct chunks **tree, size_t count)
{
	for (size_t i = 0; tree && i < count; i++)
		chunks_destroy(tree[i]);
	free(tree);
}
