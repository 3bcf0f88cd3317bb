// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Chunks as bytes: a magic with a version, then records. A record is a number (little endian, 64 bits): twice a count
 * of chunks, and 1 more when one hash follows for all of them; else there is one hash for each.
 */
#include "backproof/chunks.h"
#include "backproof/text.h"

static const char magic[8] = {'B', 'P', 'C', 'H', 'N', 'K', 0, 1};

static void put_record(struct text *t, uint64_t count, bool run)
{
	uint8_t head[8];
	for (size_t i = 0; i < 8; i++)
		head[i] = (uint8_t)((count << 1 | run) >> 8 * i);
	text_put_bytes(t, head, sizeof head);
}

/* How many chunks from index on are no run. */
static uint64_t singles(const struct chunks *c, uint64_t index)
{
	uint8_t hash[MERKLE_HASH];
	uint64_t n = 0, run;
	for (; index + n < chunks_count(c); n++) {
		chunks_get(c, index + n, hash, &run);
		if (run > 1)
			break;
	}
	return n;
}

uint8_t *chunks_pack(const struct chunks *c, size_t *len, struct error *e)
{
	autotext struct text t = {0};
	uint8_t hash[MERKLE_HASH];
	uint64_t n;
	if (chunks_state(c, e) < 0)
		return NULL;
	text_put_bytes(&t, magic, sizeof magic);
	for (uint64_t i = 0; i < chunks_count(c); i += n) {
		if ((n = singles(c, i)) > 0) {
			put_record(&t, n, false);
			for (uint64_t k = 0; k < n; k++) {
				chunks_get(c, i + k, hash, NULL);
				text_put_bytes(&t, hash, sizeof hash);
			}
			continue;
		}
		chunks_get(c, i, hash, &n);
		put_record(&t, n, true);
		text_put_bytes(&t, hash, sizeof hash);
	}
	if (t.failed) {
		error_nomem(e);
		return NULL;
	}
	*len = t.length;
	return (uint8_t *)take(t.data);
}

static int bad(struct error *e, size_t at)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)at, "kept hashes of chunks are damaged");
}

static int read_record(struct chunks *c, const uint8_t *data, size_t len, size_t *at, struct error *e)
{
	struct error why;
	size_t begin = *at;
	if (len - *at < 8)
		return bad(e, begin);
	uint64_t head = get_le64(data + *at), count = head >> 1, hashes = head & 1 ? 1 : count;
	*at += 8;
	if (!count || hashes > (len - *at) / MERKLE_HASH)
		return bad(e, begin);
	for (uint64_t i = 0; i < hashes; i++, *at += MERKLE_HASH) {
		if (chunks_add(c, head & 1 ? count : 1, data + *at, &why) == 0)
			continue;
		/* More than there can be was never packed. */
		return why.cls == ERROR_LIMIT ? bad(e, begin) : error_set(e, why.cls, why.offset, "%s", why.text);
	}
	return 0;
}

struct chunks *chunks_unpack(const uint8_t *data, size_t len, struct error *e)
{
	autodestroy(chunks_destroy_auto) struct chunks *c = NULL;
	autofree uint8_t *again = NULL;
	size_t at = sizeof magic, again_len;
	if (len < sizeof magic || memcmp(data, magic, sizeof magic)) {
		bad(e, 0);
		return NULL;
	}
	if (!(c = chunks_new(e)))
		return NULL;
	while (at < len)
		if (read_record(c, data, len, &at, e) < 0)
			return NULL;
	/* One list has one form, so that no two that are kept differ and mean the same. */
	if (!(again = chunks_pack(c, &again_len, e)))
		return NULL;
	if (again_len != len || memcmp(again, data, len)) {
		bad(e, sizeof magic);
		return NULL;
	}
	return take(c);
}
