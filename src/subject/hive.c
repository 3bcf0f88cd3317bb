// SPDX-License-Identifier: GPL-3.0-or-later
#include "hive.h"

#include <ctype.h>
#include <strings.h>

#include "backproof/text.h"

#define BASE 4096u	/* the base block; offsets of cells count from its end */
#define BIN_HEADER 32u
#define KEY_SIZE 76u	/* of "nk" without its name */
#define VALUE_SIZE 20u	/* of "vk" without its name */
#define MAX_SUBKEYS 1000000u
#define MAX_VALUES 65536u
#define INSIDE 0x80000000u /* data of up to four bytes in place of its offset */

enum { REG_SZ = 1, REG_EXPAND_SZ = 2, REG_DWORD = 4 };

int64_t filetime_seconds(uint64_t filetime)
{
	const uint64_t epoch = UINT64_C(116444736000000000);
	return filetime > epoch ? (int64_t)((filetime - epoch) / 10000000) : 0;
}

static int bad(struct error *e, size_t at, const char *what)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)at, "registry hive: %s", what);
}

/* XOR of the first 127 words; two of its values are kept free. */
static uint32_t base_checksum(const uint8_t *base)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < 508; i += 4)
		sum ^= get_le32(base + i);
	return sum == UINT32_MAX ? UINT32_MAX - 1 : sum ? sum : 1;
}

/* The cells of one bin fill it exactly. */
static int check_bin(const struct hive *h, size_t at, size_t size, struct error *e)
{
	for (size_t cell = at + BIN_HEADER; cell < at + size;) {
		int32_t stored = (int32_t)get_le32(h->data + cell);
		uint32_t length = stored < 0 ? 0u - (uint32_t)stored : (uint32_t)stored;
		if (length < 8 || length % 8 || length > at + size - cell)
			return bad(e, cell, "a cell reaches out of its bin");
		cell += length;
	}
	return 0;
}

static int check_bins(const struct hive *h, struct error *e)
{
	for (size_t at = BASE; at < h->end;) {
		const uint8_t *bin = h->data + at;
		/* There is room for a header: bins are whole pages, and so is what they fill. */
		if (memcmp(bin, "hbin", 4))
			return bad(e, at, "no bin where one must begin");
		uint32_t size = get_le32(bin + 8);
		if (get_le32(bin + 4) != at - BASE || !size || size % 4096 || size > h->end - at)
			return bad(e, at, "a bin with a wrong place or size");
		if (check_bin(h, at, size, e) < 0)
			return -1;
		at += size;
	}
	return 0;
}

/* The content of an allocated cell of at least `least` bytes, or NULL. */
static const uint8_t *cell_at(const struct hive *h, uint32_t offset, size_t least, size_t *length,
			      struct error *e)
{
	size_t at = (size_t)offset + BASE;
	if (offset == UINT32_MAX || at + 8 > h->end || at % 8) {
		bad(e, at, "an offset beyond its end");
		return NULL;
	}
	int32_t stored = (int32_t)get_le32(h->data + at);
	size_t size = stored < 0 ? 0u - (uint32_t)stored : 0;
	/* What is pointed to may be no cell but the inside of one: any number. */
	if (stored >= 0 || size > h->end - at || size < 4 + least) {
		bad(e, at, stored >= 0 ? "a cell that is in use is marked as free" : "a cell of a wrong size");
		return NULL;
	}
	*length = size - 4;
	return h->data + at + 4;
}

static const uint8_t *key_at(const struct hive *h, uint32_t offset, struct error *e)
{
	size_t length;
	const uint8_t *k = cell_at(h, offset, KEY_SIZE, &length, e);
	if (k && (memcmp(k, "nk", 2) || get_le16(k + 72) > length - KEY_SIZE)) {
		bad(e, (size_t)offset + BASE, "no key where one must be");
		return NULL;
	}
	return k;
}

int hive_open(struct hive *h, const void *data, size_t length, struct error *e)
{
	memset(h, 0, sizeof *h);
	h->data = data;
	if (length < BASE || memcmp(data, "regf", 4))
		return bad(e, 0, length < BASE ? "cut off in its base block" : "it does not begin with \"regf\"");
	h->dirty = get_le32(h->data + 4) != get_le32(h->data + 8);
	if (get_le32(h->data + 508) != base_checksum(h->data))
		return bad(e, 508, "the checksum of its base block is wrong");
	if (get_le32(h->data + 20) != 1)
		return error_set(e, ERROR_UNSUPPORTED, 20, "registry hive of version %u", get_le32(h->data + 20));
	uint32_t bins = get_le32(h->data + 40);
	if (!bins || bins % 4096 || bins > length - BASE)
		return bad(e, length, "it is shorter than its bins");
	h->end = BASE + (size_t)bins;
	h->root = get_le32(h->data + 36);
	if (check_bins(h, e) < 0)
		return -1;
	const uint8_t *root = key_at(h, h->root, e);
	if (!root)
		return -1;
	int64_t base = filetime_seconds(get_le64(h->data + 12)), key = filetime_seconds(get_le64(root + 4));
	h->written = base > key ? base : key;
	return 0;
}

/* A name as the flag says: Latin-1, or UTF-16. room holds any. */
static void read_name(const uint8_t *p, size_t bytes, bool latin, char *out, size_t room)
{
	size_t n = 0;
	if (!latin) {
		utf16le_text(p, bytes / 2, out, room);
		return;
	}
	for (size_t i = 0; i < bytes && n + 3 < room; i++) {
		if (p[i] >= 0x80)
			out[n++] = (char)(0xc0 | p[i] >> 6);
		out[n++] = (char)(p[i] >= 0x80 ? 0x80 | (p[i] & 0x3f) : p[i]);
	}
	out[n] = 0;
}

/* 1: the key at offset is called name. */
static int is_called(const struct hive *h, uint32_t offset, const char *name, size_t length, struct error *e)
{
	char text[1024];
	const uint8_t *k = key_at(h, offset, e);
	if (!k)
		return -1;
	read_name(k + KEY_SIZE, get_le16(k + 72), get_le16(k + 2) & 0x20, text, sizeof text);
	return strlen(text) == length && !strncasecmp(text, name, length);
}

/* One leaf of a list of subkeys: 1 found. */
static int search_leaf(const struct hive *h, const uint8_t *list, size_t length, const char *name, size_t n,
		       uint32_t *out, struct error *e)
{
	size_t step = list[1] == 'i' ? 4 : 8, count = get_le16(list + 2);
	if (count > (length - 4) / step)
		return bad(e, (size_t)(list - h->data), "a list of keys longer than its cell");
	for (size_t i = 0; i < count; i++) {
		uint32_t offset = get_le32(list + 4 + i * step);
		int rc = is_called(h, offset, name, n, e);
		if (rc > 0)
			*out = offset;
		if (rc)
			return rc;
	}
	return 0;
}

static bool is_leaf(const uint8_t *list)
{
	return !memcmp(list, "lf", 2) || !memcmp(list, "lh", 2) || !memcmp(list, "li", 2);
}

static int search_subkeys(const struct hive *h, uint32_t key, const char *name, size_t n, uint32_t *out,
			  struct error *e)
{
	const uint8_t *k = key_at(h, key, e);
	size_t length, below;
	if (!k || !get_le32(k + 20))
		return k ? 0 : -1;
	if (get_le32(k + 20) > MAX_SUBKEYS)
		return bad(e, (size_t)key + BASE, "a key with too many keys below it");
	const uint8_t *list = cell_at(h, get_le32(k + 28), 4, &length, e);
	if (!list)
		return -1;
	if (is_leaf(list))
		return search_leaf(h, list, length, name, n, out, e);
	size_t count = get_le16(list + 2);
	if (memcmp(list, "ri", 2) || count > (length - 4) / 4)
		return bad(e, (size_t)(list - h->data), "no list of keys where one must be");
	/* Two levels, never more: a list of lists that names itself ends here. */
	for (size_t i = 0; i < count; i++) {
		const uint8_t *leaf = cell_at(h, get_le32(list + 4 + 4 * i), 4, &below, e);
		if (!leaf || !is_leaf(leaf))
			return leaf ? bad(e, (size_t)(leaf - h->data), "no list of keys where one must be") : -1;
		int rc = search_leaf(h, leaf, below, name, n, out, e);
		if (rc)
			return rc;
	}
	return 0;
}

int hive_key(const struct hive *h, uint32_t key, const char *path, uint32_t *out, struct error *e)
{
	*out = key;
	while (*path) {
		size_t n = strcspn(path, "\\");
		int rc = n ? search_subkeys(h, *out, path, n, out, e) : 1;
		if (rc <= 0)
			return rc;
		path += n + (path[n] == '\\');
	}
	return 1;
}

static int read_value(const struct hive *h, uint32_t offset, struct hive_value *v, struct error *e)
{
	size_t length;
	const uint8_t *k = cell_at(h, offset, VALUE_SIZE, &length, e);
	if (!k)
		return -1;
	size_t name = get_le16(k + 2);
	if (memcmp(k, "vk", 2) || name > length - VALUE_SIZE)
		return bad(e, (size_t)offset + BASE, "no value where one must be");
	read_name(k + VALUE_SIZE, name, get_le16(k + 16) & 1, v->name, sizeof v->name);
	v->type = get_le32(k + 12);
	uint32_t size = get_le32(k + 4);
	v->length = size & ~INSIDE;
	v->data = NULL;
	if (size & INSIDE) {
		if (v->length > 4)
			return bad(e, (size_t)offset + BASE, "a value of a wrong size");
		memcpy(v->inside, k + 8, 4);
		v->data = v->inside;
		return 0;
	}
	if (!v->length)
		return 0;
	const uint8_t *data = cell_at(h, get_le32(k + 8), 4, &length, e);
	if (!data)
		return -1;
	if (v->length > length && memcmp(data, "db", 2))
		return bad(e, (size_t)offset + BASE, "a value longer than its cell");
	v->data = v->length > length ? NULL : data;
	return 0;
}

int hive_values(const struct hive *h, uint32_t key, hive_value_fn *fn, void *ctx, struct error *e)
{
	const uint8_t *k = key_at(h, key, e);
	uint32_t count = k ? get_le32(k + 36) : 0;
	size_t length;
	if (!count)
		return k ? 0 : -1;
	const uint8_t *list = cell_at(h, get_le32(k + 40), 4, &length, e);
	if (!list)
		return -1;
	if (count > MAX_VALUES || count > length / 4)
		return bad(e, (size_t)key + BASE, "a list of values longer than its cell");
	for (uint32_t i = 0; i < count; i++) {
		struct hive_value v;
		int rc = read_value(h, get_le32(list + 4 * (size_t)i), &v, e);
		rc = rc ? rc : fn(ctx, &v, e);
		if (rc)
			return rc;
	}
	return 0;
}

struct wanted {
	const char *name;
	char **text;
	uint32_t *number;
};

/* 1: found, and of the kind that is wanted. */
static int take_value(void *ctx, const struct hive_value *v, struct error *e)
{
	struct wanted *w = ctx;
	if (strcasecmp(v->name, w->name) || !v->data)
		return 0;
	if (w->number) {
		if (v->type != REG_DWORD || v->length < 4)
			return 0;
		*w->number = get_le32(v->data);
		return 1;
	}
	size_t units = v->length / 2;
	if ((v->type != REG_SZ && v->type != REG_EXPAND_SZ) || units > 4096)
		return 0;
	autofree char *text = malloc(3 * units + 2);
	if (!text)
		return error_nomem(e);
	utf16le_text(v->data, units, text, 3 * units + 2);
	char *from = text + strspn(text, " \t\r\n");
	size_t n = strlen(from);
	while (n && isspace((unsigned char)from[n - 1]))
		n--;
	if (!n)
		return 1;
	*w->text = strndup(from, n);
	return *w->text ? 1 : error_nomem(e);
}

int hive_text(const struct hive *h, uint32_t key, const char *name, char **out, struct error *e)
{
	struct wanted w = {.name = name, .text = out};
	*out = NULL;
	return hive_values(h, key, take_value, &w, e) < 0 ? -1 : 0;
}

int hive_number(const struct hive *h, uint32_t key, const char *name, uint32_t *out, struct error *e)
{
	struct wanted w = {.name = name, .number = out};
	return hive_values(h, key, take_value, &w, e);
}
