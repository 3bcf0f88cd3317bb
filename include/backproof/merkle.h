// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The digest of a file as fs-verity defines it (Linux, Documentation/filesystems/fsverity.rst): a tree of SHA-256
 * hashes over blocks of 4096 bytes, without a salt, and the hash of a descriptor with its root. `fsverity digest FILE`
 * prints it. Any part of it can be computed by itself, on any core, and what is zero need not be computed at all.
 */
#ifndef BACKPROOF_MERKLE_H
#define BACKPROOF_MERKLE_H

#include "backproof/sha256.h"

#define MERKLE_HASH SHA256_SIZE
#define MERKLE_BLOCK ((size_t)4096)
/* What one hash of the level above the blocks covers. */
#define MERKLE_CHUNK (MERKLE_BLOCK * (MERKLE_BLOCK / MERKLE_HASH))

struct merkle;
struct merkle *merkle_new(struct error *e) must_check;
void merkle_destroy(struct merkle *m);
DEFINE_AUTO(struct merkle, merkle_destroy)
/* As new. The observer stays. */
void merkle_reset(struct merkle *m);

/*
 * The bytes of the file in their order, in any mixture of the three. A failure is kept, and comes out of merkle_final.
 * merkle_update is usable as a stream tap.
 */
void merkle_update(void *merkle, const void *data, size_t len);
/* So many zeros, in next to no time. */
void merkle_zeros(struct merkle *m, uint64_t len);
/* Chunks by their hashes: all but the file's last are whole. Where a chunk begins, and not for a file of one block. */
void merkle_chunks(struct merkle *m, const uint8_t (*hashes)[MERKLE_HASH], uint64_t bytes);
int merkle_final(struct merkle *m, uint8_t digest[MERKLE_HASH], struct error *e) must_check;

/*
 * Hashes of the chunks in memory: one for each MERKLE_CHUNK of len bytes, the last of which may be shorter where the
 * file ends. Thread-safe.
 */
int merkle_hash_chunks(const void *data, size_t len, uint8_t (*hashes)[MERKLE_HASH], struct error *e) must_check;

/*
 * Called for the hashes of chunks in the order of the file: count chunks from `first` on have this hash. A file of one
 * block has none. Once merkle_final has returned, all have been shown.
 */
typedef void merkle_observer(void *ctx, uint64_t first, uint64_t count, const uint8_t hash[MERKLE_HASH]);
void merkle_observe(struct merkle *m, merkle_observer *fn, void *ctx);

#endif
