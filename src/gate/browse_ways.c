// SPDX-License-Identifier: GPL-3.0-or-later
/* The ways to look for files: in this process, or by a reader, and what that reader does. */
#include <errno.h>
#include <fcntl.h>

#include "backproof/text.h"
#include "browse.h"
#include "browse_list.h"

int browse_write(int fd, uint8_t *p, size_t n, struct error *e)
{
	struct text shown autotext = {0};
	/* What a host wrote into its files must not steer the terminal of who looks at them. */
	if (isatty(fd)) {
		browse_list_bytes(&shown, (char *)p, n);
		if (shown.failed)
			return error_nomem(e);
		p = (uint8_t *)shown.data;
		n = shown.length;
	}
	while (n) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return error_sys(e, "standard output");
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

static int write_out(struct browse *b, uint8_t *p, size_t n, struct error *e)
{
	return browse_write(b->fd, p, n, e);
}

static void close_browse(struct browse *b)
{
	look_close(&b->look);
	extractor_destroy(b->to);
	strings_free(&b->wanted);
	free(b->met);
	free(b->buf);
}

static int by_reader(struct browse *b, struct error *e)
{
	struct reader_request what = {.task = b->list ? READER_LIST : b->directory ? READER_EXTRACT : READER_CAT,
				      .json = b->json,
				      .files = *b->r->files,
				      .fs = b->r->fs};
	autoclose int target = b->directory ? open(b->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (b->directory && target < 0)
		return error_sys(e, "%s", b->directory);
	struct look_counts counts = {0};
	int rc = look_by_reader(&b->look, &what, b->directory ? target : b->fd, &counts, b->out, e);
	b->files = counts.files;
	b->bytes = counts.bytes;
	b->failed = counts.failed;
	return rc;
}

static int run(struct browse *b, struct error *e)
{
	if (look_prepare(&b->look, b->r->paths, b->r->overrides, b->r->budget, e) < 0)
		return -1;
	return reader_wanted(&b->look.policy) ? by_reader(b, e) : browse_here(b, e);
}

static int run_list(struct browse *b, struct error *e)
{
	if (b->json)
		text_put(b->out, "{\"format_version\":\"1.0\",\"type\":\"list\",\"entries\":[\n");
	int rc = run(b, e);
	if (b->json)
		text_put(b->out, "]}\n");
	return rc;
}

int gate_list(const struct browse_request *r, bool json, struct text *out, struct error *e)
{
	struct browse b = {.r = r, .out = out, .list = true, .json = json, .fd = -1};
	int rc = run_list(&b, e);
	close_browse(&b);
	return rc;
}

int gate_cat(const struct browse_request *r, int fd, struct text *log, struct error *e)
{
	struct browse b = {.r = r, .out = log, .fd = fd, .write = write_out};
	int rc = run(&b, e);
	close_browse(&b);
	return rc;
}

/* Before the working directory changes. */
static int add_absolute(struct strings *to, const char *path, struct error *e)
{
	autofree char *here = *path == '/' ? NULL : getcwd(NULL, 0);
	autofree char *full = *path == '/' ? strdup(path) : here ? text_format("%s/%s", here, path) : NULL;
	return full && strings_add(to, full) == 0 ? 0 : error_nomem(e);
}

static void tell_extracted(const struct browse *b, int rc)
{
	char size[32];
	text_printf(b->out, "%llu %s, %s restored to ", (unsigned long long)b->files, b->files == 1 ? "file" : "files",
		    format_size(b->bytes, size));
	text_put_safe(b->out, b->directory);
	text_put(b->out, b->failed || rc ? "; not all that was asked for\n" : "\n");
}

static int extract(struct browse *b, const struct browse_request *r, struct error *e)
{
	struct strings paths = {0}, scratch = {0};
	struct gate_overrides o = *r->overrides;
	struct browse_request absolute = *r;
	int rc = 0;
	for (size_t i = 0; i < r->paths->count && rc == 0; i++)
		rc = add_absolute(&paths, r->paths->items[i], e);
	if (rc == 0 && o.scratch)
		rc = add_absolute(&scratch, o.scratch, e);
	if (scratch.count)
		o.scratch = scratch.items[0];
	absolute.paths = &paths;
	absolute.overrides = &o;
	b->r = &absolute;
	rc = rc < 0 ? -1 : run(b, e);
	close_browse(b);
	strings_free(&paths);
	strings_free(&scratch);
	return rc;
}

int gate_extract(const struct browse_request *r, const char *directory, struct text *log, struct error *e)
{
	struct browse b = {.out = log, .fd = -1, .directory = directory};
	int rc = extract(&b, r, e);
	if (rc >= 0)
		tell_extracted(&b, rc);
	return rc;
}

static int emit(struct browse *b, uint8_t *p, size_t n, struct error *e)
{
	(void)b;
	(void)e;
	look_emit(true, (const char *)p, n);
	return 0;
}

int browse_inside(struct reader_request *q, struct look_counts *counts, struct text *out, struct error *e)
{
	const struct browse_request r = {.files = &q->files, .fs = q->fs, .budget = q->p.budget};
	struct browse b = {.r = &r,
			   .out = out,
			   .json = q->json,
			   .list = q->task == READER_LIST,
			   .write = emit,
			   .directory = q->task == READER_EXTRACT ? "." : NULL};
	int rc = look_adopt(&b.look, &q->p, &q->point, e) < 0 ? -1 : browse_here(&b, e);
	*counts = (struct look_counts){b.files, b.bytes, b.failed};
	close_browse(&b);
	return rc;
}
