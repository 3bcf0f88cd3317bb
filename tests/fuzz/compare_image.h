// SPDX-License-Identifier: GPL-3.0-or-later
/* Damaged disk images, read here and by qemu-img: where both read to the end, they read the same. */
#ifndef FUZZ_COMPARE_IMAGE_H
#define FUZZ_COMPARE_IMAGE_H

#include <glob.h>

#include "backproof/finding.h"
#include "backproof/format.h"
#include "compare.h"

static const struct {
	const char *name, *row, *qemu, *patterns[4];
} compared_images[] = {
    {"qcow2", "qcow2", "qcow2", {"fixtures/qcow2/*.qcow2"}},
    {"vdi", "vdi", "vdi", {NULL}}, /* made here: qemu has only one size of blocks */
    {"vmdk", "vmdk", "vmdk", {"fixtures/vmdk/stream.vmdk", "fixtures/vmdk/single.vmdk", "fixtures/vmdk/base.vmdk"}},
    {"vhd", "vhd", "vpc", {"fixtures/vhd/base.vhd.zst", "fixtures/vhd/qemu-dynamic.vhd.zst"}},
    {"vhdx", "vhdx", "vhdx", {"fixtures/vhdx/base.vhdx.zst", "fixtures/vhdx/states.vhdx.zst", "fixtures/vhdx/log.vhdx.zst"}},
};

#define DISK_MOST (48 * MIB)

/* The disk's bytes; NULL: refused, not readable to its end, or too large. *good: nothing was called broken. */
static uint8_t *our_disk(const char *row, const uint8_t *data, size_t size, size_t *length, bool *good)
{
	size_t count;
	const struct format *const *rows = format_rows(&count), *r = NULL;
	struct findings f;
	struct error e = {0};
	struct image im = {0};
	uint8_t *out = NULL;
	for (size_t i = 0; i < count; i++)
		if (!strcmp(rows[i]->name, row))
			r = rows[i];
	NEED(r && r->open_image && findings_init(&f) == 0);
	autosource struct source *src = source_memory(data, size, "image", &e);
	struct image_context c = {.subject = "image", .f = &f};
	*good = false;
	if (r->open_image(src, &c, &im, &e) == 0 && im.disks.count == 1) {
		struct source *d = im.disks.items[0].source;
		*length = (size_t)source_size(d);
		if (source_size(d) <= DISK_MOST) {
			out = malloc(*length + 1);
			NEED(out);
			if (*length && source_read_at(d, 0, out, *length, &e) < 0) {
				free(out);
				out = NULL;
			}
		}
		*good = out != NULL;
		vec_each(&f, x) *good &= x->outcome == OUTCOME_HELD || x->outcome == OUTCOME_SKIPPED;
	}
	image_close(&im);
	findings_free(&f);
	return out;
}

static uint8_t *made_image(struct comparison *c, const char *format, size_t *size)
{
	char raw[100], in[100];
	struct rng r = {3};
	autofree uint8_t *p = calloc(1, 4 * MIB);
	NEED(p);
	for (size_t i = 0; i < 300000; i++)
		p[MIB - 100000 + i] = (uint8_t)rng_next(&r);
	p[4 * MIB - 1] = 7;
	snprintf(raw, sizeof raw, "%s/raw", c->dir);
	snprintf(in, sizeof in, "%s/in", c->dir);
	put_file(raw, p, 4 * MIB);
	NEED(run_program(c, (const char *const[]){"qemu-img", "convert", "-O", format, "raw", "in", NULL}) == 0);
	uint8_t *out = get_file(in, 8 * MIB, size);
	NEED(out);
	return out;
}

/* What a VHD's bitmaps of sectors say is empty is zeros here, and qemu does not look at them. */
static bool same_disk(const uint8_t *ours, const uint8_t *theirs, size_t n, bool vhd)
{
	if (!vhd)
		return !memcmp(ours, theirs, n);
	for (size_t i = 0; i < n; i++)
		if (ours[i] && ours[i] != theirs[i])
			return false;
	return true;
}

static void compare_images(struct comparison *c, size_t which)
{
	glob_t g = {0};
	char in[100], raw[100];
	const char *argv[] = {"qemu-img", "convert", "-f", compared_images[which].qemu, "-O", "raw", "in", "raw", NULL};
	size_t made_size = 0;
	bool vhd = !strcmp(compared_images[which].row, "vhd");
	autofree uint8_t *made = NULL;
	if (!compared_images[which].patterns[0])
		made = made_image(c, compared_images[which].qemu, &made_size);
	for (size_t i = 0; i < 4 && compared_images[which].patterns[i]; i++)
		NEED(glob(compared_images[which].patterns[i], i ? GLOB_APPEND : 0, NULL, &g) == 0);
	snprintf(in, sizeof in, "%s/in", c->dir);
	snprintf(raw, sizeof raw, "%s/raw", c->dir);
	while (comparison_goes_on(c)) {
		const char *path = made ? "" : g.gl_pathv[rng_below(&c->rng, g.gl_pathc)];
		size_t size = 0, ours_length = 0, theirs_length = 0;
		bool good;
		autofree uint8_t *data = made			 ? malloc(made_size)
					 : strstr(path, ".zst") ? fixture_zst(path, &size)
								: fixture_file(path, &size);
		NEED(data);
		if (made)
			memcpy(data, made, size = made_size);
		for (uint64_t n = rng_below(&c->rng, 4); n; n--)
			damage(&c->rng, data, &size);
		autofree uint8_t *ours = our_disk(compared_images[which].row, data, size, &ours_length, &good);
		put_file(in, data, size);
		unlink(raw);
		int rc = run_program(c, argv);
		autofree uint8_t *theirs = rc == 0 ? get_file(raw, DISK_MOST, &theirs_length) : NULL;
		c->both += ours && theirs;
		c->ours += good && !theirs;
		c->others += !ours && theirs;
		c->none += !ours && !theirs;
		/* qemu takes the size of some VHD by its geometry, and of all in whole sectors. */
		size_t n = ours_length < theirs_length ? ours_length : theirs_length;
		if (good && theirs &&
		    (!same_disk(ours, theirs, n, vhd) || (ours_length / 512 != theirs_length / 512 && !vhd)))
			keep_pair(c, compared_images[which].name, data, size, "qemu-img reads otherwise");
		if (good && !theirs && getenv("FUZZ_SHOW")) {
			size_t said;
			char file[100];
			snprintf(file, sizeof file, "%s/said", c->dir);
			autofree uint8_t *text = get_file(file, 300, &said);
			fprintf(stderr, "  only ours: %d, %s", rc, text ? (const char *)text : "\n");
		}
	}
	globfree(&g);
}

#endif
