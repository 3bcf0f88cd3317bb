// SPDX-License-Identifier: GPL-3.0-or-later
/* libarchive's disk writer, fed from an image; its secure flags stand behind our own checks of names. */
#include "backproof/extract.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>

#include "plain_path.h"

#define CHUNK (1 * MIB)

struct extractor {
	struct archive *disk;
	uint8_t *buf;
	int before; /* the working directory as it was */
};

struct extractor *extractor_open(const char *directory, struct error *e)
{
	autodestroy(extractor_destroy_auto) struct extractor *x = calloc(1, sizeof *x);
	if (!x) {
		error_nomem(e);
		return NULL;
	}
	x->before = -1;
	x->buf = malloc(CHUNK);
	x->disk = archive_write_disk_new();
	if (!x->buf || !x->disk) {
		error_nomem(e);
		return NULL;
	}
	archive_write_disk_set_options(x->disk, ARCHIVE_EXTRACT_PERM | ARCHIVE_EXTRACT_TIME |
							ARCHIVE_EXTRACT_NO_OVERWRITE | ARCHIVE_EXTRACT_SPARSE |
							ARCHIVE_EXTRACT_SECURE_SYMLINKS |
							ARCHIVE_EXTRACT_SECURE_NODOTDOT);
	autoclose int before = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (before < 0 || chdir(directory) < 0) {
		error_sys(e, "%s", before < 0 ? "." : directory);
		return NULL;
	}
	x->before = before;
	before = -1;
	return take(x);
}

void extractor_destroy(struct extractor *x)
{
	if (!x)
		return;
	if (x->disk)
		archive_write_free(x->disk);
	if (x->before >= 0) {
		(void)!fchdir(x->before);
		close(x->before);
	}
	free(x->buf);
	free(x);
}

static int disk_error(struct extractor *x, const char *path, struct error *e)
{
	int sys = archive_errno(x->disk);
	const char *text = archive_error_string(x->disk);
	return error_set(e, sys == ENOSPC || sys == EDQUOT ? ERROR_LIMIT : ERROR_IO, ERROR_NO_OFFSET, "%s: %s", path,
			 text ? text : "can't be written");
}

static int write_data(struct extractor *x, const struct fs_entry *entry, extract_read_fn *read, void *ctx,
		      struct error *e)
{
	uint64_t done = 0;
	for (;;) {
		ssize_t n = read(ctx, x->buf, CHUNK, e);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (uint64_t)n;
		if (done > entry->size)
			break;
		if (archive_write_data(x->disk, x->buf, (size_t)n) != n)
			return error_set(e, archive_errno(x->disk) == ENOSPC ? ERROR_LIMIT : ERROR_IO, ERROR_NO_OFFSET,
					 "%s: %s", entry->path, archive_error_string(x->disk));
	}
	return done == entry->size ? 0
				   : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: holds %s than its %llu bytes",
					       entry->path, done > entry->size ? "more" : "less",
					       (unsigned long long)entry->size);
}

int extract_entry(struct extractor *x, const struct fs_entry *entry, const char *link, extract_read_fn *read,
		  void *ctx, struct error *e)
{
	static const mode_t kinds[] = {[ENTRY_FILE] = AE_IFREG, [ENTRY_DIR] = AE_IFDIR, [ENTRY_LINK] = AE_IFLNK};
	struct stat st;
	if (entry->type == ENTRY_OTHER)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s: a device or socket is not restored",
				 entry->path);
	if (!is_plain_path(entry->path))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: a name that leads out of the tree",
				 entry->path);
	/* A directory that is there is used as it is. */
	if (entry->type == ENTRY_DIR && lstat(entry->path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	if (lstat(entry->path, &st) == 0)
		return error_set(e, ERROR_BUSY, ERROR_NO_OFFSET, "%s is there already, and is left as it is",
				 entry->path);
	struct archive_entry *ae = archive_entry_new2(x->disk);
	if (!ae)
		return error_nomem(e);
	archive_entry_copy_pathname(ae, entry->path);
	archive_entry_set_filetype(ae, kinds[entry->type]);
	archive_entry_set_perm(ae, (entry->mode & 0777) | (entry->type == ENTRY_DIR ? 0700 : 0));
	archive_entry_set_mtime(ae, entry->mtime, 0);
	archive_entry_set_atime(ae, entry->mtime, 0);
	if (entry->type == ENTRY_FILE)
		archive_entry_set_size(ae, (int64_t)entry->size);
	if (entry->type == ENTRY_LINK)
		archive_entry_copy_symlink(ae, link ? link : "");
	int made = archive_write_header(x->disk, ae);
	archive_entry_free(ae);
	if (made < ARCHIVE_WARN)
		return disk_error(x, entry->path, e);
	int rc = entry->type == ENTRY_FILE ? write_data(x, entry, read, ctx, e) : 0;
	if (archive_write_finish_entry(x->disk) < ARCHIVE_WARN && rc == 0)
		rc = error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s: %s", entry->path, archive_error_string(x->disk));
	/* Half a file must not be taken for the file. */
	if (rc < 0)
		(void)unlink(entry->path);
	return rc;
}

int extract_end(struct extractor *x, struct error *e)
{
	return archive_write_close(x->disk) < ARCHIVE_WARN
		       ? error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s", archive_error_string(x->disk))
		       : 0;
}
