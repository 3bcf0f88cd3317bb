// SPDX-License-Identifier: GPL-3.0-or-later
/* NTFS as a row of the registry. A handle serves one thread at a time: libntfs-3g caches without locks. */
#ifdef HAVE_LIBNTFS_3G
#include "backproof/text.h"
#include "ntfs.h"

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/volume.h>

#define CACHE_CLUSTER (64 * KIB)
#define CACHE_CLUSTERS 256

#define FLAG_DIRTY 0x0001u

static void ntfs_destroy(void *self)
{
	struct ntfs *fs = self;
	if (!fs)
		return;
	ntfs_listing_free(fs->last);
	ntfs_lib_close(fs);
	source_destroy(fs->disk.src);
	free(fs);
}
static void ntfs_auto(struct ntfs **p)
{
	ntfs_destroy(*p);
}

static int count_free(struct ntfs *fs, struct fs_info *info, struct error *e)
{
	ntfs_attr *na = fs->vol->lcnbmp_na;
	uint64_t bytes = (fs->g.clusters + 7) / 8, done = 0;
	if ((uint64_t)na->data_size < bytes)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "NTFS: $Bitmap has %lld bytes for %llu clusters", (long long)na->data_size,
				 (unsigned long long)fs->g.clusters);
	autofree uint8_t *buf = malloc(MIB);
	if (!buf)
		return error_nomem(e);
	for (; done < bytes; done += MIB) {
		size_t n = bytes - done < MIB ? (size_t)(bytes - done) : MIB, used = 0;
		if (ntfs_lib_read(fs, na, done, buf, n, e) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			used += (size_t)__builtin_popcount(buf[i]);
		size_t bits = n * 8;
		if (done + n == bytes) /* behind the last cluster all are set */
			for (uint64_t c = fs->g.clusters; c < bytes * 8; c++)
				if (--bits, buf[n - 1] >> c % 8 & 1)
					used--;
		info->free += (uint64_t)(bits - used) * fs->g.cluster;
	}
	return 0;
}

static int take_volume(struct ntfs *fs, struct fs_info *info, unsigned *flags, struct error *e)
{
	autodestroy(ntfs_lib_put) ntfs_inode *ni = ntfs_lib_inode(fs, FILE_Volume, e);
	autofree uint8_t *label = NULL, *volume = NULL;
	size_t len = 0;
	if (!ni)
		return -1;
	int rc = ntfs_lib_whole(fs, ni, ATTR_LABEL, NULL, 0, KIB, &label, &len, e);
	if (rc < 0)
		return -1;
	if (rc)
		utf16le_text(label, len / 2, info->label, sizeof info->label);
	rc = ntfs_lib_whole(fs, ni, ATTR_VOLUME, NULL, 0, KIB, &volume, &len, e);
	if (rc < 0)
		return -1;
	if (!rc || len < 12)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "NTFS: $Volume tells neither version nor state");
	if (volume[8] < 1 || volume[8] > 3)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "NTFS %u.%u is not known here", volume[8],
				 volume[9]);
	*flags = get_le16(volume + 10);
	snprintf(info->type, sizeof info->type, "ntfs");
	snprintf(info->uuid, sizeof info->uuid, "%016llX", (unsigned long long)fs->g.serial);
	info->size = fs->g.sectors * fs->g.sector;
	info->block_size = fs->g.cluster;
	return count_free(fs, info, e);
}

/* A machine that sleeps has changes in memory, which lie in hiberfil.sys and nowhere else. */
static int judge_sleep(struct ntfs *fs, const char *subject, struct findings *f, struct fs_info *info,
		       struct error *e)
{
	struct fs_entry it;
	uint8_t head[4];
	int rc = ntfs_find(fs, "hiberfil.sys", false, &it, e);
	if (rc <= 0 || it.type != ENTRY_FILE || it.size < 4096)
		return rc < 0 && e->cls != ERROR_CORRUPT ? -1 : 0; /* the walk tells */
	struct error why = {0};
	autostream struct stream *s = ntfs_open_stream(fs, it.id, &why);
	if (!s || stream_read_full(s, head, sizeof head, &why) != (ssize_t)sizeof head) {
		info->stale_view = true;
		ntfs_finding(f, "ntfs.hibernation", subject, OUTCOME_UNPROVEN, -1,
			     "whether Windows was hibernated can't be told: hiberfil.sys can't be read (%s)", why.text);
		return 0;
	}
	if (memcmp(head, "HIBR", 4) && memcmp(head, "hibr", 4))
		return 0;
	info->stale_view = true;
	ntfs_finding(f, "ntfs.hibernation", subject, OUTCOME_UNPROVEN, -1,
		     "Windows was hibernated (or shut down with fast startup) when the image was taken: what it kept "
		     "in memory is not in the file system");
	return 0;
}

static int judge(struct ntfs *fs, const char *subject, struct findings *f, struct fs_info *info,
		 unsigned bad, struct error *e)
{
	unsigned flags = 0;
	if (take_volume(fs, info, &flags, e) < 0 || ntfs_judge_log(fs, subject, f, info, e) < 0 ||
	    judge_sleep(fs, subject, f, info, e) < 0)
		return -1;
	if (flags & FLAG_DIRTY)
		ntfs_finding(f, "ntfs.state", subject, OUTCOME_UNPROVEN, -1,
			     "Windows marked the volume dirty: chkdsk would run when it is restored");
	info->clean = !info->stale_view && !(flags & FLAG_DIRTY);
	fs->clean = info->clean;
	if (!bad)
		ntfs_finding(f, "ntfs.boot", subject, OUTCOME_HELD, 0,
			     "NTFS %u.%u of %llu clusters of %u bytes, %llu MFT records of %u bytes",
			     fs->vol->major_ver, fs->vol->minor_ver, (unsigned long long)fs->g.clusters,
			     fs->g.cluster, (unsigned long long)fs->records, fs->g.record);
	return 0;
}

static int ntfs_open(struct source *src, const char *subject, struct findings *f, void **self,
		     struct fs_info *info, struct error *e)
{
	uint8_t b[512];
	unsigned bad = 0;
	memset(info, 0, sizeof *info);
	if (source_size(src) < sizeof b)
		return error_set(e, ERROR_CORRUPT, 0, "NTFS: there is no whole boot sector");
	if (source_read_at(src, 0, b, sizeof b, e) < 0)
		return -1;
	autodestroy(ntfs_auto) struct ntfs *fs = calloc(1, sizeof *fs);
	if (!fs)
		return error_nomem(e);
	fs->src = src;
	fs->disk.src = source_cached(src, CACHE_CLUSTER, CACHE_CLUSTERS, e);
	if (!fs->disk.src || ntfs_parse_boot(b, source_size(src), &fs->g, e) < 0 ||
	    ntfs_judge_boot(fs, b, subject, f, &bad, e) < 0 || ntfs_lib_open(fs, e) < 0 ||
	    judge(fs, subject, f, info, bad, e) < 0)
		return -1;
	*self = take(fs);
	return 0;
}

static const char *const types[] = {"ntfs", NULL};
const struct fs_ops fs_ntfs = {
	.name = "ntfs",
	.types = types,
	.open = ntfs_open,
	.verify = ntfs_verify,
	.walk = ntfs_walk,
	.lookup = ntfs_find,
	.open_file = ntfs_open_stream,
	.read_link = ntfs_link_target,
	.xattrs = ntfs_streams,
	.open_source = ntfs_open_source,
	.destroy = ntfs_destroy,
};
#endif
