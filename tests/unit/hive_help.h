// SPDX-License-Identifier: GPL-3.0-or-later
/* Registry hives put together cell by cell, as they should be and as they should not. */
#ifndef HIVE_HELP_H
#define HIVE_HELP_H

#include "../../src/subject/hive.h"
#include "test.h"

#define HIVE_NONE UINT32_MAX
#define HIVE_BINS 65536u

enum { SZ = 1, EXPAND = 2, BINARY = 3, DWORD = 4 };

struct made_hive {
	uint8_t *data; /* base block and one bin */
	size_t len;
	uint32_t top; /* where the next cell goes, from the bin's beginning */
};

static inline void hput16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void hput32(uint8_t *p, uint32_t v)
{
	hput16(p, v);
	hput16(p + 2, v >> 16);
}

/* The content of a cell. */
static inline uint8_t *hcell(const struct made_hive *m, uint32_t at)
{
	return m->data + 4096 + at + 4;
}

static inline uint32_t hive_put(struct made_hive *m, const void *data, size_t len)
{
	uint32_t at = m->top, size = (uint32_t)(len + 4 + 7) / 8 * 8;
	NEED(at + size < HIVE_BINS);
	hput32(m->data + 4096 + at, 0u - size);
	if (data)
		memcpy(hcell(m, at), data, len);
	m->top += size;
	return at;
}

static inline uint32_t hive_put_key(struct made_hive *m, const char *name, bool latin)
{
	uint8_t key[2048] = "nk";
	size_t n = strlen(name);
	hput16(key + 2, latin ? 0x20 : 0);
	hput32(key + 28, HIVE_NONE);
	hput32(key + 40, HIVE_NONE);
	hput16(key + 72, (uint32_t)(latin ? n : 2 * n));
	for (size_t i = 0; i < n; i++)
		key[76 + (latin ? i : 2 * i)] = (uint8_t)name[i];
	return hive_put(m, key, 76 + (latin ? n : 2 * n));
}

/* A list of subkeys of the kind ("lf", "lh", "li", "ri"), ended by 0. */
static inline uint32_t hive_put_list(struct made_hive *m, const char *kind, const uint32_t *keys, size_t count)
{
	uint8_t list[512] = {0};
	size_t step = kind[1] == 'i' ? 4 : 8;
	memcpy(list, kind, 2);
	hput16(list + 2, (uint32_t)count);
	for (size_t i = 0; i < count; i++)
		hput32(list + 4 + i * step, keys[i]);
	return hive_put(m, list, 4 + count * step);
}

static inline void hive_set_below(struct made_hive *m, uint32_t key, uint32_t count, uint32_t list)
{
	hput32(hcell(m, key) + 20, count);
	hput32(hcell(m, key) + 28, list);
}

/* Adds the only key below a key, by a chain of names with "\\" between; gives the last. */
static inline uint32_t hive_put_path(struct made_hive *m, uint32_t key, const char *path)
{
	while (*path) {
		char name[64];
		size_t n = strcspn(path, "\\"), count = get_le32(hcell(m, key) + 20);
		uint32_t all[32], next;
		snprintf(name, sizeof name, "%.*s", (int)n, path);
		path += n + (path[n] == '\\');
		struct hive h = {.data = m->data, .end = 4096 + HIVE_BINS};
		struct error e;
		for (size_t i = 0; i < count; i++)
			all[i] = get_le32(hcell(m, get_le32(hcell(m, key) + 28)) + 4 + 8 * i);
		if (hive_key(&h, key, name, &next, &e) != 1) {
			next = hive_put_key(m, name, true);
			all[count++] = next;
			hive_set_below(m, key, (uint32_t)count, hive_put_list(m, "lh", all, count));
		}
		key = next;
	}
	return key;
}

static inline uint32_t hive_put_value(struct made_hive *m, const char *name, uint32_t type, const void *data, size_t len)
{
	uint8_t v[300] = "vk";
	size_t n = strlen(name);
	hput16(v + 2, (uint32_t)n);
	hput32(v + 12, type);
	hput16(v + 16, 1);
	memcpy(v + 20, name, n);
	hput32(v + 4, (uint32_t)len | (len <= 4 ? 0x80000000u : 0));
	if (len <= 4)
		memcpy(v + 8, data, len);
	else
		hput32(v + 8, hive_put(m, data, len));
	return hive_put(m, v, 20 + n);
}

/* Adds a value to a key. */
static inline uint32_t hive_add(struct made_hive *m, uint32_t key, const char *name, uint32_t type, const void *data,
				size_t len)
{
	uint32_t value = hive_put_value(m, name, type, data, len), count = get_le32(hcell(m, key) + 36);
	uint8_t list[256];
	if (count)
		memcpy(list, hcell(m, get_le32(hcell(m, key) + 40)), 4 * count);
	hput32(list + 4 * count, value);
	hput32(hcell(m, key) + 40, hive_put(m, list, 4 * (count + 1)));
	hput32(hcell(m, key) + 36, count + 1);
	return value;
}

static inline uint32_t hive_add_text(struct made_hive *m, uint32_t key, const char *name, const char *text)
{
	uint8_t wide[1024] = {0};
	size_t n = strlen(text);
	for (size_t i = 0; i < n; i++)
		wide[2 * i] = (uint8_t)text[i];
	return hive_add(m, key, name, SZ, wide, 2 * n + 2);
}

static inline void hive_seal(struct made_hive *m)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < 508; i += 4)
		sum ^= get_le32(m->data + i);
	hput32(m->data + 508, sum == UINT32_MAX ? UINT32_MAX - 1 : sum ? sum : 1);
}

static inline struct made_hive hive_begin(uint32_t *root)
{
	struct made_hive m = {calloc(1, 4096 + HIVE_BINS), 4096 + HIVE_BINS, 32};
	NEED(m.data);
	*root = hive_put_key(&m, "ROOT", true);
	memcpy(m.data, "regf", 4);
	hput32(m.data + 20, 1);
	hput32(m.data + 24, 5);
	hput32(m.data + 36, *root);
	hput32(m.data + 40, HIVE_BINS);
	memcpy(m.data + 4096, "hbin", 4);
	hput32(m.data + 4096 + 8, HIVE_BINS);
	return m;
}

/* The rest of the bin becomes one free cell. */
static inline void hive_end(struct made_hive *m)
{
	hput32(m->data + 4096 + m->top, HIVE_BINS - m->top);
	hive_seal(m);
}

#endif
