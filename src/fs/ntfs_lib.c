// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * libntfs-3g over a source: read-only device operations, its errors as ours. Plain data is read by runs here:
 * in large pieces, and with every cluster number checked.
 */
#ifdef HAVE_LIBNTFS_3G
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "ntfs.h"

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/device.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/logging.h>
#include <ntfs-3g/volume.h>

static int disk_open(struct ntfs_device *dev, int flags)
{
	(void)flags;
	NDevSetOpen(dev);
	NDevSetReadOnly(dev);
	return 0;
}

static int disk_close(struct ntfs_device *dev)
{
	NDevClearOpen(dev);
	return 0;
}

static s64 disk_seek(struct ntfs_device *dev, s64 offset, int whence)
{
	struct ntfs_disk *d = dev->d_private;
	if (whence != SEEK_SET || offset < 0 || (uint64_t)offset > source_size(d->src)) {
		errno = EINVAL;
		return -1;
	}
	return offset;
}

static s64 disk_pread(struct ntfs_device *dev, void *buf, s64 count, s64 offset)
{
	struct ntfs_disk *d = dev->d_private;
	uint64_t size = source_size(d->src);
	struct error e = {0};
	if (count <= 0 || (uint64_t)offset >= size) /* a negative one, too */
		return 0;
	if ((uint64_t)count > size - (uint64_t)offset)
		count = (s64)(size - (uint64_t)offset);
	if (!source_read_at(d->src, (uint64_t)offset, buf, (size_t)count, &e))
		return count;
	d->error = e;
	d->failed = true;
	errno = EIO;
	return -1;
}

static s64 disk_read(struct ntfs_device *dev, void *buf, s64 count)
{
	(void)dev, (void)buf, (void)count; /* it has pread */
	errno = EOPNOTSUPP;
	return -1;
}

static s64 disk_write(struct ntfs_device *dev, const void *buf, s64 count)
{
	(void)dev, (void)buf, (void)count;
	errno = EROFS;
	return -1;
}

static s64 disk_pwrite(struct ntfs_device *dev, const void *buf, s64 count, s64 offset)
{
	(void)offset;
	return disk_write(dev, buf, count);
}

static int disk_sync(struct ntfs_device *dev)
{
	(void)dev;
	return 0;
}

static int disk_stat(struct ntfs_device *dev, struct stat *st)
{
	struct ntfs_disk *d = dev->d_private;
	memset(st, 0, sizeof *st);
	st->st_mode = S_IFREG | 0444;
	st->st_size = (off_t)source_size(d->src);
	return 0;
}

static int disk_ioctl(struct ntfs_device *dev, unsigned long request, void *argp)
{
	(void)dev, (void)request, (void)argp;
	errno = EOPNOTSUPP;
	return -1;
}

static struct ntfs_device_operations disk_ops = {
	.open = disk_open,
	.close = disk_close,
	.seek = disk_seek,
	.read = disk_read,
	.write = disk_write,
	.pread = disk_pread,
	.pwrite = disk_pwrite,
	.sync = disk_sync,
	.stat = disk_stat,
	.ioctl = disk_ioctl,
};

int ntfs_lib_error(struct ntfs *fs, struct error *e, const char *fmt, ...)
{
	int sys = errno;
	char what[300];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	if (fs->disk.failed) {
		if (e)
			*e = fs->disk.error;
		fs->disk.failed = false;
		return error_prefix(e, "NTFS: %s", what);
	}
	if (sys == ENOMEM)
		return error_nomem(e);
	if (sys == EOPNOTSUPP)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "NTFS: %s: not supported", what);
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "NTFS: %s: %s", what,
			 sys == ENOENT ? "it is missing or not in use" : "its metadata contradicts itself");
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static void be_quiet(void)
{
	ntfs_log_set_handler(ntfs_log_handler_null);
}

int ntfs_lib_open(struct ntfs *fs, struct error *e)
{
	pthread_once(&once, be_quiet);
	struct ntfs_device *dev = ntfs_device_alloc(source_name(fs->src), 0, &disk_ops, &fs->disk);
	if (!dev)
		return error_nomem(e);
	errno = 0;
	fs->vol = ntfs_device_mount(dev, NTFS_MNT_RDONLY | NTFS_MNT_FORENSIC | NTFS_MNT_IGNORE_HIBERFILE);
	if (!fs->vol) {
		ntfs_lib_error(fs, e, "the system files can't be read");
		ntfs_device_free(dev);
		return -1;
	}
	ntfs_set_shown_files(fs->vol, FALSE, TRUE, FALSE);
	errno = EIO;
	if (ntfs_attr_map_whole_runlist(fs->vol->mft_na))
		return ntfs_lib_error(fs, e, "the runs of the MFT");
	fs->records = (uint64_t)fs->vol->mft_na->initialized_size / fs->g.record;
	if (fs->records > fs->g.clusters * fs->g.cluster / fs->g.record)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "NTFS: the MFT is larger than the volume");
	return 0;
}

void ntfs_lib_close(struct ntfs *fs)
{
	if (fs->vol)
		ntfs_umount(fs->vol, FALSE);
	fs->vol = NULL;
}

void ntfs_lib_put(ntfs_inode **ni)
{
	if (*ni)
		ntfs_inode_close(*ni);
	*ni = NULL;
}

void ntfs_lib_put_attr(ntfs_attr **na)
{
	if (*na)
		ntfs_attr_close(*na);
	*na = NULL;
}

ntfs_inode *ntfs_lib_inode(struct ntfs *fs, uint64_t ref, struct error *e)
{
	errno = EIO;
	ntfs_inode *ni = ntfs_inode_open(fs->vol, ref);
	if (!ni)
		ntfs_lib_error(fs, e, "MFT record %llu", (unsigned long long)MREF(ref));
	return ni;
}

int ntfs_lib_attr(struct ntfs *fs, ntfs_inode *ni, uint32_t type, const void *name, size_t units,
		  ntfs_attr **out, struct error *e)
{
	ntfschar *copy = AT_UNNAMED;
	autofree ntfschar *owned = NULL;
	if (units) {
		owned = malloc(units * sizeof *owned);
		if (!owned)
			return error_nomem(e);
		memcpy(owned, name, units * sizeof *owned);
		copy = owned;
	}
	errno = EIO;
	*out = ntfs_attr_open(ni, type, copy, (u32)units);
	if (*out)
		return 1;
	if (errno == ENOENT && !fs->disk.failed)
		return 0;
	return ntfs_lib_error(fs, e, "MFT record %llu: attribute %02x", (unsigned long long)ni->mft_no, type);
}

/* (NAttrEncrypted asks the file and not the attribute, and never for a stream that has a name.) */
bool ntfs_lib_is_encrypted(ntfs_attr *na)
{
	return NAttrEncrypted(na) || na->data_flags & ATTR_IS_ENCRYPTED;
}

static int bad_run(const ntfs_attr *na, uint64_t off, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "NTFS: MFT record %llu: byte %llu of its data %s",
			 (unsigned long long)na->ni->mft_no, (unsigned long long)off, what);
}

int ntfs_lib_read(struct ntfs *fs, ntfs_attr *na, uint64_t off, void *buf, size_t len, struct error *e)
{
	uint8_t *to = buf;
	uint64_t known = (uint64_t)na->initialized_size, cluster = fs->g.cluster;
	errno = EIO;
	if (!NAttrFullyMapped(na) && ntfs_attr_map_whole_runlist(na))
		return ntfs_lib_error(fs, e, "MFT record %llu: its runs", (unsigned long long)na->ni->mft_no);
	const runlist_element *r = na->rl;
	if (!r)
		return bad_run(na, off, "has no runs", e);
	while (len) {
		while (r->length && (uint64_t)(r->vcn + r->length) <= off / cluster)
			r++;
		if (!r->length || (uint64_t)r->vcn > off / cluster)
			return bad_run(na, off, "has no run", e);
		uint64_t in = off - (uint64_t)r->vcn * cluster, left = (uint64_t)r->length * cluster - in;
		size_t n = left < len ? (size_t)left : len;
		if (off < known && n > known - off)
			n = (size_t)(known - off);
		if (off >= known || r->lcn == LCN_HOLE) {
			memset(to, 0, n);
		} else if (r->lcn < 0 || (uint64_t)r->lcn + (uint64_t)r->length > fs->g.clusters) {
			return bad_run(na, off, "lies outside the volume", e);
		} else if (source_read_at(fs->disk.src, (uint64_t)r->lcn * cluster + in, to, n, e) < 0) {
			return -1;
		}
		off += n;
		to += n;
		len -= n;
	}
	return 0;
}

int ntfs_lib_whole(struct ntfs *fs, ntfs_inode *ni, uint32_t type, const void *name, size_t units,
		   size_t max, uint8_t **data, size_t *len, struct error *e)
{
	autodestroy(ntfs_lib_put_attr) ntfs_attr *na = NULL;
	int rc = ntfs_lib_attr(fs, ni, type, name, units, &na, e);
	if (rc <= 0)
		return rc;
	if ((uint64_t)na->data_size > max) /* a negative one, too */
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
				 "NTFS: MFT record %llu: attribute %02x has %lld bytes",
				 (unsigned long long)ni->mft_no, type, (long long)na->data_size);
	autofree uint8_t *buf = malloc((size_t)na->data_size + 2);
	if (!buf)
		return error_nomem(e);
	errno = EIO;
	if (ntfs_attr_pread(na, 0, na->data_size, buf) != na->data_size)
		return ntfs_lib_error(fs, e, "MFT record %llu: attribute %02x",
				      (unsigned long long)ni->mft_no, type);
	*len = (size_t)na->data_size;
	*data = take(buf);
	return 1;
}
#endif
