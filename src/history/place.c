// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A history may let a check read less, so whoever can write to it can speak for a backup. It is believed when nobody
 * could have put it there but root, the user who asks, and the owner of its directory.
 */
#include "place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "backproof/history.h"
#include "schema.h"

#define HEADER 100

static int refuse(const char *path, const char *why, struct error *e)
{
	error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s: not used: %s", path, why);
	if (e)
		e->sys = EPERM;
	return -1;
}

static bool is_trusted(uid_t owner, const struct stat *directory)
{
	bool shared = directory->st_mode & S_IWOTH;
	return owner == 0 || owner == geteuid() || (!shared && owner == directory->st_uid);
}

static int judge_directory(const char *path, struct stat *out, struct error *e)
{
	autofree char *directory = path_directory(path);
	if (!directory)
		return error_nomem(e);
	if (stat(directory, out) < 0) {
		int missing = errno == ENOENT || errno == ENOTDIR;
		error_sys(e, "%s: its directory", path);
		if (missing && e)
			e->cls = ERROR_MISSING;
		return -1;
	}
	if ((out->st_mode & S_IWOTH) && !(out->st_mode & S_ISVTX))
		return refuse(path, "everybody may write to its directory", e);
	return 0;
}

/* The path with all links gone; the file itself need not be there. */
static char *resolve(const char *path, struct error *e)
{
	char real[PATH_MAX];
	const char *slash = strrchr(path, '/');
	autofree char *directory = path_directory(path);
	if (!directory)
		return error_nomem(e), NULL;
	if (!realpath(directory, real))
		return error_sys(e, "%s", directory), NULL;
	char *out = NULL;
	if (asprintf(&out, "%s/%s", strcmp(real, "/") ? real : "", slash ? slash + 1 : path) < 0)
		return error_nomem(e), NULL;
	return out;
}

static int make_file(const char *path, const struct stat *directory, struct error *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	if (fd < 0 && errno != EEXIST)
		return error_sys(e, "%s: making it", path);
	if (fd < 0)
		return 0;
	/* Root may be the first to ask by hand; what runs every night, in its own directory, has to write to it too. */
	if (geteuid() == 0 && !(directory->st_mode & S_IWOTH))
		(void)!fchown(fd, directory->st_uid, directory->st_gid);
	close(fd);
	return 0;
}

/*
 * The first bytes, through SQLite's own layer: a descriptor of ours, when it is closed, would take the locks away that
 * another thread holds by way of SQLite.
 */
static int read_header(const char *path, uint8_t header[HEADER], sqlite3_int64 *size, struct error *e)
{
	sqlite3_vfs *vfs = sqlite3_initialize() == SQLITE_OK ? sqlite3_vfs_find(NULL) : NULL;
	autofree sqlite3_file *f = vfs ? calloc(1, (size_t)vfs->szOsFile) : NULL;
	if (!f)
		return error_nomem(e);
	const char *name = sqlite3_create_filename(path, "", "", 0, NULL);
	if (!name)
		return error_nomem(e);
	errno = 0;
	int flags = 0, rc = vfs->xOpen(vfs, name, f, SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, &flags);
	if (rc != SQLITE_OK) {
		error_sys(e, "%s", path);
	} else {
		rc = f->pMethods->xFileSize(f, size);
		if (rc == SQLITE_OK && *size > 0)
			rc = f->pMethods->xRead(f, header, HEADER, 0);
		if (rc == SQLITE_IOERR_SHORT_READ)
			rc = SQLITE_OK; /* what is not there is zero, and no header */
		if (rc != SQLITE_OK)
			error_sys(e, "%s", path);
	}
	if (f->pMethods)
		f->pMethods->xClose(f);
	sqlite3_free_filename(name);
	return rc == SQLITE_OK ? 0 : -1;
}

/* Magic and application: nothing that is not ours is opened for writing, or at all. */
static int judge_content(struct place *p, struct error *e)
{
	uint8_t header[HEADER] = {0};
	sqlite3_int64 size = 0;
	if (read_header(p->path, header, &size, e) < 0)
		return -1;
	p->empty = size == 0;
	if (p->empty)
		return 0;
	if (memcmp(header, "SQLite format 3", 16))
		return error_set(e, ERROR_CORRUPT, 0, "%s: no history: not a database of SQLite", p->path);
	if (get_be32(header + 68) != HISTORY_APPLICATION_ID)
		return error_set(e, ERROR_CORRUPT, 68, "%s: a database of another program", p->path);
	if (get_be32(header + 60) > schema_version())
		return error_set(e, ERROR_UNSUPPORTED, 60,
				 "%s: version %lu, of a newer backproof; this one knows up to %lld", p->path,
				 (unsigned long)get_be32(header + 60), (long long)schema_version());
	return 0;
}

static int judge_file(const char *path, const struct stat *st, const struct stat *directory, struct error *e)
{
	if (!S_ISREG(st->st_mode))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: no history: not a file", path);
	if (!is_trusted(st->st_uid, directory))
		return refuse(path, "it belongs to another user", e);
	if (st->st_mode & S_IWOTH)
		return refuse(path, "everybody may write to it", e);
	return 0;
}

/* Other machines don't see this one's shared memory; and what FUSE does with it, nobody knows. */
static bool is_network(const char *path)
{
	static const unsigned long kinds[] = {NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, CIFS_SUPER_MAGIC, SMB2_SUPER_MAGIC,
					      AFS_SUPER_MAGIC, CODA_SUPER_MAGIC, V9FS_MAGIC, CEPH_SUPER_MAGIC,
					      FUSE_SUPER_MAGIC, OCFS2_SUPER_MAGIC, 0x01161970 /* GFS2 */,
					      0x0bd00bd0 /* Lustre */};
	struct statfs st;
	if (statfs(path, &st) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if ((unsigned long)st.f_type == kinds[i])
			return true;
	return false;
}

static int missing(const char *path, struct error *e)
{
	error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s: there is no history", path);
	if (e)
		e->sys = ENOENT;
	return -1;
}

static int find(struct place *p, const char *path, bool make, struct error *e)
{
	struct stat directory, st;
	if (judge_directory(path, &directory, e) < 0)
		return -1;
	/* A link is followed where those who are trusted have laid it; what it leads to is judged in its own place. */
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
		char real[PATH_MAX];
		if (!is_trusted(st.st_uid, &directory))
			return refuse(path, "a symbolic link of another user", e);
		if (!realpath(path, real))
			return errno == ENOENT ? missing(path, e) : error_sys(e, "%s", path);
		p->path = strdup(real);
		if (!p->path)
			return error_nomem(e);
		if (judge_directory(p->path, &directory, e) < 0)
			return -1;
	} else if (!(p->path = resolve(path, e))) {
		return -1;
	}
	if (lstat(p->path, &st) < 0) {
		if (errno != ENOENT)
			return error_sys(e, "%s", p->path);
		if (!make)
			return missing(p->path, e);
		if (make_file(p->path, &directory, e) < 0)
			return -1;
		if (lstat(p->path, &st) < 0)
			return error_sys(e, "%s", p->path);
	}
	if (judge_file(p->path, &st, &directory, e) < 0)
		return -1;
	p->exists = true;
	p->network = is_network(p->path);
	return judge_content(p, e);
}

int place_find(struct place *p, const char *path, bool make, struct error *e)
{
	memset(p, 0, sizeof *p);
	if (find(p, path, make, e) == 0)
		return 0;
	place_free(p);
	return -1;
}

void place_free(struct place *p)
{
	free(p->path);
	memset(p, 0, sizeof *p);
}

const char *history_usual(void)
{
	const char *said = secure_getenv("BACKPROOF_HISTORY");
	return said && *said ? said : HISTORY_DEFAULT;
}
