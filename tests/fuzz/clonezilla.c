// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A directory of Clonezilla, of hostile files: texts, tables and images of partitions that are raw. What must hold:
 * what was put together can be read to its end, or a read says why not; what is refused has a reason.
 */
#include "backproof/composite.h"
#include "backproof/finding.h"
#include "files.h"
#include "mutate.h"

struct shelf {
	struct input_files in;
	struct source *sources[FILES_MOST];
	struct image images[FILES_MOST];
};

static struct source *bytes_of(void *ctx, const char *name, struct error *e)
{
	struct shelf *s = ctx;
	const struct input_file *f = files_named(&s->in, name);
	if (!f) {
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s is not there", name);
		return NULL;
	}
	struct source **at = &s->sources[f - s->in.items];
	if (!*at)
		*at = source_memory(f->data, f->size, f->name, e);
	return *at;
}

static const struct image *image_of(void *ctx, const char *name, bool raw, struct error *e)
{
	struct shelf *s = ctx;
	struct source *src = bytes_of(s, name, e);
	const struct input_file *f = files_named(&s->in, name);
	(void)raw;
	if (!src)
		return NULL;
	struct image *im = &s->images[f - s->in.items];
	if (!im->disks.count) {
		struct source *w = source_window(src, 0, source_size(src), name, e);
		NEED(w && image_add_disk(im, NULL, w, e) == 0);
	}
	return im;
}

static void read_all(struct source *d)
{
	static uint8_t buf[64 * 1024];
	struct error e = {0};
	uint64_t total = source_size(d), read = 0;
	for (uint64_t at = 0, n; at < total && read < 4 * MIB; at += n, read += n < sizeof buf ? n : sizeof buf) {
		struct extent x;
		n = total - at < sizeof buf ? total - at : sizeof buf;
		if (source_extent_at(d, at, &x, &e) < 0)
			return;
		if (x.zero && x.length > n) {
			n = x.length < total - at ? x.length : total - at;
			read += 4096;
			continue;
		}
		if (source_read_at(d, at, buf, (size_t)n, &e) < 0 && (e.cls == ERROR_NONE || !e.text[0]))
			abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct shelf s;
	struct strings names = {0};
	struct findings f;
	struct image out = {0};
	struct error e = {0};
	struct companions companions = {&s, bytes_of, image_of};
	NEED(findings_init(&f) == 0);
	files_split(data, size, &s.in);
	for (size_t i = 0; i < s.in.count; i++) {
		if (!strchr(s.in.items[i].name, '/'))
			NEED(strings_add(&names, s.in.items[i].name) == 0);
		(void)clonezilla_is_note(s.in.items[i].name);
	}
	struct image_context c = {.subject = "directory", .f = &f, .companions = &companions};
	if (clonezilla_is(&names)) {
		int rc = clonezilla_compose(&names, &c, &out, &e);
		if (rc < 0 && (e.cls == ERROR_NONE || e.cls == ERROR_INTERNAL || !e.text[0]))
			abort();
		if (rc == 0)
			vec_each(&out.disks, d) read_all(d->source);
	}
	image_close(&out);
	for (size_t i = 0; i < FILES_MOST; i++) {
		image_close(&s.images[i]);
		memset(&s.images[i], 0, sizeof s.images[i]);
	}
	for (size_t i = 0; i < FILES_MOST; i++) {
		source_destroy(s.sources[i]);
		s.sources[i] = NULL;
	}
	findings_free(&f);
	strings_free(&names);
	return 0;
}

MUTATE_MAIN(6000, "tests/fuzz/corpus/clonezilla/*")
