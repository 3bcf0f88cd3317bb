// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What is on a volume, by libblkid. It wants a descriptor, and takes a failed read for "nothing there":
 * so it gets a sparse file in memory that holds a copy of every area it looks at.
 */
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>

#include <blkid.h>

#include "backproof/digest.h"
#include "backproof/volume.h"

#define CHUNK (64 * KIB)
#define HEAD UINT64_C(524800)
#define TAIL (2 * MIB)
/* What one volume may take in memory beyond head and tail: a root directory, some MFT records. */
#define MAX_EXTRA (8 * MIB)
#define MAX_CHAIN 100

struct copy {
	struct source *src;
	int fd;
	uint64_t size, extra;
	uint8_t *buf; /* CHUNK bytes */
	bool data;    /* something copied was not zero */
};

static int put(struct copy *c, uint64_t off, const uint8_t *p, size_t len, struct error *e)
{
	while (len) {
		ssize_t n = pwrite(c->fd, p, len, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return error_sys(e, "%s: copying what is probed", source_name(c->src));
		off += (uint64_t)n;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Copies what the volume has of off .. off+len. Zeros stay holes. */
static int copy_area(struct copy *c, uint64_t off, uint64_t len, struct error *e)
{
	if (off >= c->size)
		return 0;
	if (len > c->size - off)
		len = c->size - off;
	while (len) {
		struct extent x;
		if (source_extent_at(c->src, off, &x, e) < 0)
			return -1;
		uint64_t n = x.length < len ? x.length : len;
		if (!x.zero) {
			n = n < CHUNK ? n : CHUNK;
			if (source_read_at(c->src, off, c->buf, (size_t)n, e) < 0)
				return -1;
			if (!is_zero(c->buf, (size_t)n)) {
				c->data = true;
				if (put(c, off, c->buf, (size_t)n, e) < 0)
					return -1;
			}
		}
		off += n;
		len -= n;
	}
	return 0;
}

/* As copy_area, for places that the volume itself names: all of them together are bounded. */
static int copy_extra(struct copy *c, uint64_t off, uint64_t len, struct error *e)
{
	if (len > MAX_EXTRA - c->extra)
		len = MAX_EXTRA - c->extra;
	c->extra += len;
	return copy_area(c, off, len, e);
}

static int read_le32(struct copy *c, uint64_t off, uint32_t *out, struct error *e)
{
	uint8_t b[4];
	*out = 0;
	if (off > c->size || c->size - off < sizeof b)
		return 0;
	if (source_read_at(c->src, off, b, sizeof b, e) < 0)
		return -1;
	*out = get_le32(b);
	return 0;
}

/* A root directory in a chain of clusters: FAT32 and exFAT keep their label there. */
static int copy_chain(struct copy *c, uint64_t fat, uint64_t heap, uint64_t cluster_size,
		      uint32_t cluster, struct error *e)
{
	for (int i = 0; i < MAX_CHAIN && cluster >= 2 && cluster < 0x0ffffff7; i++) {
		uint64_t link = fat + 4 * (uint64_t)cluster;
		if (copy_extra(c, heap + (cluster - 2) * cluster_size, cluster_size, e) < 0 ||
		    copy_extra(c, link & ~UINT64_C(511), 512, e) < 0 ||
		    read_le32(c, link, &cluster, e) < 0)
			return -1;
		cluster &= 0x0fffffff;
	}
	return 0;
}

static int copy_fat(struct copy *c, const uint8_t *b, struct error *e)
{
	uint64_t bytes = get_le16(b + 11), fat = get_le16(b + 14) * bytes;
	uint32_t short_size = get_le16(b + 22), root_entries = get_le16(b + 17);
	uint64_t fats = (short_size ? short_size : get_le32(b + 36)) * bytes * b[16];
	if (short_size)
		return copy_extra(c, fat + fats, 32 * (uint64_t)root_entries, e);
	if (copy_extra(c, get_le16(b + 48) * bytes, 4096, e) < 0)
		return -1;
	return copy_chain(c, fat, fat + fats, b[13] * bytes, get_le32(b + 44), e);
}

static int copy_exfat(struct copy *c, const uint8_t *b, struct error *e)
{
	unsigned shift = b[108], cluster_shift = shift + b[109];
	if (shift > 12 || cluster_shift > 25)
		return 0;
	return copy_chain(c, (uint64_t)get_le32(b + 80) << shift, (uint64_t)get_le32(b + 88) << shift,
			  UINT64_C(1) << cluster_shift, get_le32(b + 96), e);
}

/* libblkid calls it NTFS only if the first MFT record and that of the label can be read. */
static int copy_ntfs(struct copy *c, const uint8_t *b, struct error *e)
{
	uint64_t cluster = (uint64_t)get_le16(b + 11) * b[13], mft;
	int8_t per_record = (int8_t)b[64];
	uint64_t record = per_record > 0     ? (uint64_t)per_record * cluster
			  : per_record >= -24 ? UINT64_C(1) << -per_record
					      : 0;
	if (mul_overflows(get_le64(b + 48), cluster, &mft))
		return 0;
	return copy_extra(c, mft, 4 * record, e);
}

/* Areas whose place only the boot sector tells. */
static int copy_named(struct copy *c, struct error *e)
{
	uint8_t b[512];
	if (c->size < sizeof b)
		return 0;
	if (source_read_at(c->src, 0, b, sizeof b, e) < 0)
		return -1;
	if (!memcmp(b + 3, "NTFS    ", 8))
		return copy_ntfs(c, b, e);
	if (!memcmp(b + 3, "EXFAT   ", 8))
		return copy_exfat(c, b, e);
	if (!memcmp(b + 3, "-FVE-FS-", 8))
		return copy_extra(c, get_le64(b + 176), 4096, e);
	if (!memcmp(b + 3, "MSWIN4.1", 8) && copy_extra(c, get_le64(b + 440), 4096, e) < 0)
		return -1;
	return copy_fat(c, b, e);
}

static void value(blkid_probe pr, const char *name, char *out, size_t room)
{
	const char *data = NULL;
	size_t len = 0;
	if (blkid_probe_lookup_value(pr, name, &data, &len) < 0 || !data)
		return;
	if (len >= room)
		len = room - 1;
	memcpy(out, data, strnlen(data, len));
}

static void free_probe(blkid_probe *pr)
{
	blkid_free_probe(*pr);
}

/* libblkid's own failures can only come of the content now: then the volume is not recognised. */
static int ask(int fd, struct content *out, struct error *e)
{
	autodestroy(free_probe) blkid_probe pr = blkid_new_probe();
	if (!pr)
		return error_nomem(e);
	if (blkid_probe_set_device(pr, fd, 0, 0) < 0)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET,
				 "libblkid does not accept the copy of a volume");
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_UUID |
						      BLKID_SUBLKS_LABEL | BLKID_SUBLKS_USAGE |
						      BLKID_SUBLKS_VERSION);
	errno = 0;
	int rc = blkid_do_safeprobe(pr);
	if (rc == -2) {
		out->ambivalent = true;
		blkid_reset_probe(pr);
		rc = blkid_do_fullprobe(pr);
	}
	if (rc < 0 && errno == ENOMEM)
		return error_nomem(e);
	if (rc)
		return 0;
	value(pr, "TYPE", out->type, sizeof out->type);
	value(pr, "USAGE", out->usage, sizeof out->usage);
	value(pr, "UUID", out->uuid, sizeof out->uuid);
	value(pr, "LABEL", out->label, sizeof out->label);
	return 0;
}

/* A WIM file is a tree of files with nothing around it, and libblkid knows nothing of it. */
static int probe_wim(struct source *src, struct content *out, struct error *e)
{
	uint8_t h[40];
	if (source_size(src) < sizeof h)
		return 0;
	if (source_read_at(src, 0, h, sizeof h, e) < 0)
		return -1;
	if (memcmp(h, "MSWIM\0\0\0", 8))
		return 0;
	snprintf(out->type, sizeof out->type, "wim");
	snprintf(out->usage, sizeof out->usage, "filesystem");
	hex_encode(h + 24, 16, out->uuid);
	return 1;
}

/* Reads LIBBLKID_DEBUG from the environment into globals: not to be left to the first of several threads. */
static void init_blkid(void)
{
	blkid_init_debug(0);
}

int content_probe(struct source *src, struct content *out, struct error *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	static const uint64_t odd_places[] = {1 * MIB, 2 * MIB, 4 * MIB};
	struct copy c = {.src = src, .size = source_size(src)};
	memset(out, 0, sizeof *out);
	pthread_once(&once, init_blkid);
	if (!c.size)
		return 0;
	int wim = probe_wim(src, out, e);
	if (wim)
		return wim < 0 ? -1 : 0;
	autoclose int fd = memfd_create("backproof-probe", MFD_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "memory file");
	if (ftruncate(fd, (off_t)c.size) < 0)
		return error_sys(e, "memory file of %llu bytes", (unsigned long long)c.size);
	autofree uint8_t *buf = malloc(CHUNK);
	if (!buf)
		return error_nomem(e);
	c.fd = fd;
	c.buf = buf;
	if (copy_area(&c, 0, HEAD, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(odd_places); i++)
		if (copy_area(&c, odd_places[i], 4096, e) < 0)
			return -1;
	if (copy_area(&c, c.size < TAIL ? 0 : c.size - TAIL, TAIL, e) < 0 || copy_named(&c, e) < 0 ||
	    ask(fd, out, e) < 0)
		return -1;
	out->all_zero = !*out->type && !out->ambivalent && !c.data;
	return 0;
}
