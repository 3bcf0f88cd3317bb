// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * WIM read as a file system: the tree of its last image. Every content has its SHA-1 beside it, and so has the tree
 * itself: nothing is shown that was not compared. libwim is used for its decompressors alone.
 */
#ifndef FS_WIM_H
#define FS_WIM_H

#include <pthread.h>

#include "backproof/digest.h"
#include "backproof/fs.h"
#include "backproof/text.h"
#include "backproof/wim.h"

#define WIM_SHA1 20u
#define WIM_NO_BLOB UINT32_MAX
#define WIM_MAX_DEPTH 1024u

#define WIM_ATTR_DIR 0x10u
#define WIM_ATTR_READ_ONLY 0x1u
#define WIM_ATTR_REPARSE 0x400u
#define WIM_ATTR_ENCRYPTED 0x4000u

#define WIM_TAG_JUNCTION 0xa0000003u
#define WIM_TAG_SYMLINK 0xa000000cu
#define WIM_TAG_LINUX 0xa000001du

/* A content. */
struct wim_blob {
	uint8_t sha1[WIM_SHA1];
	uint32_t solid; /* 0: by itself; else one more than the solid resource it is in */
	uint64_t offset; /* in the file, or in the decompressed solid resource */
	uint64_t stored, size;
	uint8_t flags;
};

/* A resource cut into chunks that are compressed for themselves. */
struct wim_chunks {
	struct wim_resource res;
	enum wim_compression kind;
	uint32_t chunk;
	uint64_t count;
	uint64_t *starts; /* count + 1 places in the file; NULL: not compressed, or not loaded */
};

/* What decodes chunks: for one thread. */
struct wim_codec {
	void *lib;
	enum wim_compression kind;
	uint32_t chunk;
	uint8_t *in;
};

/* Entries of the tree; the children of a directory follow each other, sorted by name. */
struct wim_node {
	uint32_t name;	 /* in names */
	uint32_t parent, first, count;
	uint32_t leader; /* the first of those hard-linked together */
	uint32_t links;
	uint32_t attributes, tag;
	uint32_t blob;	  /* the unnamed stream, or WIM_NO_BLOB: empty */
	uint32_t reparse; /* reparse data, or WIM_NO_BLOB */
	uint16_t depth;
	bool lost; /* its content is not in the file */
	int64_t mtime, ctime;
	uint64_t group;	   /* of hard links; 0: none */
	uint64_t children; /* the place of their list */
};

struct wim {
	struct source *src; /* borrowed */
	struct wim_header header;
	VEC(struct wim_blob) blobs; /* sorted by SHA-1 */
	VEC(struct wim_blob) metadata; /* one an image, in their order */
	VEC(struct wim_chunks) solid;
	VEC(struct wim_node) nodes; /* [0]: the root */
	struct text names;
	char *description; /* XML, UTF-8 */
	uint64_t lost, streams; /* streams whose content is not in the file, and all that have one */
	uint32_t first_lost;
	/* The chunk of a solid resource that was decoded last. */
	pthread_mutex_t lock;
	struct wim_codec codec;
	uint8_t *cache;
	uint64_t cached; /* which, or UINT64_MAX */
	uint32_t cached_solid;
};

/* wim_table.c */
int wim_table_read(struct wim *w, struct error *e) must_check;
/* WIM_NO_BLOB: there is none. */
uint32_t wim_blob_find(const struct wim *w, const uint8_t *sha1);

/* wim_chunk.c: count and starts of c, from its res, kind and chunk; *solid: the resource says those itself. */
int wim_chunks_load(struct wim *w, struct wim_chunks *c, bool solid, struct error *e) must_check;
void wim_chunks_free(struct wim_chunks *c);
/* Bytes of chunk i. */
size_t wim_chunk_size(const struct wim_chunks *c, uint64_t i);
int wim_chunk_read(struct wim *w, const struct wim_chunks *c, struct wim_codec *codec, uint64_t i, uint8_t *out,
		   struct error *e) must_check;
void wim_codec_free(struct wim_codec *codec);

/* wim_file.c: a content as a stream, which fails at its end when the SHA-1 is another. */
struct stream *wim_open_blob(struct wim *w, const struct wim_blob *blob, struct error *e) must_check;
struct stream *wim_open_empty(struct wim *w, struct error *e) must_check;
/* The same as wim_open_blob, all at once; NUL-terminated. */
uint8_t *wim_read_blob(struct wim *w, const struct wim_blob *blob, uint64_t max, struct error *e) must_check;
/* What is no content: has no SHA-1. */
uint8_t *wim_read_plain(struct wim *w, const struct wim_resource *res, uint64_t max, struct error *e) must_check;
/* Where on the file it begins, or would. */
uint64_t wim_blob_place(const struct wim *w, const struct wim_blob *blob);

/* wim_tree.c */
int wim_tree_build(struct wim *w, const struct wim_blob *metadata, struct error *e) must_check;
/* Case of ASCII letters is ignored. 0: equal. */
int wim_name_compare(const char *a, size_t a_length, const char *b, size_t b_length);
/* The path of a node, into t. */
void wim_path(const struct wim *w, uint32_t node, struct text *t);

/* wim_xml.c */
int wim_xml_read(struct wim *w, struct error *e) must_check;
/* Times of an image (from 1 on); 0 where there are none. */
void wim_xml_times(const struct wim *w, uint32_t image, int64_t *made, int64_t *changed);
void wim_xml_name(const struct wim *w, uint32_t image, char *out, size_t room);

/* wim_verify.c */
int wim_verify(void *self, const char *subject, struct findings *f, const struct budget *b, int64_t now,
	       int64_t *newest, struct error *e) must_check;
int wim_scrub(void *self, const char *subject, struct findings *f, const struct budget *b,
	      struct error *e) must_check;

/* 100 ns since 1601 as seconds since 1970. */
static inline int64_t wim_time(uint64_t t)
{
	return t ? (int64_t)(t / 10000000) - INT64_C(11644473600) : 0;
}

#endif
