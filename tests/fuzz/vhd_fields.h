// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The structures of VHD and VHDX where they are: what is changed in them (patch_field, for patches.h), and the
 * checksums behind a change made right again (mend). Formats: src/image/vhd.h, vhdx.h.
 */
#ifndef FUZZ_VHD_FIELDS_H
#define FUZZ_VHD_FIELDS_H

#include "backproof/crc32c.h"

#define PATCH_FIELDS
#include "patches.h"

enum field_kind { WORD, NUMBER, PLACE, SECTOR, ENTRY }; /* PLACE: in bytes; SECTOR, ENTRY: of the tables of blocks */

struct field {
	size_t at;
	unsigned len;
	enum field_kind kind;
	size_t other; /* another one of its kind; 0: none */
};

static const struct field footer_fields[] = {
    {0, 8, WORD},    /* cookie */
    {8, 4, NUMBER},  /* features */
    {12, 4, NUMBER}, /* version */
    {16, 8, PLACE},  /* header */
    {28, 4, WORD},   /* creator */
    {40, 8, NUMBER}, /* original size */
    {48, 8, NUMBER}, /* current size */
    {56, 4, NUMBER}, /* geometry */
    {60, 4, NUMBER}, /* type */
    {64, 4, WORD},   /* checksum */
    {68, 8, WORD},   /* identifier */
    {84, 1, NUMBER}, /* saved state */
};
static const struct field dynamic_fields[] = {
    {0, 8, WORD},    /* cookie */
    {16, 8, PLACE},  /* table of blocks */
    {24, 4, NUMBER}, /* version */
    {28, 4, NUMBER}, /* entries */
    {32, 4, NUMBER}, /* size of blocks */
    {36, 4, WORD},   /* checksum */
    {40, 8, WORD},   /* identifier of the parent */
    {48, 8, WORD},   {56, 4, NUMBER}, /* its time */
    {64, 2, WORD},   /* its name */
};
static const struct field locator_fields[] = {
    {0, 4, WORD},   /* code */
    {4, 4, NUMBER}, /* room */
    {8, 4, NUMBER}, /* length */
    {16, 8, PLACE},
};
static const struct field header_fields[] = {
    {0, 4, WORD},    /* signature */
    {4, 4, WORD},    /* checksum */
    {8, 8, NUMBER},  /* sequence */
    {32, 8, WORD},   /* data write identifier */
    {48, 8, WORD},   {56, 8, WORD}, /* log identifier */
    {64, 2, NUMBER}, /* version of the log */
    {66, 2, NUMBER}, /* version */
    {68, 4, NUMBER}, /* length of the log */
    {72, 8, PLACE},  /* log */
};
static const struct field table_fields[] = {
    {0, 4, WORD},   /* signature; "metadata" goes on */
    {4, 4, WORD},   /* checksum */
    {8, 4, NUMBER}, /* count; of metadata at 10 */
    {10, 2, NUMBER},
};
static const struct field region_fields[] = {
    {0, 8, WORD},    {8, 8, WORD}, /* identifier */
    {16, 8, PLACE},
    {24, 4, NUMBER}, /* length */
    {28, 4, NUMBER}, /* required */
};
static const struct field item_fields[] = {
    {0, 8, WORD},    {8, 8, WORD}, /* identifier */
    {16, 4, NUMBER}, /* offset in the metadata */
    {20, 4, NUMBER}, /* length */
    {24, 4, NUMBER}, /* flags */
};
static const struct field entry_fields[] = {
    {0, 4, WORD},    /* signature */
    {4, 4, WORD},    /* checksum */
    {8, 4, NUMBER},  /* length */
    {12, 4, NUMBER}, /* tail */
    {16, 8, NUMBER}, /* sequence */
    {24, 4, NUMBER}, /* descriptors */
    {32, 8, WORD},   /* log identifier */
    {48, 8, PLACE},  /* flushed file offset */
    {56, 8, PLACE},  /* last file offset */
};
static const struct field descriptor_fields[] = {
    {0, 4, WORD},   /* signature */
    {4, 4, WORD},   /* trailing bytes */
    {8, 8, PLACE},  /* leading bytes, or how much is zeroed */
    {16, 8, PLACE}, /* in the file */
    {24, 8, NUMBER} /* sequence */
};
static const struct field sector_fields[] = {
    {0, 4, WORD},     /* signature */
    {4, 4, NUMBER},   /* sequence, upper half */
    {8, 8, WORD},     {16, 8, WORD}, {2048, 8, WORD},
    {4092, 4, NUMBER} /* sequence, lower half */
};

static bool is_vhdx(const char *path)
{
	return strstr(path, "/vhdx/");
}

static uint64_t number_at(const uint8_t *p, unsigned len, bool big)
{
	uint64_t v = 0;
	for (unsigned i = 0; i < len; i++)
		v |= (uint64_t)p[big ? len - 1 - i : i] << 8 * i;
	return v;
}

#define ONE_OF(r, fields, from) one_of((r), (fields), ARRAY_SIZE(fields), (from))
static struct field one_of(struct rng *r, const struct field *fields, size_t count, size_t from)
{
	struct field f = fields[rng_below(r, count)];
	for (int tries = 0; tries < 2 && f.kind != PLACE; tries++) /* more of them */
		f = fields[rng_below(r, count)];
	f.at += from;
	return f;
}

/* A place, by steps, in len bytes from `from` on, in a sector that is not all zeros; from: there is none. */
static size_t place_in(struct rng *r, const struct patch_base *b, uint64_t from, uint64_t len, size_t step)
{
	size_t first = patch_unit(b, (size_t)from), behind = patch_unit(b, (size_t)(from + len - 1) + PATCH_UNIT);
	size_t at = (size_t)from;
	if (!len || first >= behind)
		return at;
	size_t unit = (size_t)b->units[first + rng_below(r, behind - first)] * PATCH_UNIT;
	size_t begin = unit < from ? (size_t)from : unit, room = (size_t)(from + len) - begin;
	if (begin + room > unit + PATCH_UNIT)
		room = unit + PATCH_UNIT - begin;
	for (int tries = 0; tries < 24; tries++) { /* what is in use is more telling */
		at = begin + (size_t)rng_below(r, room / step ? room / step : 1) * step;
		if (!is_zero(b->data + at, step))
			break;
	}
	return at;
}

/* places: where the structures are, in bytes. */
static struct field vhd_field(struct rng *r, const struct patch_base *b, uint64_t places[8])
{
	const uint8_t *d = b->data;
	const size_t end = b->size - PATCH_UNIT;
	places[1] = end;
	if (memcmp(d, "conectix", 8))
		return ONE_OF(r, footer_fields, end);
	const size_t header = (size_t)get_be64(d + 16), bat = (size_t)get_be64(d + header + 16);
	const size_t entries = get_be32(d + header + 28), locator = header + 576 + 24 * (size_t)rng_below(r, 3);
	const uint64_t name = get_be64(d + locator + 16);
	places[2] = header;
	places[3] = bat;
	places[4] = name;
	for (size_t i = 0; i < 3; i++) /* of the first blocks: of each the bitmap */
		if (i < entries && get_be32(d + bat + 4 * i) != UINT32_MAX)
			places[5 + i] = get_be32(d + bat + 4 * i) * UINT64_C(512);
	switch (rng_below(r, 8)) {
	case 0:
		return ONE_OF(r, footer_fields, rng_below(r, 3) ? 0 : end);
	case 1:
	case 2:
		return ONE_OF(r, dynamic_fields, header);
	case 3:
		if (get_be32(d + 60) == 4 && rng_below(r, 2)) /* the identifier of the parent */
			return (struct field){header + 40 + 8 * (size_t)rng_below(r, 2), 8, WORD};
		if (name && name < end && rng_below(r, 2))
			return (struct field){place_in(r, b, name, get_be32(d + locator + 8), 2), 2, WORD};
		return ONE_OF(r, locator_fields, locator);
	case 4:
		return (struct field){(size_t)places[5 + rng_below(r, 3)] + (size_t)rng_below(r, 64), 1, WORD};
	default:
		return (struct field){place_in(r, b, bat, 4 * entries, 4), 4, SECTOR,
				      place_in(r, b, bat, 4 * entries, 4)};
	}
}

static struct field log_field(struct rng *r, const struct patch_base *b, uint64_t log, uint64_t length)
{
	const size_t at = place_in(r, b, log, length, 4096) / 4096 * 4096;
	if (!memcmp(b->data + at, "data", 4))
		return ONE_OF(r, sector_fields, at);
	uint32_t count = get_le32(b->data + at + 24);
	if (rng_below(r, 2) || !count || count > 126)
		return ONE_OF(r, entry_fields, at);
	return ONE_OF(r, descriptor_fields, at + 64 + 32 * (size_t)rng_below(r, count));
}

static struct field vhdx_field(struct rng *r, const struct patch_base *b, uint64_t places[8])
{
	const uint8_t *d = b->data;
	const size_t header = (rng_below(r, 2) ? 64 : 128) * KIB, regions = (rng_below(r, 3) ? 192 : 256) * KIB;
	const uint64_t log = get_le64(d + 64 * KIB + 72), log_len = get_le32(d + 64 * KIB + 68);
	size_t bat = 0, bat_len = 0, metadata = 0;
	for (size_t i = 0; i < 2; i++) { /* by the first bytes of their identifiers */
		const uint8_t *e = d + 192 * KIB + 16 + 32 * i;
		if (*e == 0x66) {
			bat = (size_t)get_le64(e + 16);
			bat_len = get_le32(e + 24);
		} else {
			metadata = (size_t)get_le64(e + 16);
		}
	}
	NEED(bat && bat_len && metadata && metadata + MIB <= b->size);
	const size_t items = get_le16(d + metadata + 10); /* a parent locator is the last of them */
	const size_t item = metadata + 32 + 32 * (rng_below(r, 3) ? (size_t)rng_below(r, items) : items - 1);
	const uint64_t value = metadata + get_le32(d + item + 16);
	const uint32_t length = get_le32(d + item + 20);
	memcpy(places + 1, (uint64_t[]){header, regions, log, bat, metadata, value, b->size / MIB * MIB - MIB}, 56);
	switch (rng_below(r, 12)) {
	case 0:
		if (!rng_below(r, 8)) /* file identifier */
			return (struct field){0, 8, WORD};
		/* fallthrough */
	case 1:
		return ONE_OF(r, header_fields, header);
	case 2:
		return ONE_OF(r, table_fields, rng_below(r, 2) ? regions : metadata);
	case 3:
		return ONE_OF(r, region_fields, regions + 16 + 32 * (size_t)rng_below(r, 2));
	case 4:
		return ONE_OF(r, item_fields, item);
	case 5:
	case 6:
		if (length > 16) /* the parent locator */
			return (struct field){(size_t)value + (size_t)rng_below(r, length / 2) * 2, 2, WORD};
		return (struct field){(size_t)value, length < 8 ? length : 8, NUMBER};
	case 7:
	case 8:
		if (log_len && log + log_len <= b->size &&
		    patch_unit(b, (size_t)log) < patch_unit(b, (size_t)(log + log_len)))
			return log_field(r, b, log, log_len);
		/* fallthrough */
	default:
		return (struct field){place_in(r, b, bat, bat_len, 8), 8, ENTRY, place_in(r, b, bat, bat_len, 8)};
	}
}

/* A change of a field, for patches.h. False: that place is empty. */
static bool patch_field(struct rng *r, const struct patch_base *b, uint8_t *to)
{
	const bool vhdx = is_vhdx(b->path);
	uint64_t places[8] = {0};
	const struct field f = vhdx ? vhdx_field(r, b, places) : vhd_field(r, b, places);
	size_t unit = patch_unit(b, f.at);
	if (unit == b->unit_count || b->units[unit] != f.at / PATCH_UNIT || f.at + f.len > b->size)
		return false;
	const uint64_t now = number_at(b->data + f.at, f.len, !vhdx), place = places[rng_below(r, 8)];
	const uint64_t size = f.kind == SECTOR ? 512 : 1; /* what one of it stands for */
	const bool wide = f.kind == ENTRY || (f.kind == PLACE && vhdx && rng_below(r, 2));
	const uint64_t step = wide ? MIB : f.kind == PLACE ? 512 : 1;
	uint64_t value = now;
	bool keep = true; /* the state in the entry of a table */
	switch (f.kind == PLACE && rng_below(r, 2) ? 4 : rng_below(r, 9)) {
	case 0:
		value = 0;
		break;
	case 1:
		value = UINT64_MAX;
		keep = false;
		break;
	case 2: /* at the end of the file, and beyond it */
		value = (b->size / size / step - 1 + rng_below(r, 4)) * step;
		break;
	case 3:
		value = f.other ? number_at(b->data + f.other, f.len, !vhdx) : place;
		break;
	case 4:
		value = place / size;
		break;
	case 5:
		value = rng_below(r, 2) ? now + step : now - step;
		break;
	case 6:
		value = now ^ UINT64_C(1) << rng_below(r, 8 * f.len);
		keep = false;
		break;
	case 7:
		value = rng_below(r, 2) ? now << 1 : now >> 1;
		break;
	default:
		value = rng_next(r);
	}
	if (f.kind == ENTRY && keep)
		value = (value & ~UINT64_C(7)) | (rng_below(r, 4) ? now & 7 : rng_below(r, 8));
	if (!vhdx)
		value = __builtin_bswap64(value) >> (64 - 8 * f.len);
	patch_change(to, (uint32_t)unit, f.at % PATCH_UNIT, PATCH_SET, f.len, value);
	return true;
}

/* The ones' complement of the sum of all bytes but the field's. */
static uint32_t vhd_sum(const uint8_t *p, size_t len, size_t field)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < len; i++)
		sum += i - field < 4 ? 0 : p[i];
	return ~sum;
}

/* CRC-32C with its field taken as zeros; of an entry of a log too, which may go round at its end. */
static uint32_t vhdx_sum(const uint8_t *ring, size_t size, size_t at, size_t len)
{
	static const uint8_t zeros[4];
	size_t n = len < size - at ? len : size - at;
	uint32_t crc = crc32c_update(~0u, ring + at, 4);
	crc = crc32c_update(crc, zeros, 4);
	crc = crc32c_update(crc, ring + at + 8, n - 8);
	return ~crc32c_update(crc, ring, len - n);
}

static void mend_log(struct patched *p, size_t at)
{
	const size_t log = (size_t)get_le64(p->data + 64 * KIB + 72), size = get_le32(p->data + 64 * KIB + 68);
	if (size % 4096 || log >= p->stored || size > p->stored - log || at < log || at >= log + size)
		return;
	const uint8_t *ring = p->data + log;
	for (size_t e = 0; e < size; e += 4096) {
		size_t len = get_le32(ring + e + 8), from_e = (at - log + size - e) % size;
		if (!memcmp(ring + e, "loge", 4) && len >= 64 && len <= size && from_e < len)
			patch_le32(p, log + e + 4, vhdx_sum(ring, size, e, len));
	}
}

/* What is changed in the first of two copies is changed in the other one too. */
static void mend(struct patched *p, size_t at)
{
	uint8_t *d = p->data;
	if (is_vhdx(p->path)) {
		const size_t unit = at / PATCH_UNIT * PATCH_UNIT;
		for (size_t h = 64 * KIB; h <= 128 * KIB; h += 64 * KIB)
			if (at >= h && at < h + 4096)
				patch_le32(p, h + 4, vhdx_sum(d + h, 4096, 0, 4096));
		if (at >= 192 * KIB && at < 256 * KIB)
			patch_write(p, unit + 64 * KIB, d + unit, PATCH_UNIT);
		if (at >= 192 * KIB && at < 320 * KIB)
			for (size_t t = 192 * KIB; t <= 256 * KIB; t += 64 * KIB)
				patch_le32(p, t + 4, vhdx_sum(d + t, 64 * KIB, 0, 64 * KIB));
		mend_log(p, at);
		return;
	}
	const size_t end = p->stored - 512;
	const bool dynamic = !memcmp(d, "conectix", 8);
	const uint64_t header = dynamic ? get_be64(d + 16) : 0;
	if (dynamic && at < 512) {
		patch_be32(p, 64, vhd_sum(d, 512, 64));
		patch_write(p, end, d, 512);
	} else if (at >= end) {
		patch_be32(p, end + 64, vhd_sum(d + end, 512, 64));
	} else if (header && header < end - 1024 && at >= header && at < header + 1024) {
		patch_be32(p, (size_t)header + 36, vhd_sum(d + header, 1024, 36));
	}
}

#endif
