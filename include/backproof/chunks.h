// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The hashes of a file's chunks: the level above the blocks of the tree that fs-verity defines, one for each
 * MERKLE_CHUNK bytes. With them any chunk can be proved alone, and they prove themselves by the file's digest.
 */
#ifndef BACKPROOF_CHUNKS_H
#define BACKPROOF_CHUNKS_H

#include "backproof/merkle.h"

/* Runs of one hash (holes) are kept once; else about 32 bytes a chunk: 64 MiB for a TiB. */
struct chunks;
struct chunks *chunks_new(struct error *e) must_check;
void chunks_destroy(struct chunks *c);
DEFINE_AUTO(struct chunks, chunks_destroy)
/* More than this many hashes that are not runs are LIMIT: 128 MiB. */
#define CHUNKS_MAX (UINT64_C(4) << 20)

/* A merkle_observer: ctx is the struct chunks. What went wrong comes out of chunks_state. */
void chunks_observe(void *chunks, uint64_t first, uint64_t count, const uint8_t hash[MERKLE_HASH]);
int chunks_state(const struct chunks *c, struct error *e) must_check;
int chunks_add(struct chunks *c, uint64_t count, const uint8_t hash[MERKLE_HASH], struct error *e) must_check;

uint64_t chunks_count(const struct chunks *c);
/* Of chunk index (< chunks_count). run (may be NULL): how many from there on have the same. Thread-safe. */
void chunks_get(const struct chunks *c, uint64_t index, uint8_t hash[MERKLE_HASH], uint64_t *run);
/*
 * The digest of a file of that size whose chunks these are. CORRUPT: it has another number of chunks. A file of one
 * block or none (MERKLE_BLOCK bytes) has no chunks, and its digest can't be had from here: CORRUPT too.
 */
int chunks_digest(const struct chunks *c, uint64_t size, uint8_t digest[MERKLE_HASH], struct error *e) must_check;
/* How many a file of that size has. */
uint64_t chunks_of_size(uint64_t size);
/* The hash of a whole chunk of zeros. */
int chunks_zero(uint8_t hash[MERKLE_HASH], struct error *e) must_check;

/* Runs as bytes, for keeping: allocated, *len bytes. */
uint8_t *chunks_pack(const struct chunks *c, size_t *len, struct error *e) must_check;
/* CORRUPT: not what chunks_pack wrote. */
struct chunks *chunks_unpack(const uint8_t *data, size_t len, struct error *e) must_check;

#endif
