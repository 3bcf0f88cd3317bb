// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Headers of sparse extents: the hosted kind ("VMware Virtual Disk Format 5.0", SparseExtentHeader), with
 * its footer where the file was written as a stream, and the older kind of ESX (COWD).
 */
#include "vmdk.h"

#define DIRECTORY_AT_END UINT64_MAX

enum { FLAG_NEWLINES = 1, FLAG_REDUNDANT = 2, FLAG_ZERO_GRAINS = 4, FLAG_COMPRESSED = 0x10000, FLAG_MARKERS = 0x20000 };
/* A flag of the upper half says that a reader who does not know it can't read the file. */
#define FLAGS_UNKNOWN (~(uint32_t)(FLAG_COMPRESSED | FLAG_MARKERS) & 0xffff0000)

enum {
	H_VERSION = 4,
	H_FLAGS = 8,
	H_CAPACITY = 12,
	H_GRAIN = 20,
	H_DESCRIPTOR = 28,
	H_DESCRIPTOR_SECTORS = 36,
	H_PER_TABLE = 44,
	H_REDUNDANT = 48,
	H_DIRECTORY = 56,
	H_OVERHEAD = 64,
	H_UNCLEAN = 72,
	H_NEWLINES = 73,
	H_COMPRESSION = 77,
	H_USED = 79,
};
enum { MARKER_END = 0, MARKER_DIRECTORY = 2, MARKER_FOOTER = 3 };

#define CORRUPT_AT(at, ...) error_set(e, ERROR_CORRUPT, (int64_t)(at), __VA_ARGS__)

uint32_t *vmdk_sparse_directory(struct vmdk_sparse *s, uint64_t sector, uint64_t *map_bytes, struct error *e)
{
	uint64_t bytes = s->tables * 4, at, end;
	if (bytes > VMDK_MAX_MAP - *map_bytes) {
		error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s: grain directories of more than %llu MiB",
			  source_name(s->src), (unsigned long long)(VMDK_MAX_MAP / MIB));
		return NULL;
	}
	if (mul_overflows(sector, VMDK_SECTOR, &at) || add_overflows(at, bytes, &end) || !sector ||
	    end > source_size(s->src)) {
		CORRUPT_AT(ERROR_NO_OFFSET,
			   "%s: the grain directory at sector %llu does not lie inside the file (cut?)",
			   source_name(s->src), (unsigned long long)sector);
		return NULL;
	}
	autofree uint32_t *d = malloc(bytes);
	if (!d) {
		error_nomem(e);
		return NULL;
	}
	if (source_read_at(s->src, at, d, bytes, e) < 0)
		return NULL;
	for (uint64_t i = 0; i < s->tables; i++)
		d[i] = get_le32(&d[i]);
	*map_bytes += bytes;
	return take(d);
}

/* What both kinds of header say in their own words. */
static int geometry(struct vmdk_sparse *s, struct error *e)
{
	const char *name = source_name(s->src);
	if (!s->capacity || s->capacity > INT64_MAX / VMDK_SECTOR)
		return CORRUPT_AT(H_CAPACITY, "%s: a capacity of %llu sectors", name, (unsigned long long)s->capacity);
	if (!s->grain || s->grain & (s->grain - 1) || s->grain > 16 * MIB / VMDK_SECTOR)
		return CORRUPT_AT(H_GRAIN, "%s: grains of %llu sectors", name, (unsigned long long)s->grain);
	uint64_t per_table = s->grain * s->per_table;
	s->tables = (s->capacity + per_table - 1) / per_table;
	return 0;
}

static int header_fields(struct vmdk_sparse *s, const uint8_t *h, struct error *e)
{
	const char *name = source_name(s->src);
	uint32_t version = get_le32(h + H_VERSION), flags = get_le32(h + H_FLAGS);
	unsigned algorithm = get_le16(h + H_COMPRESSION);
	if (!version || version > 3)
		return error_set(e, ERROR_UNSUPPORTED, H_VERSION, "%s: version %u of sparse extents", name, version);
	if (flags & FLAGS_UNKNOWN)
		return error_set(e, ERROR_UNSUPPORTED, H_FLAGS, "%s: unknown flags %08x", name, flags);
	if (flags & FLAG_NEWLINES && memcmp(h + H_NEWLINES, "\n \r\n", 4))
		return CORRUPT_AT(H_NEWLINES,
				  "%s: its line ends were changed: it was copied as text, and is destroyed", name);
	s->compressed = flags & FLAG_COMPRESSED;
	s->zero_grains = flags & FLAG_ZERO_GRAINS;
	if (!s->compressed && algorithm)
		return CORRUPT_AT(H_COMPRESSION, "%s: compression method %u, and no grain is compressed", name,
				  algorithm);
	if (s->compressed && (algorithm != 1 || !(flags & FLAG_MARKERS)))
		return error_set(e, ERROR_UNSUPPORTED, H_COMPRESSION, "%s: grains compressed by method %u%s", name,
				 algorithm, flags & FLAG_MARKERS ? "" : ", without markers");
	s->capacity = get_le64(h + H_CAPACITY);
	s->grain = get_le64(h + H_GRAIN);
	s->per_table = get_le32(h + H_PER_TABLE);
	if (s->per_table != 512) /* by the specification; nothing else in the file would contradict another number */
		return error_set(e, ERROR_UNSUPPORTED, H_PER_TABLE, "%s: grain tables of %u entries", name,
				 s->per_table);
	s->descriptor = get_le64(h + H_DESCRIPTOR);
	s->descriptor_sectors = s->descriptor ? get_le64(h + H_DESCRIPTOR_SECTORS) : 0;
	s->lowest = get_le64(h + H_OVERHEAD);
	if (!s->lowest)
		s->lowest = 1;
	uint64_t sectors = source_size(s->src) / VMDK_SECTOR;
	if (s->descriptor_sectors > VMDK_MAX_TEXT / VMDK_SECTOR || s->descriptor_sectors > sectors ||
	    s->descriptor > sectors - s->descriptor_sectors)
		return CORRUPT_AT(H_DESCRIPTOR, "%s: the descriptor inside it does not lie inside the file", name);
	return geometry(s, e);
}

/* A marker's sector: how many sectors follow, 0, and what they are. */
static bool is_marker(const uint8_t *p, uint64_t sectors, uint32_t type)
{
	return get_le64(p) == sectors && !get_le32(p + 8) && get_le32(p + 12) == type &&
	       is_zero(p + 16, VMDK_SECTOR - 16);
}

/* The last three sectors of what was written as a stream: marker, footer, end marker. The footer is the header. */
static int footer(struct vmdk_sparse *s, uint8_t *h, const struct image_context *c, struct error *e)
{
	uint8_t t[3 * VMDK_SECTOR], *f = t + VMDK_SECTOR, marker[VMDK_SECTOR];
	uint64_t size = source_size(s->src), at = size - sizeof t;
	if (size < sizeof t + VMDK_SECTOR || size % VMDK_SECTOR)
		return CORRUPT_AT(size, "%s: it ends before its footer: it is cut", source_name(s->src));
	if (source_read_at(s->src, at, t, sizeof t, e) < 0)
		return -1;
	if (!is_marker(t, 1, MARKER_FOOTER) || memcmp(f, "KDMV", 4) || !is_marker(t + 2 * VMDK_SECTOR, 0, MARKER_END))
		return CORRUPT_AT(at, "%s: no footer at its end: it is cut, or something was appended",
				  source_name(s->src));
	uint64_t directory = get_le64(f + H_DIRECTORY);
	if (!directory || directory > at / VMDK_SECTOR)
		return CORRUPT_AT(at + VMDK_SECTOR + H_DIRECTORY,
				  "%s: its footer does not say where the grain directory is", source_name(s->src));
	if (source_read_at(s->src, (directory - 1) * VMDK_SECTOR, marker, sizeof marker, e) < 0)
		return -1;
	bool same = !memcmp(h, f, H_DIRECTORY) && !memcmp(h + H_OVERHEAD, f + H_OVERHEAD, H_USED - H_OVERHEAD);
	bool marked = is_marker(marker, (s->tables * 4 + VMDK_SECTOR - 1) / VMDK_SECTOR, MARKER_DIRECTORY);
	struct finding_text where = {.offset = (int64_t)(same ? (directory - 1) * VMDK_SECTOR : at + VMDK_SECTOR),
				     .has_offset = true};
	finding_add(c->f, PROOF_STRUCTURE, "vmdk.footer", c->subject, same && marked ? OUTCOME_HELD : OUTCOME_BROKEN,
		    same && marked ? NULL : &where, "%s: %s", source_name(s->src),
		    !same     ? "the footer contradicts the header"
		    : !marked ? "no marker before the grain directory that the footer names"
			      : "the footer repeats the header, and an end marker follows it");
	memcpy(h + H_DIRECTORY, f + H_DIRECTORY, 8);
	s->footer = true;
	return 0;
}

static void unclean(const struct vmdk_sparse *s, const struct image_context *c, bool set, uint64_t at)
{
	struct finding_text where = {.offset = (int64_t)at, .has_offset = true};
	if (set)
		finding_add(c->f, PROOF_STRUCTURE, "vmdk.unclean", c->subject, OUTCOME_UNPROVEN, &where,
			    "%s: it was not closed: the machine was running, or broke down, while it was copied",
			    source_name(s->src));
}

int vmdk_sparse_open(struct source *src, const struct image_context *c, uint64_t *map_bytes, struct vmdk_sparse *s,
		     struct error *e)
{
	uint8_t h[VMDK_SECTOR];
	*s = (struct vmdk_sparse){.src = src};
	if (source_size(src) < sizeof h)
		return CORRUPT_AT(source_size(src), "%s: it ends inside its header", source_name(src));
	if (source_read_at(src, 0, h, sizeof h, e) < 0)
		return -1;
	if (memcmp(h, "KDMV", 4))
		return CORRUPT_AT(0, "%s: no sparse extent of a VMDK", source_name(src));
	if (header_fields(s, h, e) < 0)
		return -1;
	if (get_le64(h + H_DIRECTORY) == DIRECTORY_AT_END && footer(s, h, c, e) < 0)
		return -1;
	if (s->lowest > source_size(src) / VMDK_SECTOR)
		return CORRUPT_AT(H_OVERHEAD, "%s: its metadata alone would be %llu sectors, and it has %llu (cut?)",
				  source_name(src), (unsigned long long)s->lowest,
				  (unsigned long long)(source_size(src) / VMDK_SECTOR));
	s->directory = vmdk_sparse_directory(s, get_le64(h + H_DIRECTORY), map_bytes, e);
	if (!s->directory)
		return -1;
	uint64_t redundant = get_le64(h + H_REDUNDANT);
	if (get_le32(h + H_FLAGS) & FLAG_REDUNDANT && redundant) {
		if (redundant == get_le64(h + H_DIRECTORY))
			return CORRUPT_AT(H_REDUNDANT, "%s: both copies of the grain directory are one",
					  source_name(src));
		s->redundant = vmdk_sparse_directory(s, redundant, map_bytes, e);
		if (!s->redundant)
			return -1;
	}
	unclean(s, c, h[H_UNCLEAN], H_UNCLEAN);
	finding_add(c->f, PROOF_STRUCTURE, "vmdk.header", c->subject, OUTCOME_HELD, NULL,
		    "%s: header version %u, grains of %llu KiB%s", source_name(src), get_le32(h + H_VERSION),
		    (unsigned long long)(s->grain / 2), s->compressed ? ", compressed" : "");
	return 0;
}

/* VMFS sparse: everything has 32 bits. */
int vmdk_sparse_open_cowd(struct source *src, const struct image_context *c, uint64_t *map_bytes, struct vmdk_sparse *s,
			  struct error *e)
{
	enum { SIZE = 2048, CAPACITY = 12, GRAIN = 16, DIRECTORY = 20, TABLES = 24, UNCLEAN = 1648 };
	uint8_t h[SIZE];
	*s = (struct vmdk_sparse){.src = src, .cowd = true, .per_table = 4096};
	if (source_size(src) < SIZE)
		return CORRUPT_AT(source_size(src), "%s: it ends inside its header", source_name(src));
	if (source_read_at(src, 0, h, SIZE, e) < 0)
		return -1;
	if (memcmp(h, "COWD", 4))
		return CORRUPT_AT(0, "%s: no sparse extent of VMFS", source_name(src));
	if (get_le32(h + H_VERSION) != 1)
		return error_set(e, ERROR_UNSUPPORTED, H_VERSION, "%s: version %u of VMFS sparse extents",
				 source_name(src), get_le32(h + H_VERSION));
	s->capacity = get_le32(h + CAPACITY);
	s->grain = get_le32(h + GRAIN);
	s->lowest = SIZE / VMDK_SECTOR;
	if (geometry(s, e) < 0)
		return -1;
	if (get_le32(h + TABLES) < s->tables)
		return CORRUPT_AT(TABLES, "%s: %u grain tables for a capacity that needs %llu", source_name(src),
				  get_le32(h + TABLES), (unsigned long long)s->tables);
	s->directory = vmdk_sparse_directory(s, get_le32(h + DIRECTORY), map_bytes, e);
	if (!s->directory)
		return -1;
	if (get_le32(h + DIRECTORY) == s->lowest)
		s->lowest += (4 * s->tables + VMDK_SECTOR - 1) / VMDK_SECTOR;
	unclean(s, c, get_le32(h + UNCLEAN), UNCLEAN);
	finding_add(c->f, PROOF_STRUCTURE, "vmdk.header", c->subject, OUTCOME_HELD, NULL,
		    "%s: header of VMFS, grains of %llu sectors", source_name(src), (unsigned long long)s->grain);
	return 0;
}

void vmdk_sparse_close(struct vmdk_sparse *s)
{
	free(s->directory);
	free(s->redundant);
	free(s->decoded);
	s->directory = s->redundant = NULL;
	s->decoded = NULL;
}
