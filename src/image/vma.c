// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Proxmox VE backups of virtual machines (VMA, version 1): a header with the configuration and the names of the
 * disks, then extents of up to 59 clusters in any order. Specification: vma_spec.txt of pve-qemu; sizes of blobs are
 * little-endian there, all else is big-endian. MD5 covers the headers, nothing covers the blocks.
 */
#include "vma.h"

#include <ctype.h>

#include "known.h"

#define HEADER_MIN 12288u
#define HEADER_MAX (64 * MIB)
#define CONFIGS 256u
/* What cluster numbers of 32 bits reach. */
#define DISK_MAX ((uint64_t)VMA_CLUSTER << 32)

static void destroy(void *self)
{
	struct vma *v = self;
	vma_map_free(v);
	digest_destroy(v->md5);
	free(v);
}

static const struct image_ops ops = {.destroy = destroy};

static int bad(struct error *e, size_t at, const char *what)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)at, "VMA header: %s", what);
}

struct header {
	uint8_t *bytes;
	uint32_t size;
	const uint8_t *blobs;
	uint32_t blobs_size;
};

/* The blob that begins at byte `at` of the buffer. */
static int blob(const struct header *h, uint32_t at, const uint8_t **data, size_t *len, struct error *e)
{
	if (at < 1 || at > h->blobs_size || h->blobs_size - at < 2)
		return bad(e, HEADER_MIN, "a name or a configuration lies outside of the blob buffer");
	*len = get_le16(h->blobs + at);
	if (h->blobs_size - at - 2 < *len)
		return bad(e, HEADER_MIN, "a name or a configuration does not end in the blob buffer");
	*data = h->blobs + at + 2;
	return 0;
}

static int blob_name(const struct header *h, uint32_t at, const char **name, struct error *e)
{
	const uint8_t *data;
	size_t len;
	if (blob(h, at, &data, &len, e) < 0)
		return -1;
	if (len < 2 || data[len - 1] || strlen((const char *)data) != len - 1)
		return bad(e, HEADER_MIN, "a name is not terminated");
	*name = (const char *)data;
	return 0;
}

static int read_header(struct vma *v, struct header *h, struct error *e)
{
	uint8_t front[60];
	bool holds;
	if (source_size(v->src) < HEADER_MIN)
		return bad(e, 0, "the file is too short for one");
	if (source_read_at(v->src, 0, front, sizeof front, e) < 0)
		return -1;
	if (memcmp(front, "VMA", 4))
		return bad(e, 0, "no magic");
	h->size = get_be32(front + 56);
	if (h->size < HEADER_MIN || h->size % 512)
		return bad(e, 56, "its size is impossible");
	if (h->size > HEADER_MAX)
		return error_set(e, ERROR_LIMIT, 56, "VMA header of %u bytes", h->size);
	if (h->size > source_size(v->src))
		return bad(e, 56, "the file is cut in it");
	h->bytes = malloc(h->size);
	if (!h->bytes)
		return error_nomem(e);
	if (source_read_at(v->src, 0, h->bytes, h->size, e) < 0)
		return -1;
	if (vma_md5_holds(v, h->bytes, h->size, 32, &holds, e) < 0)
		return -1;
	if (!holds)
		return bad(e, 32, "its MD5 does not match");
	if (get_be32(h->bytes + 4) != 1)
		return error_set(e, ERROR_UNSUPPORTED, 4, "VMA version %u", get_be32(h->bytes + 4));
	uint32_t at = get_be32(h->bytes + 48);
	h->blobs_size = get_be32(h->bytes + 52);
	if (at < HEADER_MIN || at > h->size || h->size - at < h->blobs_size)
		return bad(e, 48, "the blob buffer lies outside of it");
	h->blobs = h->bytes + at;
	memcpy(v->uuid, h->bytes + 8, sizeof v->uuid);
	return 0;
}

static int read_devices(struct vma *v, const struct header *h, size_t *disks, struct error *e)
{
	bool state = false;
	for (size_t i = 1; i < VMA_DEVICES; i++) {
		const uint8_t *info = h->bytes + 4096 + i * 32;
		uint32_t name_at = get_be32(info);
		struct vma_device *d = &v->device[i];
		const char *name;
		d->vma = v;
		d->size = get_be64(info + 8);
		if (!d->size) /* nothing to restore; a cluster of it would be an error */
			continue;
		if (!name_at)
			return bad(e, 4096 + i * 32, "a device without a name");
		if (d->size > DISK_MAX)
			return bad(e, 4096 + i * 32, "the size of a device is impossible");
		if (blob_name(h, name_at, &name, e) < 0)
			return -1;
		if (!(d->name = strdup(name)))
			return error_nomem(e);
		for (size_t k = 1; k < i; k++)
			if (v->device[k].name && !strcmp(v->device[k].name, name))
				return bad(e, 4096 + i * 32, "two devices of one name");
		d->state = !strcmp(name, "vmstate");
		state = state || d->state;
		*disks += !d->state;
	}
	if (!*disks)
		return error_set(e, state ? ERROR_MISSING : ERROR_CORRUPT, 4096, "VMA: it holds no disk");
	return 0;
}

/* "name: web01", before the first section of a snapshot. */
static void find_host(struct image *im, const struct image_note *n)
{
	for (const char *s = n->data, *end; *s && *s != '['; s = *end ? end + 1 : end) {
		end = s + strcspn(s, "\n");
		if (strncmp(s, "name:", 5))
			continue;
		s += 5;
		s += strspn(s, " \t");
		size_t len = s < end ? (size_t)(end - s) : 0;
		while (len && isspace((unsigned char)s[len - 1]))
			len--;
		if (len < sizeof im->host) {
			memcpy(im->host, s, len);
			im->host[len] = '\0';
		}
		return;
	}
}

static int read_configs(struct image *im, const struct header *h, struct error *e)
{
	for (size_t i = 0; i < CONFIGS; i++) {
		uint32_t name_at = get_be32(h->bytes + 2044 + i * 4), data_at = get_be32(h->bytes + 3068 + i * 4);
		const char *name;
		const uint8_t *data;
		size_t len;
		if (!name_at && !data_at)
			continue;
		if (blob_name(h, name_at, &name, e) < 0 || blob(h, data_at, &data, &len, e) < 0 ||
		    image_add_note(im, name, data, len, e) < 0)
			return -1;
		if (!strcmp(name, "qemu-server.conf"))
			find_host(im, &im->notes.items[im->notes.count - 1]);
	}
	return 0;
}

static void put_uuid(const uint8_t u[16], char *out, size_t room)
{
	char hex[33];
	hex_encode(u, 16, hex);
	snprintf(out, room, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

static void tell(const struct vma *v, const struct image_context *c, size_t disks)
{
	finding_add(c->f, PROOF_STRUCTURE, "vma.header", c->subject, OUTCOME_HELD, NULL,
		    "the MD5 of the header matches; %zu disk%s", disks, disks == 1 ? "" : "s");
	finding_add(c->f, PROOF_STRUCTURE, "vma.extents", c->subject, OUTCOME_HELD, NULL,
		    "%zu extent headers with matching MD5; every cluster of every disk is there once",
		    v->extents.count);
	for (size_t i = 0; i < VMA_DEVICES; i++)
		if (v->device[i].state)
			finding_add(c->f, PROOF_STRUCTURE, "vma.vmstate", c->subject, OUTCOME_SKIPPED, NULL,
				    "the saved memory of the machine is no disk and was not looked at");
}

static int open_vma(struct source *src, const struct image_context *c, struct image *out, struct error *e)
{
	struct vma *v = calloc(1, sizeof *v);
	size_t disks = 0;
	if (!v)
		return error_nomem(e);
	out->ops = &ops;
	out->self = v;
	v->src = src;
	struct header h = {0};
	v->md5 = digest_new(DIGEST_MD5, e);
	int rc = v->md5 ? 0 : -1;
	if (!rc)
		rc = read_header(v, &h, e);
	if (!rc)
		rc = read_devices(v, &h, &disks, e);
	if (!rc)
		rc = read_configs(out, &h, e);
	if (!rc) {
		uint64_t made = get_be64(h.bytes + 24);
		out->made = made <= INT64_MAX ? (int64_t)made : 0;
		put_uuid(v->uuid, out->id, sizeof out->id);
		rc = vma_map_read(v, h.size, c->budget, e);
	}
	free(h.bytes);
	for (size_t i = 1; i < VMA_DEVICES && !rc; i++) {
		struct vma_device *d = &v->device[i];
		if (!d->name || d->state)
			continue;
		struct source *s = vma_disk(d, e);
		rc = s ? image_add_disk(out, d->name, s, e) : -1;
	}
	if (!rc)
		tell(v, c, disks);
	return rc;
}

static int bid(const struct probe *p)
{
	return HEAD_HAS(p, 0, "VMA\0\0\0\0\1") ? 95 : HEAD_HAS(p, 0, "VMA\0") ? 60 : 0;
}

const struct format image_vma = {
	.name = "vma",
	.kind = FORMAT_IMAGE,
	.suffixes = SUFFIXES(".vma"),
	.bid = bid,
	.checksums = CHECKSUMS_METADATA,
	.product = "Proxmox VE backup (VMA)",
	.open_image = open_vma,
};
