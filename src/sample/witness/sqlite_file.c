// SPDX-License-Identifier: GPL-3.0-or-later
/* A VFS with one immutable file, the descriptor given in the URI. It works inside the sandbox. */
#include "sqlite_file.h"

#include "backproof/budget.h"

#ifdef HAVE_SQLITE3

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>

struct file {
	sqlite3_file base;
	int fd;
	bool failed; /* a read of it did */
};

static int file_close(sqlite3_file *f)
{
	(void)f;
	return SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *buf, int len, sqlite3_int64 off)
{
	int fd = ((struct file *)f)->fd, got = 0;
	while (got < len) {
		ssize_t n = pread(fd, (char *)buf + got, (size_t)(len - got), off + got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			((struct file *)f)->failed = true;
			return SQLITE_IOERR_READ;
		}
		if (n == 0) {
			memset((char *)buf + got, 0, (size_t)(len - got));
			return SQLITE_IOERR_SHORT_READ;
		}
		got += (int)n;
	}
	return SQLITE_OK;
}

bool sqlite_read_failed(sqlite3 *db)
{
	sqlite3_file *f = NULL;
	return sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &f) == SQLITE_OK && f->pMethods &&
	       ((struct file *)f)->failed;
}

static int file_write(sqlite3_file *f, const void *buf, int len, sqlite3_int64 off)
{
	(void)f, (void)buf, (void)len, (void)off;
	return SQLITE_READONLY;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	(void)f, (void)size;
	return SQLITE_READONLY;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *out)
{
	struct stat st;
	if (fstat(((struct file *)f)->fd, &st) < 0)
		return SQLITE_IOERR_FSTAT;
	*out = st.st_size;
	return SQLITE_OK;
}

static int file_flag(sqlite3_file *f, int flag)
{
	(void)f, (void)flag;
	return SQLITE_OK;
}

static int file_reserved(sqlite3_file *f, int *out)
{
	(void)f;
	*out = 0;
	return SQLITE_OK;
}

static int file_control(sqlite3_file *f, int op, void *arg)
{
	(void)f, (void)op, (void)arg;
	return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *f)
{
	(void)f;
	return 4096;
}

static int file_traits(sqlite3_file *f)
{
	(void)f;
	return SQLITE_IOCAP_IMMUTABLE;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_flag,
	.xFileSize = file_size,
	.xLock = file_flag,
	.xUnlock = file_flag,
	.xCheckReservedLock = file_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
	(void)vfs;
	f->pMethods = NULL;
	/* No temporary files: what does not fit in memory is not sorted. */
	if (!name || !(flags & SQLITE_OPEN_MAIN_DB))
		return SQLITE_CANTOPEN;
	((struct file *)f)->failed = false;
	((struct file *)f)->fd = (int)sqlite3_uri_int64(name, "fd", -1);
	f->pMethods = &methods;
	if (out)
		*out = SQLITE_OPEN_READONLY;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs, (void)name, (void)sync;
	return SQLITE_READONLY;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out)
{
	(void)vfs, (void)name, (void)flags;
	*out = 0;
	return SQLITE_OK;
}

static int vfs_full(sqlite3_vfs *vfs, const char *name, int len, char *out)
{
	(void)vfs;
	sqlite3_snprintf(len, out, "%s", name);
	return SQLITE_OK;
}

static int vfs_random(sqlite3_vfs *vfs, int len, char *out)
{
	(void)vfs;
	memset(out, 0, (size_t)len);
	return len;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
	(void)vfs;
	return us;
}

static int vfs_time(sqlite3_vfs *vfs, double *out)
{
	(void)vfs;
	*out = 2440587.5; /* 1970: nothing here depends on the clock */
	return SQLITE_OK;
}

static sqlite3_vfs vfs_row = {
	.iVersion = 1,
	.szOsFile = sizeof(struct file),
	.mxPathname = 64,
	.zName = "backproof-fd",
	.xOpen = vfs_open,
	.xDelete = vfs_delete,
	.xAccess = vfs_access,
	.xFullPathname = vfs_full,
	.xRandomness = vfs_random,
	.xSleep = vfs_sleep,
	.xCurrentTime = vfs_time,
};

static int registered;

static void register_once(void)
{
	registered = sqlite3_vfs_register(&vfs_row, 0);
}

int sqlite_open_fd(int fd, sqlite3 **db)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char uri[64];
	*db = NULL;
	pthread_once(&once, register_once);
	if (registered != SQLITE_OK)
		return registered;
	snprintf(uri, sizeof uri, "file:database?fd=%d", fd);
	return sqlite3_open_v2(uri, db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, "backproof-fd");
}

static int out_of_time(void *deadline)
{
	return monotonic_ns() > *(int64_t *)deadline;
}

void sqlite_harden(sqlite3 *db, int64_t *deadline)
{
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 64 << 20);
	sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 1 << 20);
	sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_progress_handler(db, 10000, out_of_time, deadline);
	(void)sqlite3_exec(db, "PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;"
			       "PRAGMA ignore_check_constraints=ON; PRAGMA cache_size=-4096;",
			   NULL, NULL, NULL);
}

int sqlite_error(sqlite3 *db, int code, struct error *e)
{
	enum error_class cls = ERROR_UNSUPPORTED; /* a module or collation of the application's own */
	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		cls = ERROR_CORRUPT;
		break;
	case SQLITE_IOERR:
		cls = ERROR_IO;
		break;
	case SQLITE_INTERRUPT:
	case SQLITE_TOOBIG:
		cls = ERROR_LIMIT;
		break;
	case SQLITE_NOMEM:
		return error_nomem(e);
	}
	return error_set(e, cls, ERROR_NO_OFFSET, "%s",
			 db ? sqlite3_errmsg(db) : sqlite3_errstr(code));
}

#endif
