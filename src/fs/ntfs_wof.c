// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Files that Windows keeps compressed by itself (CompactOS, `compact /exe`): MS-FSCC's WOF_EXTERNAL_INFO and
 * FILE_PROVIDER_EXTERNAL_INFO_V1 in the reparse point, the data in a stream of its own, WofCompressedData. That begins
 * with the places of all chunks but the first, counted from the end of this table; each chunk is compressed for itself,
 * or stored as it is where that is no shorter. XPRESS and LZX are those of WIM files.
 */
#ifdef HAVE_LIBNTFS_3G
#include <errno.h>
#ifdef HAVE_WIM
#include <wimlib.h>
#endif

#include "ntfs.h"

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>

#define PROVIDER_WIM 1u
#define PROVIDER_FILE 2u
#define TABLE_AT_ONCE 8192u /* entries that are checked at once */

static const uint16_t wof_name[] = {'W', 'o', 'f', 'C', 'o', 'm', 'p', 'r', 'e',
					   's', 's', 'e', 'd', 'D', 'a', 't', 'a'};

bool ntfs_wof_is_stream(const uint8_t *name, size_t units)
{
	return units == ARRAY_SIZE(wof_name) && !memcmp(name, wof_name, sizeof wof_name);
}

#ifdef HAVE_WIM
struct ntfs_wof {
	struct ntfs *fs;
	ntfs_attr *na; /* of WofCompressedData; NULL: the file is empty */
	struct wimlib_decompressor *codec; /* this and what follows it: from the first read on */
	enum wimlib_compression_type type;
	uint64_t size, chunks;
	uint64_t table, stored; /* bytes of the table, and of what follows it */
	uint32_t chunk, entry;
	uint8_t *in;	   /* chunks as they are stored: of NTFS_WOF_AT_ONCE bytes */
	uint64_t *places;  /* of those, and where the last of them ends */
};

static int bad(const ntfs_inode *ni, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "NTFS: MFT record %llu, compressed by the system: %s",
			 (unsigned long long)ni->mft_no, what);
}

/* 0: kept in the file itself; *algorithm tells how. */
static int read_kind(struct ntfs *fs, ntfs_inode *ni, uint32_t *algorithm, struct error *e)
{
	autofree uint8_t *p = NULL;
	size_t len = 0;
	int rc = ntfs_lib_whole(fs, ni, ATTR_REPARSE, NULL, 0, 16 * KIB, &p, &len, e);
	if (rc < 0)
		return -1;
	if (!rc || len < 16)
		return bad(ni, "its reparse point says nothing of how", e);
	if (get_le32(p + 12) == PROVIDER_WIM)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "NTFS: the file is kept in a WIM file elsewhere (WIMBoot): not read here");
	if (len < 24 || get_le32(p + 8) != 1 || get_le32(p + 12) != PROVIDER_FILE || get_le32(p + 16) != 1 ||
	    get_le32(p + 20) > 3)
		return bad(ni, "its reparse point says nothing of how", e);
	*algorithm = get_le32(p + 20);
	return 0;
}

/* Bytes of the stream: open_stream and read_places see to it that they are there. */
static int read_stored(struct ntfs_wof *w, uint64_t at, void *buf, size_t len, struct error *e)
{
	ntfs_attr *na = w->na;
	if (NAttrNonResident(na) && !(na->data_flags & ATTR_COMPRESSION_MASK))
		return ntfs_lib_read(w->fs, na, at, buf, len, e);
	errno = EIO;
	if (ntfs_attr_pread(na, (s64)at, (s64)len, buf) == (s64)len)
		return 0;
	return ntfs_lib_error(w->fs, e, "MFT record %llu: WofCompressedData", (unsigned long long)na->ni->mft_no);
}

/* Where the n chunks from the first on begin, and where the last ends: n + 1 places. */
static int read_places(struct ntfs_wof *w, uint64_t first, size_t n, uint64_t *places, struct error *e)
{
	size_t skip = !first, last = first + n == w->chunks, want = n + 1 - skip - last;
	uint64_t at = (first + skip - 1) * w->entry;
	autofree uint8_t *raw = malloc((n + 1) * w->entry);
	if (!raw)
		return error_nomem(e);
	if (want && read_stored(w, at, raw, want * w->entry, e) < 0)
		return -1;
	places[0] = 0;
	for (size_t i = 0; i < want; i++)
		places[skip + i] = w->entry == 8 ? get_le64(raw + 8 * i) : get_le32(raw + 4 * i);
	if (last)
		places[n] = w->stored;
	for (size_t i = 0; i < n; i++) {
		uint64_t left = w->size - (first + i) * w->chunk, full = left < w->chunk ? left : w->chunk;
		if (places[i] >= places[i + 1] || places[i + 1] > w->stored || places[i + 1] - places[i] > full)
			return bad(w->na->ni, "its table of chunks contradicts itself", e);
	}
	return 0;
}

static int open_stream(struct ntfs_wof *w, ntfs_inode *ni, struct error *e)
{
	int rc = ntfs_lib_attr(w->fs, ni, ATTR_DATA, wof_name, ARRAY_SIZE(wof_name), &w->na, e);
	if (rc < 0)
		return -1;
	if (!rc)
		return bad(ni, "its data is missing", e);
	ntfs_attr *na = w->na;
	if (ntfs_lib_is_encrypted(na))
		return error_set(e, ERROR_ENCRYPTED, ERROR_NO_OFFSET, "NTFS: the file is encrypted (EFS)");
	w->chunks = (w->size - 1) / w->chunk + 1;
	w->entry = w->size > UINT32_MAX ? 8 : 4;
	w->table = (w->chunks - 1) * w->entry;
	if ((uint64_t)na->data_size <= w->table || (uint64_t)na->data_size - w->table > w->size)
		return bad(ni, "its data has an impossible size", e);
	w->stored = (uint64_t)na->data_size - w->table;
	return 0;
}

struct ntfs_wof *ntfs_wof_open(struct ntfs *fs, ntfs_inode *ni, uint64_t size, struct error *e)
{
	static const uint32_t chunks[] = {4096, 32768, 8192, 16384};
	uint32_t algorithm = 0;
	if (read_kind(fs, ni, &algorithm, e) < 0)
		return NULL;
	autodestroy(ntfs_wof_free_auto) struct ntfs_wof *w = calloc(1, sizeof *w);
	if (!w) {
		error_nomem(e);
		return NULL;
	}
	w->fs = fs;
	w->size = size;
	w->chunk = chunks[algorithm];
	if (!size)
		return take(w); /* nobody needs the stream of an empty file */
	w->type = algorithm == 1 ? WIMLIB_COMPRESSION_TYPE_LZX : WIMLIB_COMPRESSION_TYPE_XPRESS;
	return open_stream(w, ni, e) < 0 ? NULL : take(w);
}

int ntfs_wof_check(struct ntfs_wof *w, struct error *e)
{
	uint64_t n = w->chunks < TABLE_AT_ONCE ? w->chunks : TABLE_AT_ONCE;
	autofree uint64_t *places = calloc((size_t)n + 1, sizeof *places);
	if (!places)
		return error_nomem(e);
	for (uint64_t first = 0; first < w->chunks; first += n)
		if (read_places(w, first, (size_t)(w->chunks - first < n ? w->chunks - first : n), places, e) < 0)
			return -1;
	return 0;
}

static int prepare(struct ntfs_wof *w, struct error *e)
{
	free(w->in);
	free(w->places);
	w->in = malloc(NTFS_WOF_AT_ONCE);
	w->places = calloc(NTFS_WOF_AT_ONCE / w->chunk + 1, sizeof *w->places);
	if (!w->in || !w->places || wimlib_create_decompressor(w->type, w->chunk, &w->codec))
		return error_nomem(e);
	return 0;
}

ssize_t ntfs_wof_read(struct ntfs_wof *w, uint64_t off, uint8_t *out, struct error *e)
{
	uint64_t left = w->size - off, first = off / w->chunk;
	size_t bytes = left < NTFS_WOF_AT_ONCE ? (size_t)left : NTFS_WOF_AT_ONCE;
	size_t n = (bytes + w->chunk - 1) / w->chunk;
	if ((!w->codec && prepare(w, e) < 0) || read_places(w, first, n, w->places, e) < 0 ||
	    read_stored(w, w->table + w->places[0], w->in, (size_t)(w->places[n] - w->places[0]), e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		size_t full = i + 1 < n ? w->chunk : bytes - i * w->chunk;
		size_t stored = (size_t)(w->places[i + 1] - w->places[i]);
		const uint8_t *from = w->in + (w->places[i] - w->places[0]);
		uint8_t *to = out + i * w->chunk;
		if (stored == full)
			memcpy(to, from, full);
		else if (wimlib_decompress(from, stored, to, full, w->codec))
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "NTFS: MFT record %llu, compressed by the system: its data at %llu is damaged",
					 (unsigned long long)w->na->ni->mft_no,
					 (unsigned long long)(off + i * w->chunk));
	}
	return (ssize_t)bytes;
}

void ntfs_wof_free(struct ntfs_wof *w)
{
	if (!w)
		return;
	ntfs_lib_put_attr(&w->na);
	wimlib_free_decompressor(w->codec);
	free(w->in);
	free(w->places);
	free(w);
}
#else
struct ntfs_wof *ntfs_wof_open(struct ntfs *fs, ntfs_inode *ni, uint64_t size, struct error *e)
{
	(void)fs, (void)ni, (void)size;
	error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
		  "NTFS: the file is compressed by the system (CompactOS): not read by this build (libwim)");
	return NULL;
}

int ntfs_wof_check(struct ntfs_wof *w, struct error *e)
{
	(void)w, (void)e;
	return 0;
}

ssize_t ntfs_wof_read(struct ntfs_wof *w, uint64_t off, uint8_t *out, struct error *e)
{
	(void)w, (void)off, (void)out;
	return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "NTFS: no reader of system compression");
}

void ntfs_wof_free(struct ntfs_wof *w)
{
	(void)w;
}
#endif
#endif
