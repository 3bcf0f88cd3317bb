// SPDX-License-Identifier: GPL-3.0-or-later
/* MFT records and their attributes, update sequences and runs: every offset is checked before it is used. */
#include "ntfs.h"

#define SEQUENCE_STRIDE 512

const char *ntfs_fix(uint8_t *r, size_t size, const char magic[4])
{
	if (memcmp(r, magic, 4))
		return !memcmp(r, "BAAD", 4) ? "it is marked as torn (BAAD)" : "its magic is wrong";
	size_t at = get_le16(r + 4), count = get_le16(r + 6);
	if (count != size / SEQUENCE_STRIDE + 1 || at % 2 || at < 30 || at + 2 * count > SEQUENCE_STRIDE - 2)
		return "its update sequence lies outside it";
	for (size_t i = 1; i < count; i++)
		if (memcmp(r + i * SEQUENCE_STRIDE - 2, r + at, 2))
			return "its sectors were not written together (update sequence)";
	for (size_t i = 1; i < count; i++)
		memcpy(r + i * SEQUENCE_STRIDE - 2, r + at + 2 * i, 2);
	return NULL;
}

const char *ntfs_check_record(const uint8_t *r, size_t size)
{
	size_t first = get_le16(r + 20), used = get_le32(r + 24), all = get_le32(r + 28);
	if (all != size)
		return "its allocated size is wrong";
	if (used > size || used % 8 || first % 8 || first < 42 || first + 8 > used)
		return "its sizes are wrong";
	struct ntfs_attribute a = {0};
	const char *why = NULL;
	int rc;
	while ((rc = ntfs_next_attribute(r, size, &a, &why)) > 0)
		;
	return rc < 0 ? why : NULL;
}

static const char *take_runs(const uint8_t *p, size_t length, struct ntfs_attribute *a)
{
	if (length < 64)
		return "an attribute is too short for runs";
	size_t pairs = get_le16(p + 32);
	a->first_vcn = get_le64(p + 16);
	a->last_vcn = get_le64(p + 24);
	a->allocated = get_le64(p + 40);
	a->size = get_le64(p + 48);
	a->initialized = get_le64(p + 56);
	if (pairs < 64 || pairs >= length)
		return "the runs of an attribute lie outside it";
	if (a->first_vcn > INT64_MAX || (a->last_vcn > INT64_MAX && a->last_vcn != UINT64_MAX) ||
	    a->first_vcn > a->last_vcn + 1)
		return "the clusters of an attribute are counted wrongly";
	if (!a->first_vcn && (a->allocated > INT64_MAX || a->size > a->allocated || a->initialized > a->size))
		return "the sizes of an attribute contradict each other";
	a->pairs = p + pairs;
	a->pairs_end = p + length;
	return NULL;
}

int ntfs_next_attribute(const uint8_t *r, size_t size, struct ntfs_attribute *a, const char **why)
{
	const uint8_t *p = a->next ? a->next : r + get_le16(r + 20), *end = r + get_le32(r + 24);
	(void)size;
	*why = "its attributes do not end";
	if (end - p < 4)
		return -1;
	if (get_le32(p) == 0xffffffff)
		return 0;
	*why = "an attribute is longer than its record";
	if (end - p < 24)
		return -1;
	size_t length = get_le32(p + 4);
	if (length < 24 || length % 8 || length > (size_t)(end - p))
		return -1;
	memset(a, 0, sizeof *a);
	a->type = get_le32(p);
	a->next = p + length;
	a->resident = !p[8];
	a->name_units = p[9];
	unsigned flags = get_le16(p + 12);
	a->compressed = flags & 0xff;
	a->encrypted = flags & 0x4000;
	a->sparse = flags & 0x8000;
	size_t name = get_le16(p + 10);
	*why = "the name of an attribute lies outside it";
	if (a->name_units && (name < 24 || name + 2 * a->name_units > length))
		return -1;
	a->name = p + name;
	if (!a->resident) {
		*why = "an attribute that is always in its record is said to be elsewhere";
		if (a->type == ATTR_STANDARD || a->type == ATTR_NAME || a->type == ATTR_INDEX_ROOT)
			return -1;
		*why = take_runs(p, length, a);
		return *why ? -1 : 1;
	}
	size_t at = get_le16(p + 20);
	a->value_size = get_le32(p + 16);
	*why = "the value of an attribute lies outside it";
	if (at > length || a->value_size > length - at)
		return -1;
	a->value = p + at;
	a->size = a->initialized = a->value_size;
	*why = "a name, time or index attribute is too short";
	if ((a->type == ATTR_STANDARD && a->value_size < 48) ||
	    (a->type == ATTR_NAME && (a->value_size < 66 || 66 + 2ul * a->value[64] > a->value_size)) ||
	    (a->type == ATTR_INDEX_ROOT && a->value_size < 32))
		return -1;
	return 1;
}

static int64_t get_signed(const uint8_t *p, unsigned n)
{
	uint64_t v = n && p[n - 1] & 0x80 ? UINT64_MAX : 0;
	while (n--)
		v = v << 8 | p[n];
	return (int64_t)v;
}

int ntfs_next_run(const uint8_t **p, const uint8_t *end, int64_t *lcn, uint64_t *length, bool *hole)
{
	if (*p >= end)
		return -1;
	unsigned head = **p, n = head & 15, m = head >> 4;
	if (!head)
		return 0;
	if (!n || n > 8 || m > 8 || (size_t)(end - *p) < 1 + n + m)
		return -1;
	int64_t count = get_signed(*p + 1, n), delta = get_signed(*p + 1 + n, m);
	if (count <= 0)
		return -1;
	*length = (uint64_t)count;
	*hole = !m;
	if (m && add_overflows(*lcn, delta, lcn))
		return -1;
	*p += 1 + n + m;
	return 1;
}

bool ntfs_is_i30(const struct ntfs_attribute *a)
{
	return a->name_units == 4 && !memcmp(a->name, "$\0I\0003\0000\0", 8);
}

int64_t ntfs_seconds(uint64_t t)
{
	return t > INT64_MAX ? 0 : (int64_t)(t / 10000000) - INT64_C(11644473600);
}
