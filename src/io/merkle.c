// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/merkle.h"

#include <pthread.h>

#define FANOUT (MERKLE_BLOCK / MERKLE_HASH)
/* Sizes below 2^63, blocks of 2^12, 2^7 hashes a block: 51 bits in steps of 7, and the root. */
#define LEVELS 9

/* Hashes whose parent is not known yet. */
struct level {
	uint8_t hashes[FANOUT][MERKLE_HASH];
	size_t fill;
	uint64_t count; /* of the whole level so far */
};

struct merkle {
	struct level levels[LEVELS]; /* 0: hashes of blocks of the file */
	uint8_t block[MERKLE_BLOCK]; /* one that is not complete */
	size_t have;
	uint64_t size;
	struct error failure;
	merkle_observer *observer;
	void *ctx;
};

/* What is above nothing but zeros, by level. */
static uint8_t zero_hashes[LEVELS][MERKLE_HASH];
static struct error zero_failure;

static int hash_block(const void *data, uint8_t out[MERKLE_HASH], struct error *e)
{
	const struct sha256_message m = {data, out};
	return sha256_many(&m, 1, MERKLE_BLOCK, e);
}

static void make_zero_hashes(void)
{
	uint8_t block[FANOUT][MERKLE_HASH] = {0};
	for (size_t i = 0; i < LEVELS; i++) {
		if (hash_block(block, zero_hashes[i], &zero_failure) < 0)
			return;
		for (size_t k = 0; k < FANOUT; k++)
			memcpy(block[k], zero_hashes[i], MERKLE_HASH);
	}
}

static int prepare(struct error *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_zero_hashes);
	if (zero_failure.cls != ERROR_NONE)
		*e = zero_failure;
	return zero_failure.cls == ERROR_NONE ? 0 : -1;
}

struct merkle *merkle_new(struct error *e)
{
	struct error why;
	if (prepare(&why) < 0) {
		if (e)
			*e = why;
		return NULL;
	}
	struct merkle *m = calloc(1, sizeof *m);
	if (!m)
		error_nomem(e);
	return m;
}

void merkle_destroy(struct merkle *m)
{
	free(m);
}

void merkle_reset(struct merkle *m)
{
	for (size_t i = 0; i < LEVELS; i++)
		m->levels[i].fill = m->levels[i].count = 0;
	m->have = m->size = 0;
	m->failure.cls = ERROR_NONE;
}

void merkle_observe(struct merkle *m, merkle_observer *fn, void *ctx)
{
	m->observer = fn;
	m->ctx = ctx;
}

/* The blocks that are not zero, two at a time. At most FANOUT of them. */
static int hash_blocks(const uint8_t *data, size_t count, uint8_t (*out)[MERKLE_HASH], struct error *e)
{
	struct sha256_message list[FANOUT];
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		if (is_zero(data + i * MERKLE_BLOCK, MERKLE_BLOCK))
			memcpy(out[i], zero_hashes[0], MERKLE_HASH);
		else
			list[n++] = (struct sha256_message){data + i * MERKLE_BLOCK, out[i]};
	}
	return sha256_many(list, n, MERKLE_BLOCK, e);
}

/* One that ends inside a block is filled up with zeros. */
static int hash_last_block(const uint8_t *data, size_t len, uint8_t out[MERKLE_HASH], struct error *e)
{
	uint8_t block[MERKLE_BLOCK] = {0};
	memcpy(block, data, len);
	return hash_block(block, out, e);
}

static int hash_chunk(const uint8_t *data, size_t len, uint8_t out[MERKLE_HASH], struct error *e)
{
	uint8_t hashes[FANOUT][MERKLE_HASH] = {0};
	size_t whole = len / MERKLE_BLOCK, rest = len % MERKLE_BLOCK;
	if (len == MERKLE_CHUNK && is_zero(data, len)) {
		memcpy(out, zero_hashes[1], MERKLE_HASH);
		return 0;
	}
	if (hash_blocks(data, whole, hashes, e) < 0 ||
	    (rest && hash_last_block(data + len - rest, rest, hashes[whole], e) < 0))
		return -1;
	return hash_block(hashes, out, e);
}

int merkle_hash_chunks(const void *data, size_t len, uint8_t (*hashes)[MERKLE_HASH], struct error *e)
{
	struct error why;
	if (prepare(&why) < 0)
		return error_set(e, why.cls, why.offset, "%s", why.text);
	for (size_t at = 0; at < len; at += MERKLE_CHUNK) {
		size_t n = len - at < MERKLE_CHUNK ? len - at : MERKLE_CHUNK;
		if (hash_chunk((const uint8_t *)data + at, n, *hashes++, e) < 0)
			return -1;
	}
	return 0;
}

static bool has_failed(const struct merkle *m)
{
	return m->failure.cls != ERROR_NONE;
}

/* n hashes more on a level, all alike; of 2 and more, that of zeros. */
static void add(struct merkle *m, size_t at, const uint8_t hash[MERKLE_HASH], uint64_t n)
{
	struct level *l = &m->levels[at];
	if (at == 1 && m->observer && n)
		m->observer(m->ctx, l->count, n, hash);
	l->count += n;
	while (n && !has_failed(m)) {
		uint8_t parent[MERKLE_HASH];
		if (!l->fill && n >= FANOUT) {
			add(m, at + 1, zero_hashes[at + 1], n / FANOUT);
			n %= FANOUT;
			continue;
		}
		memcpy(l->hashes[l->fill++], hash, MERKLE_HASH);
		n--;
		if (l->fill < FANOUT)
			continue;
		l->fill = 0;
		if (hash_block(l->hashes, parent, &m->failure) == 0)
			add(m, at + 1, parent, 1);
	}
}

/* What does not fit is no file. */
static bool grow(struct merkle *m, uint64_t len)
{
	if (!has_failed(m) && (add_overflows(m->size, len, &m->size) || m->size > INT64_MAX))
		error_set(&m->failure, ERROR_LIMIT, ERROR_NO_OFFSET, "more than 8 EiB");
	return !has_failed(m);
}

static void add_block(struct merkle *m, const uint8_t *block)
{
	uint8_t hash[MERKLE_HASH];
	if (hash_block(block, hash, &m->failure) == 0)
		add(m, 0, hash, 1);
}

/* Up to the end of a block that was begun. Returns how many of len that took. */
static size_t fill_block(struct merkle *m, const uint8_t *data, size_t len)
{
	size_t n = MERKLE_BLOCK - m->have < len ? MERKLE_BLOCK - m->have : len;
	if (data)
		memcpy(m->block + m->have, data, n);
	else
		memset(m->block + m->have, 0, n);
	m->have += n;
	if (m->have == MERKLE_BLOCK) {
		m->have = 0;
		add_block(m, m->block);
	}
	return n;
}

void merkle_update(void *merkle, const void *data, size_t len)
{
	struct merkle *m = merkle;
	const uint8_t *p = data;
	if (!len || !grow(m, len))
		return;
	if (m->have) {
		size_t n = fill_block(m, p, len);
		p += n;
		len -= n;
	}
	while (len >= MERKLE_BLOCK && !has_failed(m)) {
		uint8_t hashes[FANOUT][MERKLE_HASH];
		size_t n = len / MERKLE_BLOCK < FANOUT ? len / MERKLE_BLOCK : FANOUT;
		if (hash_blocks(p, n, hashes, &m->failure) < 0)
			return;
		for (size_t i = 0; i < n; i++)
			add(m, 0, hashes[i], 1);
		p += n * MERKLE_BLOCK;
		len -= n * MERKLE_BLOCK;
	}
	if (len)
		fill_block(m, p, len);
}

void merkle_zeros(struct merkle *m, uint64_t len)
{
	if (!len || !grow(m, len))
		return;
	if (m->have)
		len -= fill_block(m, NULL, len < MERKLE_BLOCK ? (size_t)len : MERKLE_BLOCK);
	add(m, 0, zero_hashes[0], len / MERKLE_BLOCK);
	if (len % MERKLE_BLOCK)
		fill_block(m, NULL, len % MERKLE_BLOCK);
}

void merkle_chunks(struct merkle *m, const uint8_t (*hashes)[MERKLE_HASH], uint64_t bytes)
{
	if (m->size % MERKLE_CHUNK)
		error_set(&m->failure, ERROR_INTERNAL, ERROR_NO_OFFSET, "a chunk in the middle of another");
	if (!bytes || !grow(m, bytes))
		return;
	for (; bytes; hashes++) {
		uint64_t n = bytes < MERKLE_CHUNK ? bytes : MERKLE_CHUNK;
		m->levels[0].count += (n + MERKLE_BLOCK - 1) / MERKLE_BLOCK;
		add(m, 1, *hashes, 1);
		bytes -= n;
	}
}

/* The one hash at the top. */
static void find_root(struct merkle *m, uint8_t root[MERKLE_HASH])
{
	for (size_t i = 0; i < LEVELS && !has_failed(m); i++) {
		struct level *l = &m->levels[i];
		uint8_t parent[MERKLE_HASH];
		if (l->count == 1) {
			memcpy(root, l->hashes[0], MERKLE_HASH);
			return;
		}
		if (!l->fill)
			continue;
		memset(l->hashes[l->fill], 0, (FANOUT - l->fill) * MERKLE_HASH);
		l->fill = 0;
		if (hash_block(l->hashes, parent, &m->failure) == 0)
			add(m, i + 1, parent, 1);
	}
}

int merkle_final(struct merkle *m, uint8_t digest[MERKLE_HASH], struct error *e)
{
	uint8_t descriptor[256] = {1, 1, 12}; /* version, SHA-256, log2 of the block size; no salt */
	const struct sha256_message all = {descriptor, digest};
	if (m->have && !has_failed(m)) {
		memset(m->block + m->have, 0, MERKLE_BLOCK - m->have);
		m->have = 0;
		add_block(m, m->block);
	}
	for (size_t i = 0; i < 8; i++)
		descriptor[8 + i] = (uint8_t)(m->size >> 8 * i);
	if (m->size)
		find_root(m, descriptor + 16);
	if (!has_failed(m) && sha256_many(&all, 1, sizeof descriptor, &m->failure) == 0)
		return 0;
	if (e)
		*e = m->failure;
	return -1;
}
