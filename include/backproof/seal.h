// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Seals: what a restore point was when it was sealed. NAME.seal is an in-toto Statement v1 in a DSSE v1 envelope
 * (packaging/schema/seal-v1.schema.json; backproof-seal(5)), NAME.DIGEST.seal-tree the hashes of all chunks of its
 * files, in their order. Both are hostile input: what is not exactly as it should be is refused.
 */
#ifndef BACKPROOF_SEAL_H
#define BACKPROOF_SEAL_H

#include "backproof/chunks.h"
#include "backproof/signature.h"
#include "backproof/text.h"

#define SEAL_SUFFIX ".seal"
#define SEAL_TREE_SUFFIX ".seal-tree"
#define STATEMENT_TYPE "application/vnd.in-toto+json" /* payloadType of seals and passes */
#define SEAL_PREDICATE "urn:backproof:seal:v1"
#define SEAL_MAX (8 * MIB)	/* of NAME.seal */
#define SEAL_TREE_MAX (8 * GIB) /* of its side file: for files of 128 TiB */
#define SEAL_TREE_HEAD 8	/* bytes before the first hash */

struct seal_file {
	char *name; /* base name: never two alike, and without control characters */
	uint64_t size;
	uint8_t sha256[32], fsverity[32];
	uint64_t first, chunks; /* of its hashes in the side file; none for a file of one block or less */
};
struct seal_disk {
	char *name;	  /* as findings call it: "web01.img.zst" */
	char *table, *id; /* "gpt", "mbr" and its id; NULL: none */
	uint64_t size;
};
struct seal_volume {
	char *name, *disk; /* "web01.img.zst:2", its disk */
	char *type, *uuid, *label, *mount; /* NULL: none */
	char *partuuid;
	uint64_t offset, size; /* bytes, on that disk */
};
/* A critical or sampled file inside. */
struct seal_entry {
	char *path; /* in the merged tree, with a leading slash; untrusted text */
	uint64_t size;
	uint32_t mode;
	uint8_t sha256[32];
};
struct seal {
	char *path; /* of NAME.seal, where it came from a file */
	char *host; /* as said with --host, or NULL */
	char *hostname, *machine_id, *system; /* as found inside; NULL: not found */
	char *label; /* of the restore point */
	int64_t sealed_at, taken_at; /* taken_at: the oldest clock then; 0: none */
	VEC(struct seal_file) files;
	VEC(struct seal_disk) disks;
	VEC(struct seal_volume) volumes;
	VEC(struct seal_entry) entries;
	struct strings formats;
	char *against; /* the source device or file whose blocks were compared, or NULL */
	uint64_t compared; /* bytes of it */
	char *tree_name; /* base name of the side file, beside the seal; NULL: no file has chunks */
	uint8_t tree_sha256[32];
	uint64_t tree_size;
	bool is_signed, trusted; /* as in struct envelope */
	char key_id[KEY_ID_SIZE];
};
void seal_free(struct seal *s);

/* The statement as JSON text, without envelope. UNSUPPORTED: a file has a name that can't be in one. */
int seal_statement(const struct seal *s, struct text *out, struct error *e) must_check;
/* A statement of a major version or a type that is not known is UNSUPPORTED, anything else that is wrong CORRUPT. */
int seal_parse(const char *json, size_t len, struct seal *out, struct error *e) must_check;
/* A seal as a file, opened with these keys (may be NULL: none). Nothing of the side file is read. */
int seal_load(const char *path, const struct trusted_keys *keys, struct seal *out, struct error *e) must_check;
/*
 * Reads the side file beside the seal: its digest, and that each file's hashes give its fs-verity digest. out: one for
 * each of s->files, allocated (NULL entries where a file has none); to be freed by seal_tree_free.
 */
int seal_tree_load(const struct seal *s, struct chunks ***out, struct error *e) must_check;
void seal_tree_free(struct chunks **tree, size_t count);
/*
 * Writes PATH (NAME.seal) and its side file: each whole, or not at all; the seal comes last, so that one that is there
 * is complete. chunks: one for each of s->files, NULL where it has none. Fills s->tree_* and the files' first and
 * chunks. An older seal is replaced; whenever that is broken off, the older one or the new one is there and complete.
 */
int seal_write(struct seal *s, const struct chunks *const *chunks, const struct signer *key, const char *path,
	       struct error *e) must_check;

/* true for the names of seals and their side files: these are no part of a restore point. */
bool seal_is_name(const char *base);

#endif
