// SPDX-License-Identifier: GPL-3.0-or-later
/* Files and block devices. Plain pread: it gains nothing to map them, and a failing disk would kill us. */
#include "source_self.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <time.h>

#include "backproof/door.h"
#include "backproof/footprint.h"
#include "backproof/pace.h"

struct file {
	int fd;
	struct stat at_open;
	char *path; /* NULL for a descriptor whose name means nothing */
	struct footprint *footprint;
	const struct budget *budget; /* whose pace is kept; may be NULL */
	pthread_mutex_t lock;	     /* for direct */
	atomic_bool given_up;
	_Atomic unsigned waited;     /* how much of late reads have had to wait for the disk */
	int direct;		     /* a descriptor that passes the page cache by; one of the below otherwise */
};
enum { DIRECT_NOT_TRIED = -1, DIRECT_NONE = -2 };

/*
 * Nothing comes so fast from a disk or a network as what is in memory. Only small reads tell: large ones take their
 * time.
 */
#define WAITED_NS 60000
#define SMALL (64 * KIB)
/* One that was slow may be chance: it takes some, and these are forgotten when many that were not have followed. */
#define WAITED_EACH 64u
#define WAITED_MANY 128u
#define WAITED_MOST 1024u

static int read_failed(const struct file *f, uint64_t off, struct error *e)
{
	error_sys(e, "%s: read at offset %llu", f->path ? f->path : "file", (unsigned long long)off);
	if (e)
		e->offset = (int64_t)off;
	return -1;
}

static void note_wait(struct file *f, int64_t ns)
{
	unsigned waited = f->waited;
	if (ns > WAITED_NS)
		f->waited = waited + WAITED_EACH < WAITED_MOST ? waited + WAITED_EACH : WAITED_MOST;
	else if (waited)
		f->waited = waited - 1;
}

static int read_piece(struct file *f, uint64_t off, uint8_t *to, size_t len, struct error *e)
{
	int64_t began = len <= SMALL ? monotonic_ns() : 0;
	footprint_before(f->footprint, off, len);
	while (len) {
		ssize_t n = pread(f->fd, to, len, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return read_failed(f, off, e);
		if (n == 0)
			return error_set(e, ERROR_BUSY, (int64_t)off,
					 "%s: became shorter while it was read: it ends at offset %llu",
					 f->path ? f->path : "file", (unsigned long long)off);
		to += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	if (began)
		note_wait(f, monotonic_ns() - began);
	return 0;
}

static void file_expect(void *self, uint64_t off, uint64_t len)
{
	struct file *f = self;
	if (f->waited < WAITED_MANY || (f->budget && f->budget->pace))
		return;
	footprint_before(f->footprint, off, len);
	posix_fadvise(f->fd, (off_t)off, (off_t)len, POSIX_FADV_WILLNEED);
}

static int gone(uint64_t off, struct error *e)
{
	return error_set(e, ERROR_INTERNAL, (int64_t)off, "read after its scratch was given up");
}

static int file_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct file *f = self;
	if (f->given_up)
		return gone(off, e);
	struct pace *pace = f->budget ? f->budget->pace : NULL;
	size_t most = pace ? pace_piece(pace) : len;
	for (size_t at = 0; at < len; at += most) {
		size_t n = len - at < most ? len - at : most;
		if (pace && pace_take(pace, n, f->budget, e) < 0)
			return -1;
		if (read_piece(f, off + at, (uint8_t *)buf + at, n, e) < 0)
			return -1;
	}
	return 0;
}

static int direct_fd(struct file *f)
{
	struct stat st;
	pthread_mutex_lock(&f->lock);
	if (f->direct == DIRECT_NOT_TRIED) {
		int fd = f->path ? door_open(f->path, DOOR_DIRECT) : -1;
		/* Another file may stand there by now. */
		if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_dev != f->at_open.st_dev ||
				st.st_ino != f->at_open.st_ino)) {
			close(fd);
			fd = -1;
		}
		f->direct = fd < 0 ? DIRECT_NONE : fd;
	}
	int fd = f->direct;
	pthread_mutex_unlock(&f->lock);
	return fd;
}

/*
 * Large pieces here and there are read faster so, and nothing is read ahead in vain. 1: read, 0: not to be read so.
 * -1: it can't be read, whatever copies of it may be cached.
 */
static int read_directly(struct file *f, uint64_t off, void *buf, size_t len, struct error *e)
{
	size_t whole = (len + SOURCE_ASIDE_ALIGN - 1) / SOURCE_ASIDE_ALIGN * SOURCE_ASIDE_ALIGN, done = 0;
	int fd = off % SOURCE_ASIDE_ALIGN || (uintptr_t)buf % SOURCE_ASIDE_ALIGN ? DIRECT_NONE : direct_fd(f);
	while (fd >= 0 && done < len && done % SOURCE_ASIDE_ALIGN == 0) {
		ssize_t n = pread(fd, (uint8_t *)buf + done, whole - done, (off_t)(off + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EINVAL && errno != EOPNOTSUPP)
			return read_failed(f, off + done, e);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done >= len;
}

static int file_read_aside(void *self, uint64_t off, void *buf, size_t len, const struct budget *b, struct error *e)
{
	struct file *f = self;
	struct pace *pace = b ? b->pace : NULL;
	size_t most = pace ? pace_piece(pace) : len;
	for (size_t at = 0; pace && at < len; at += most)
		if (pace_take(pace, len - at < most ? len - at : most, b, e) < 0)
			return -1;
	int rc = read_directly(f, off, buf, len, e);
	return rc ? (rc < 0 ? -1 : 0) : read_piece(f, off, buf, len, e);
}

static void ask_extent(struct file *f, uint64_t off, struct extent *out)
{
	off_t data = lseek(f->fd, (off_t)off, SEEK_DATA);
	if (data < 0 && errno == ENXIO) {
		out->zero = true; /* a hole up to the end, which is the dispatcher's length */
		return;
	}
	if (data < 0)
		return; /* no such service here: all data */
	if ((uint64_t)data > off) {
		out->zero = true;
		out->length = (uint64_t)data - off;
		return;
	}
	off_t hole = lseek(f->fd, (off_t)off, SEEK_HOLE);
	if (hole > (off_t)off)
		out->length = (uint64_t)hole - off;
}

static int file_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct file *f = self;
	ask_extent(f, off, out);
	/* Then there is nothing but a hole, which says nothing of what was there. */
	return f->given_up ? gone(off, e) : 0;
}

static void file_destroy(void *self)
{
	struct file *f = self;
	footprint_close(f->footprint);
	if (f->direct >= 0)
		close(f->direct);
	pthread_mutex_destroy(&f->lock);
	close(f->fd);
	free(f->path);
	free(f);
}

static const struct source_ops file_ops = {
	.kind = "file",
	.read_at = file_read_at,
	.extent_at = file_extent_at,
	.destroy = file_destroy,
	.read_aside = file_read_aside,
	.expect = file_expect,
};

struct source *source_open_fd(int fd, const char *name, struct error *e)
{
	struct file *f = calloc(1, sizeof *f);
	if (!f) {
		error_nomem(e);
		return NULL;
	}
	uint64_t size;
	if (fstat(fd, &f->at_open) < 0) {
		error_sys(e, "%s", name);
		goto failed;
	}
	if (S_ISREG(f->at_open.st_mode)) {
		size = (uint64_t)f->at_open.st_size;
	} else if (S_ISBLK(f->at_open.st_mode)) {
		if (ioctl(fd, BLKGETSIZE64, &size) < 0) {
			error_sys(e, "%s: size of the device", name);
			goto failed;
		}
	} else {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s: neither a file nor a block device",
			  name);
		goto failed;
	}
	f->fd = fd;
	f->direct = DIRECT_NOT_TRIED;
	pthread_mutex_init(&f->lock, NULL);
	struct source *s = source_new(&file_ops, f, size, name, e);
	if (s)
		return s;
failed:
	free(f);
	return NULL;
}

/* Times of files advance in ticks of some milliseconds; on some file systems, of a second or two. */
#define TICK_NS INT64_C(20000000)
#define COARSE_TICK_NS INT64_C(2000000000)

/*
 * A file that was written in this very tick can be written again without its times moving. The tick is waited
 * out, and then the file is looked at: what changes it later shows.
 */
static int settle(struct file *f, struct error *e)
{
	const struct timespec changed = f->at_open.st_ctim;
	int64_t tick = changed.tv_nsec ? TICK_NS : COARSE_TICK_NS;
	struct timespec now;
	if (!S_ISREG(f->at_open.st_mode) || clock_gettime(CLOCK_REALTIME, &now) < 0)
		return 0;
	if (now.tv_sec < changed.tv_sec || now.tv_sec - changed.tv_sec > COARSE_TICK_NS / 1000000000)
		return 0;
	int64_t left = tick - ((now.tv_sec - changed.tv_sec) * INT64_C(1000000000) + now.tv_nsec - changed.tv_nsec);
	if (left <= 0)
		return 0;
	struct timespec wait = {left / 1000000000, left % 1000000000};
	while (nanosleep(&wait, &wait) < 0 && errno == EINTR)
		;
	return fstat(f->fd, &f->at_open) < 0 ? error_sys(e, "%s", f->path) : 0;
}

struct source *source_open_file(const char *path, struct error *e)
{
	/* A FIFO in the backup directory must not hang the gate: the door does not wait for it. */
	int fd = door_open(path, DOOR_READ);
	if (fd < 0) {
		error_sys(e, "%s", path);
		return NULL;
	}
	struct source *s = source_open_fd(fd, path, e);
	if (!s) {
		close(fd);
		return NULL;
	}
	struct file *f = source_self(s, &file_ops);
	f->path = strdup(path);
	if (!f->path) {
		error_nomem(e);
		source_destroy(s);
		return NULL;
	}
	uint64_t size = source_size(s);
	if (settle(f, e) < 0 || footprint_open(fd, &f->at_open, &f->footprint, e) < 0) {
		source_destroy(s);
		return NULL;
	}
	if (S_ISREG(f->at_open.st_mode) && (uint64_t)f->at_open.st_size != size) {
		error_set(e, ERROR_BUSY, ERROR_NO_OFFSET, "%s: is still being written", path);
		source_destroy(s);
		return NULL;
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return s;
}

void source_pace(struct source *s, const struct budget *b)
{
	struct file *f = source_self(s, &file_ops);
	if (f)
		f->budget = b;
}

int source_fd(const struct source *s)
{
	const struct file *f = source_self(s, &file_ops);
	return f ? f->fd : -1;
}

void source_give_up(struct source *s)
{
	struct file *f = source_self(s, &file_ops);
	if (!f)
		return;
	f->given_up = true;
	/* What does not go now goes with the descriptor. */
	(void)!ftruncate(f->fd, 0);
}

const struct stat *source_stat(const struct source *s)
{
	const struct file *f = source_self(s, &file_ops);
	return f ? &f->at_open : NULL;
}

static bool same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static const char *difference(const struct stat *a, const struct stat *b)
{
	if (a->st_dev != b->st_dev || a->st_ino != b->st_ino)
		return "was replaced by another file";
	if (b->st_size > a->st_size)
		return "grew";
	if (b->st_size < a->st_size)
		return "became shorter";
	if (!same_time(a->st_mtim, b->st_mtim))
		return "was written";
	/* A link count or rename also moves ctime; content that moves it alone is a write through mmap
	 * or a clock set back, and is not told apart. */
	if (!same_time(a->st_ctim, b->st_ctim))
		return "was changed";
	return NULL;
}

static int held_against(const char *name, const struct stat *opened, const struct stat *now, struct error *e)
{
	const char *what = difference(opened, now);
	/* A device has no times of its own that mean anything. */
	if (!what || S_ISBLK(opened->st_mode))
		return 0;
	return error_set(e, ERROR_BUSY, ERROR_NO_OFFSET, "%s: %s while it was read", name, what);
}

int source_still_at(const char *path, const struct stat *opened, struct error *e)
{
	struct stat now;
	if (door_stat(path, true, &now) < 0)
		return error_set(e, ERROR_BUSY, ERROR_NO_OFFSET, "%s: was removed or renamed while it was read", path);
	return held_against(path, opened, &now, e);
}

int source_same(const struct source *s, struct error *e)
{
	const struct file *f = source_self(s, &file_ops);
	struct stat now;
	if (!f)
		return 0;
	if (fstat(f->fd, &now) < 0)
		return error_sys(e, "%s", source_name(s));
	if (held_against(source_name(s), &f->at_open, &now, e) < 0)
		return -1;
	return f->path ? source_still_at(f->path, &f->at_open, e) : 0;
}
