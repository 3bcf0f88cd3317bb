// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The rooms of the VMDK reader ("VMware Virtual Disk Format 5.0"; libvmdk's "VMWare Virtual Disk Format"
 * for COWD). Sectors have 512 bytes. A disk is a list of extents; a sparse extent is a file of grains
 * that a directory of tables leads to.
 */
#ifndef IMAGE_VMDK_H
#define IMAGE_VMDK_H

#include <pthread.h>

#include "backproof/format.h"

extern const struct format image_vmdk;

#define VMDK_SECTOR UINT64_C(512)
#define VMDK_MAX_TEXT (4 * MIB)
/* Of the directories of all extents of a disk: enough for 64 TiB in grains of 64 KiB, eight times over. */
#define VMDK_MAX_MAP (64 * MIB)

enum vmdk_kind { VMDK_FLAT, VMDK_SPARSE, VMDK_COWD, VMDK_ZERO, VMDK_FOREIGN };

/* A line of a descriptor. */
struct vmdk_line {
	enum vmdk_kind kind;
	bool no_access;
	char type[16];	  /* as written */
	uint64_t sectors; /* > 0 */
	char *name;	  /* NULL: it has none */
	uint64_t offset;  /* sectors into the file */
};

struct vmdk_descriptor {
	char cid[9], parent_cid[9]; /* lower-case hexadecimal; parent "" when there is none */
	char type[64];
	char *hint; /* the parent's name, or NULL */
	char *tracking; /* the file that notes changed blocks, or NULL */
	VEC(struct vmdk_line) lines;
	uint64_t sectors; /* of all lines, at most INT64_MAX bytes */
};
/* text ends at length or at a NUL. CORRUPT with the line's number; d is freed by the caller all the same. */
int vmdk_descriptor_parse(const char *text, size_t length, struct vmdk_descriptor *d, struct error *e) must_check;
void vmdk_descriptor_free(struct vmdk_descriptor *d);

/* A few tables or grains, the last used; shared by all extents of a disk. */
#define VMDK_SLOTS 64
struct vmdk_cache {
	pthread_mutex_t lock;
	struct vmdk_slot {
		const void *owner;
		uint64_t index;
		uint8_t *data;
		size_t size;
	} slots[VMDK_SLOTS];
};
void vmdk_cache_init(struct vmdk_cache *c);
void vmdk_cache_free(struct vmdk_cache *c);
bool vmdk_cache_get(struct vmdk_cache *c, const void *owner, uint64_t index, size_t at, void *out, size_t len);
void vmdk_cache_put(struct vmdk_cache *c, const void *owner, uint64_t index, uint8_t *data, size_t size);

struct vmdk_sparse {
	struct source *src; /* borrowed */
	uint64_t capacity;  /* sectors */
	uint64_t grain;	    /* sectors, a power of two */
	uint32_t per_table; /* entries */
	uint32_t *directory; /* the tables' sectors, 0: no grain of it is there */
	uint32_t *redundant; /* NULL: there is none, or it has been compared */
	uint64_t tables;
	uint64_t lowest; /* grains begin at this sector or behind it */
	uint64_t descriptor, descriptor_sectors;
	bool cowd, zero_grains, compressed, footer;
	bool contradicted; /* its capacity is not what the descriptor says */
	uint64_t allocated; /* grains */
	_Atomic uint64_t *decoded; /* NULL, or a bit a grain: it was compressed, and came out well */
	struct source *parent; /* borrowed, NULL: what is not allocated is zeros */
	uint64_t parent_at;    /* where the extent begins in the disk, bytes */
	struct vmdk_cache *cached_tables, *cached_grains;
};
#define VMDK_GRAIN_UNALLOCATED 0
#define VMDK_GRAIN_ZERO 1 /* only where zero_grains is set */

/*
 * Header and directory, both copies and the footer; findings "vmdk.header" and "vmdk.footer". *map_bytes:
 * memory that directories have taken so far.
 */
int vmdk_sparse_open(struct source *src, const struct image_context *c, uint64_t *map_bytes,
		     struct vmdk_sparse *s, struct error *e) must_check;
int vmdk_sparse_open_cowd(struct source *src, const struct image_context *c, uint64_t *map_bytes,
			  struct vmdk_sparse *s, struct error *e) must_check;
void vmdk_sparse_close(struct vmdk_sparse *s);
/* Reads the directory of s->tables entries at a sector. */
uint32_t *vmdk_sparse_directory(struct vmdk_sparse *s, uint64_t sector, uint64_t *map_bytes, struct error *e);

/*
 * Every entry of every table: inside the file, behind the metadata, no two in one place, the redundant
 * tables the same. Finding "vmdk.tables". CORRUPT at the first place that can't be.
 */
int vmdk_tables_check(struct vmdk_sparse *s, const struct image_context *c, struct error *e) must_check;
/* count entries from that of a grain on, all of one table. */
int vmdk_tables_get(struct vmdk_sparse *s, uint64_t grain, uint32_t count, uint32_t *out, struct error *e) must_check;
/* Bytes of the grain that lie on the disk: less for the last. */
uint64_t vmdk_grain_length(const struct vmdk_sparse *s, uint64_t grain);

/* vmdk_grain.c: decodes a compressed grain at a sector into out (s->grain sectors). */
int vmdk_grain_decode(struct vmdk_sparse *s, uint64_t grain, uint32_t sector, uint8_t *out, struct error *e) must_check;
/* What one thread decodes grains with that were read before. */
struct vmdk_decoder;
struct vmdk_decoder *vmdk_decoder_new(const struct vmdk_sparse *s, struct error *e) must_check;
void vmdk_decoder_free(struct vmdk_decoder *d);
/* Bytes that a compressed grain takes at most, with its marker. */
size_t vmdk_grain_room(const struct vmdk_sparse *s);
/*
 * in: a grain from its marker on, vmdk_grain_room bytes or what the file has. *wrong: NULL, or why it is no grain.
 * -1: it could not be tried.
 */
int vmdk_grain_try(const struct vmdk_sparse *s, struct vmdk_decoder *d, uint64_t grain, const uint8_t *in, size_t room,
		   size_t *used, const char **wrong, struct error *e) must_check;
/* CORRUPT: what is wrong with a grain at an offset of the file. */
int vmdk_grain_error(const struct vmdk_sparse *s, uint64_t grain, uint64_t at, const char *what, struct error *e);
/* Offsets count from the beginning of the extent. */
int vmdk_sparse_read(struct vmdk_sparse *s, uint64_t off, uint8_t *buf, size_t len, struct error *e) must_check;
int vmdk_sparse_extent(struct vmdk_sparse *s, uint64_t off, struct extent *out, struct error *e) must_check;

/* A disk. */
struct vmdk_part {
	uint64_t start, length; /* bytes of the disk */
	enum vmdk_kind kind;
	struct source *file; /* FLAT: a window, owned */
	struct vmdk_sparse sparse;
};
struct vmdk {
	struct vmdk_descriptor d;
	VEC(struct vmdk_part) parts;
	struct source *parent; /* borrowed */
	uint64_t map_bytes;
	uint64_t noted;	 /* grains that have a place in `decoded` */
	uint64_t packed; /* bytes of a grain where grains are compressed; 0: they are not */
	struct vmdk_cache tables, grains;
};
/* Every compressed grain is decoded. Findings "vmdk.grains". image_ops.verify for disks that have some. */
int vmdk_verify(struct image *im, const char *subject, struct findings *f, const struct budget *b, bool *covered,
		struct error *e);

#endif
