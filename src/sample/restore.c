// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Restoring into scratch. What is restored comes from the image and is hostile: names are checked here, libarchive's
 * secure flags check them again, and nothing is ever written with set-id bits or as a device.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "backproof/digest.h"
#include "backproof/sample.h"
#include "backproof/text.h"
#include "plain_path.h"

#define CHUNK (1 * MIB)
#define READ_BACK (256 * KIB)

/* Names in scratch, whichever restorer makes them. */
static _Atomic uint64_t serial;
/* libarchive asks for the umask by setting it: two at once would leave the process without one. */
static pthread_mutex_t umask_lock = PTHREAD_MUTEX_INITIALIZER;

struct restorer {
	struct scratch *scratch;
	struct archive *disk;
	struct digest *digest;
	uint8_t *buf;
	uint64_t bytes;
	int64_t ns;
};

struct restorer *restorer_open(struct scratch *s, struct error *e)
{
	autodestroy(restorer_destroy_auto) struct restorer *r = calloc(1, sizeof *r);
	pthread_mutex_lock(&umask_lock);
	struct archive *disk = archive_write_disk_new();
	pthread_mutex_unlock(&umask_lock);
	if (r)
		r->disk = disk;
	else if (disk)
		archive_write_free(disk);
	if (!r || !disk || !(r->buf = malloc(CHUNK))) {
		error_nomem(e);
		return NULL;
	}
	r->scratch = s;
	archive_write_disk_set_options(r->disk, ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
							ARCHIVE_EXTRACT_XATTR | ARCHIVE_EXTRACT_UNLINK |
							ARCHIVE_EXTRACT_SECURE_SYMLINKS |
							ARCHIVE_EXTRACT_SECURE_NODOTDOT);
	r->digest = digest_new(DIGEST_SHA256, e);
	return r->digest ? take(r) : NULL;
}

void restorer_destroy(struct restorer *r)
{
	if (!r)
		return;
	if (r->disk)
		archive_write_free(r->disk);
	digest_destroy(r->digest);
	free(r->buf);
	free(r);
}

void restored_free(struct restored *r)
{
	free(r->path);
	free(r->name);
	memset(r, 0, sizeof *r);
}

static int disk_error(struct restorer *r, const char *path, struct error *e)
{
	int sys = archive_errno(r->disk);
	enum error_class cls = sys == ENOSPC || sys == EDQUOT ? ERROR_LIMIT : ERROR_IO;
	const char *text = archive_error_string(r->disk);
	return error_set(e, cls, ERROR_NO_OFFSET, "restoring %s into scratch: %s", path,
			 text ? text : "failed");
}

/* Some file may have a million: those beyond these would cost minutes, and prove nothing. */
#define XATTRS_MOST 128
#define XATTR_BYTES_MOST (64 * KIB)

struct xattrs {
	struct archive_entry *to;
	size_t count, bytes;
};

static int copy_xattr(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	struct xattrs *x = ctx;
	(void)e;
	/* Only what an unprivileged user may set, and what can't give the copy any powers. */
	if (strncmp(name, "user.", 5))
		return 0;
	if (x->count >= XATTRS_MOST || len > XATTR_BYTES_MOST - x->bytes)
		return 1;
	x->count++;
	x->bytes += len;
	archive_entry_xattr_add_entry(x->to, name, value, len);
	return 0;
}

static int copy_xattrs(struct archive_entry *ae, const struct restore_input *in, struct error *e)
{
	struct xattrs x = {.to = ae};
	if (in->fs)
		return fs_xattrs(in->fs, in->entry, copy_xattr, &x, e) < 0 ? -1 : 0;
	if (in->native) {
		struct archive_entry *from = (struct archive_entry *)(uintptr_t)in->native;
		const char *name;
		const void *value;
		size_t len;
		archive_entry_xattr_reset(from);
		while (archive_entry_xattr_next(from, &name, &value, &len) == ARCHIVE_OK &&
		       copy_xattr(&x, name, value, len, e) == 0)
			;
	}
	return 0;
}

static int write_data(struct restorer *r, const struct restore_input *in, struct restored *out,
		      struct error *e)
{
	if (digest_reset(r->digest, e) < 0)
		return -1;
	uint64_t done = 0;
	for (;;) {
		ssize_t n = in->read(in->ctx, r->buf, CHUNK, e);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		if (done + (uint64_t)n > in->entry->size)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "%s: holds more than the %llu bytes it should", in->entry->path,
					 (unsigned long long)in->entry->size);
		digest_update(r->digest, r->buf, (size_t)n);
		int64_t t = monotonic_ns();
		ssize_t w = archive_write_data(r->disk, r->buf, (size_t)n);
		r->ns += monotonic_ns() - t;
		if (w != n)
			return disk_error(r, in->entry->path, e);
		done += (uint64_t)n;
	}
	if (done != in->entry->size)
		return error_set(e, ERROR_CORRUPT, (int64_t)done, "%s: ends after %llu of %llu bytes",
				 in->entry->path, (unsigned long long)done,
				 (unsigned long long)in->entry->size);
	r->bytes += done;
	return digest_final(r->digest, out->digest, e);
}

static struct archive_entry *make_entry(struct restorer *r, const struct restore_input *in,
					const char *full)
{
	static const mode_t kinds[] = {[ENTRY_FILE] = AE_IFREG, [ENTRY_DIR] = AE_IFDIR,
				       [ENTRY_LINK] = AE_IFLNK};
	struct archive_entry *ae = archive_entry_new2(r->disk);
	if (!ae)
		return NULL;
	archive_entry_copy_pathname(ae, full);
	archive_entry_set_filetype(ae, kinds[in->entry->type]);
	/* Always readable by us, never set-id: this is a trial, not the machine. */
	archive_entry_set_perm(ae, (in->entry->mode & 0777) | 0400 |
					   (in->entry->type == ENTRY_DIR ? 0300 : 0));
	archive_entry_set_mtime(ae, in->entry->mtime, 0);
	archive_entry_set_atime(ae, in->entry->mtime, 0);
	if (in->entry->type == ENTRY_FILE)
		archive_entry_set_size(ae, (int64_t)in->entry->size);
	if (in->entry->type == ENTRY_LINK)
		archive_entry_copy_symlink(ae, in->link);
	return ae;
}

static int write_entry(struct restorer *r, const struct restore_input *in, struct restored *out,
		       struct error *e)
{
	autofree char *full = text_format("%s/%s", scratch_path(r->scratch), out->name);
	struct archive_entry *ae = full ? make_entry(r, in, full) : NULL;
	if (!ae)
		return error_nomem(e);
	int rc = copy_xattrs(ae, in, e);
	if (rc == 0) {
		int64_t t = monotonic_ns();
		pthread_mutex_lock(&umask_lock);
		int written = archive_write_header(r->disk, ae);
		pthread_mutex_unlock(&umask_lock);
		/* A warning is about attributes that this file system can't keep. */
		rc = written >= ARCHIVE_WARN ? 0 : disk_error(r, in->entry->path, e);
		r->ns += monotonic_ns() - t;
	}
	archive_entry_free(ae);
	if (rc == 0 && in->entry->type == ENTRY_FILE)
		rc = write_data(r, in, out, e);
	if (rc == 0) {
		int64_t t = monotonic_ns();
		if (archive_write_finish_entry(r->disk) < ARCHIVE_WARN)
			rc = disk_error(r, in->entry->path, e);
		r->ns += monotonic_ns() - t;
	}
	return rc;
}

int restore_entry(struct restorer *r, const struct restore_input *in, struct restored *out,
		  struct error *e)
{
	const struct fs_entry *entry = in->entry;
	*out = (struct restored){.size = entry->type == ENTRY_FILE ? entry->size : 0,
				 .mode = entry->mode,
				 .mtime = entry->mtime,
				 .type = entry->type};
	if (entry->type == ENTRY_OTHER)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s: a device or socket", entry->path);
	if (!is_plain_path(entry->path))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "%s: a name that leads out of the tree", entry->path);
	if (scratch_charge(r->scratch, out->size, e) < 0)
		return -1;
	out->path = strdup(entry->path);
	/* A number instead of the path: no directories have to be made and removed around each file, none of the
	 * image's names gets onto our disk, and a member that comes twice does not overwrite its first copy. */
	out->name = text_format("%llu", (unsigned long long)++serial);
	int rc = out->path && out->name ? write_entry(r, in, out, e) : error_nomem(e);
	if (rc < 0) {
		if (out->name)
			restore_remove(r, out);
		else
			scratch_refund(r->scratch, out->size);
		restored_free(out);
	}
	return rc;
}

int restore_end(struct restorer *r, struct error *e)
{
	int64_t t = monotonic_ns();
	/* Sets the times and modes of directories, which wait until nothing more is written below. */
	int closed = archive_write_close(r->disk);
	r->ns += monotonic_ns() - t;
	return closed < ARCHIVE_WARN ? disk_error(r, "directories", e) : 0;
}

/* Of any thread: it shares nothing with the writing. */
static int compare(const struct restored *it, int fd, struct error *e)
{
	uint8_t got[DIGEST_MAX];
	autodestroy(digest_destroy_auto) struct digest *digest = digest_new(DIGEST_SHA256, e);
	size_t chunk = it->size < READ_BACK ? (size_t)it->size + 1 : READ_BACK;
	autofree uint8_t *buf = malloc(chunk);
	struct stat st;
	if (fstat(fd, &st) < 0)
		return error_sys(e, "scratch copy of %s", it->path);
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != it->size)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "%s: its copy in scratch has %lld bytes, %llu were written", it->path,
				 (long long)st.st_size, (unsigned long long)it->size);
	if (!digest || !buf)
		return digest ? error_nomem(e) : -1;
	for (off_t off = 0;;) {
		ssize_t n = pread(fd, buf, chunk, off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "scratch copy of %s", it->path);
		if (n == 0)
			break;
		digest_update(digest, buf, (size_t)n);
		off += n;
	}
	if (digest_final(digest, got, e) < 0)
		return -1;
	if (memcmp(got, it->digest, digest_size(DIGEST_SHA256)))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "%s: read back from scratch, it differs from what was written", it->path);
	if ((st.st_mode & 0377) != (it->mode & 0377))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: mode %o was restored as %o",
				 it->path, it->mode & 0777, (unsigned)st.st_mode & 0777);
	return 0;
}

int restore_flush(struct restorer *r, const struct restored *it, bool wait, struct error *e)
{
	if (it->type != ENTRY_FILE)
		return 0;
	autoclose int fd = openat(scratch_fd(r->scratch), it->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "scratch copy of %s", it->path);
	int64_t t = monotonic_ns();
	/* Where starting early is not possible, the wait does all. */
	int rc = wait ? fsync(fd) : (sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE), 0);
	if (rc == 0 && wait) {
		/* It is read back from the disk, not from memory: the disk may begin while others are waited for. */
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		posix_fadvise(fd, 0, 0, POSIX_FADV_WILLNEED);
	}
	r->ns += monotonic_ns() - t;
	return rc < 0 ? error_sys(e, "sync of the scratch copy of %s", it->path) : 0;
}

int restore_read_back(struct restorer *r, const struct restored *it, struct error *e)
{
	if (it->type != ENTRY_FILE) {
		struct stat st;
		if (fstatat(scratch_fd(r->scratch), it->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return error_sys(e, "scratch copy of %s", it->path);
		if (it->type == ENTRY_DIR ? !S_ISDIR(st.st_mode) : !S_ISLNK(st.st_mode))
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "%s: its copy in scratch is of another kind", it->path);
		return -2;
	}
	int fd = openat(scratch_fd(r->scratch), it->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "scratch copy of %s", it->path);
	if (compare(it, fd, e) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void restore_remove(struct restorer *r, const struct restored *it)
{
	if (unlinkat(scratch_fd(r->scratch), it->name, it->type == ENTRY_DIR ? AT_REMOVEDIR : 0) == 0 ||
	    errno == ENOENT)
		scratch_refund(r->scratch, it->size);
}

double restore_seconds(const struct restorer *r)
{
	return (double)r->ns / 1e9;
}

uint64_t restore_bytes(const struct restorer *r)
{
	return r->bytes;
}
