// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The parts of the qcow2 reader: header, map, clusters, check. After QEMU's docs/interop/qcow2.txt. All numbers
 * of the format are big-endian; here they are the host's.
 */
#ifndef IMAGE_QCOW2_H
#define IMAGE_QCOW2_H

#include <pthread.h>

#include "backproof/format.h"

#define QCOW2_SUBCLUSTERS 32
#define QCOW2_SECTOR 512 /* in which the map counts compressed bytes */
#define QCOW2_OFFSET UINT64_C(0x00fffffffffffe00)
#define QCOW2_COPIED (UINT64_C(1) << 63)
#define QCOW2_COMPRESSED (UINT64_C(1) << 62)

struct qcow2_header {
	uint32_t version, cluster_bits, crypt_method, l1_size, refcount_clusters, snapshots, refcount_order, length;
	uint64_t backing_offset, size, l1_offset, refcount_offset, snapshots_offset;
	uint32_t backing_length;
	uint64_t incompatible, autoclear;
	uint8_t compression;
	char backing[1024], backing_format[64], data_file[1024];
	bool has_data_file;
};
#define QCOW2_DIRTY 1u
#define QCOW2_CORRUPT 2u
#define QCOW2_EXTERNAL 4u
#define QCOW2_COMPRESSION 8u
#define QCOW2_EXTENDED 16u

/* One entry of an L2 table. */
enum qcow2_kind {
	QCOW2_ZERO,
	QCOW2_BACKING, /* not allocated: the backing file's, or zeros where there is none */
	QCOW2_DATA,
	QCOW2_PACKED, /* compressed */
	QCOW2_MIXED,  /* subclusters differ */
};
struct qcow2_cluster {
	enum qcow2_kind kind;
	uint64_t host;	/* of data: of the cluster; 0 where none is allocated */
	uint32_t bytes; /* of compressed data: how many at most */
	uint32_t allocated, zero; /* a bit a subcluster */
	bool placed, copied;
};

/* Guest bytes that are of one kind, and, as data, side by side in the file too. */
struct qcow2_run {
	enum qcow2_kind kind; /* not MIXED */
	uint64_t host, length;
	uint32_t bytes;
	uint64_t cluster; /* of compressed data: which of the disk */
};

struct qcow2_table; /* an L2 table that was read */
struct qcow2_decoder;

struct qcow2 {
	struct qcow2_header h;
	struct source *file, *data; /* borrowed; the same unless the data is in a file of its own */
	struct source *backing;	    /* borrowed, or NULL */
	uint64_t file_size, data_size, cluster;
	unsigned entry_bytes, entry_bits; /* entries of an L2 table: 1 << entry_bits */
	uint64_t *l1;			  /* offsets of L2 tables, without flags; 0: none */
	uint64_t l1_count;
	bool walked;			  /* all of the map was looked at when it was opened */
	bool packed;			  /* and it has compressed clusters */
	_Atomic uint64_t *decoded;	  /* NULL, or a bit a cluster: it was compressed, and came out well */
	pthread_mutex_t lock;		  /* for all that follows */
	struct qcow2_table *tables;
	size_t table_count;
	uint8_t *table_data;
	struct qcow2_decoder *idle;	  /* decoders that nobody uses */
	struct qcow2_unpacked *unpacked;  /* clusters that were decompressed for small reads */
	uint64_t clock;
};

/* qcow2_header.c: reads and checks it. UNSUPPORTED names features. */
int qcow2_header_read(struct source *src, struct qcow2_header *h, struct error *e) must_check;
/*
 * What QEMU asks of the table of internal snapshots when it opens an image. *wrong: a literal that goes on from "the
 * table", and where; NULL: nothing. -1: it can't be read.
 */
int qcow2_snapshots_check(struct source *src, const struct qcow2_header *h, const char **wrong, int64_t *at,
			  struct error *e) must_check;

/* qcow2_map.c */
int qcow2_map_open(struct qcow2 *q, struct error *e) must_check;
void qcow2_map_close(struct qcow2 *q);
/* Takes an entry apart; raw has entry_bytes bytes. CORRUPT when it breaks a rule or leaves the file. */
int qcow2_entry(const struct qcow2 *q, uint64_t guest, const uint8_t *raw, struct qcow2_cluster *out,
		struct error *e) must_check;
/* The run at a guest offset inside the disk, at most max bytes and at least one. */
int qcow2_map(struct qcow2 *q, uint64_t guest, uint64_t max, struct qcow2_run *out, struct error *e) must_check;

/* qcow2_unpack.c: len bytes from `from` on of the compressed cluster of a run. */
int qcow2_unpack(struct qcow2 *q, const struct qcow2_run *run, size_t from, uint8_t *to, size_t len,
		 struct error *e) must_check;
struct qcow2_decoder *qcow2_decoder_borrow(struct qcow2 *q, struct error *e) must_check;
void qcow2_decoder_return(struct qcow2 *q, struct qcow2_decoder *d);
/*
 * 1: what begins at `in` makes one cluster, and takes *used of the len bytes; 0: it does not; -1: it could not be
 * tried. to: one cluster, or NULL.
 */
int qcow2_decode(struct qcow2 *q, struct qcow2_decoder *d, const uint8_t *in, size_t len, uint8_t *to, size_t *used,
		 struct error *e) must_check;
void qcow2_unpack_close(struct qcow2 *q);

/* qcow2_verify.c: decompresses all compressed clusters. Finding "qcow2.clusters"; none where there are none. */
int qcow2_verify_packed(struct qcow2 *q, const char *subject, struct findings *f, const struct budget *b,
			struct error *e) must_check;

/* qcow2_read.c */
extern const struct source_ops qcow2_source_ops;

/*
 * qcow2_walk.c: all L2 tables: entries, places in the file, overlaps, refcounts. What breaks a rule is a BROKEN
 * finding; -1: it could not be looked at.
 */
int qcow2_walk(struct qcow2 *q, const char *subject, struct findings *f, const struct budget *b,
	       struct error *e) must_check;
/* The file has clusters in use, says its refcount table, that lie beyond its end. */
bool qcow2_looks_cut(struct qcow2 *q);

#endif
