// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * VMDK: the input is a file of a disk; the other files are those of fixtures/vmdk. Whatever it is: opening and reading
 * end, the sizes of reads change nothing, what is called zero reads so, nothing that opened is read from beyond the
 * end of its file, and a small disk that the checksums cover is the disk that all the fixtures hold.
 */
#include "../unit/vmdk_help.h"
#include "mutate.h"

#define DIR "fixtures/vmdk"

extern const struct format image_vmdk;

static void read_it(struct files *x, struct file *file, const struct image *im)
{
	struct error e = {0};
	struct source *s = im->disks.items[0].source;
	bool covered = false;
	if (source_size(s) > 8 * MIB) { /* only where it says that there is something */
		struct extent ex;
		uint8_t buf[512];
		uint64_t at = 0;
		for (int i = 0; i < 100 && at < source_size(s); i++, at += ex.length) {
			if (source_extent_at(s, at, &ex, &e) < 0)
				return;
			if (ex.length >= sizeof buf && source_read_at(s, at, buf, sizeof buf, &e) == 0 && ex.zero &&
			    !is_zero(buf, sizeof buf))
				abort();
		}
		return;
	}
	uint8_t *a = disk_bytes(s, 1 << 20, &e), *b = disk_bytes(s, 5000, &e);
	if (!a && strstr(e.text, "which is beyond the end")) {
		fprintf(stderr, "it was opened, but: %s\n", e.text);
		abort();
	}
	if (!a != !b || (a && memcmp(a, b, source_size(s))))
		abort();
	if (im->ops->verify && im->ops->verify(&file->image, "x", &x->f, &x->b, &covered, &e) == 0 && covered && !a)
		abort();
	free(a);
	free(b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"flat-flat.vmdk", "split-s001.vmdk", "base.vmdk", "snap-delta.vmdk", "child.vmdk"};
	static struct files x;
	struct error e = {0};
	if (!x.format) {
		files_init(&x, &image_vmdk);
		files_add(&x, "input.vmdk", NULL, 0);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			files_load(&x, DIR, names[i]);
		files_text(&x, "delta.vmdk", "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"x\"\n"
					     "RW 557 VMFSSPARSE \"input.vmdk\"\n");
	}
	uint8_t *copy = malloc(size + 1);
	NEED(copy);
	memcpy(copy, data, size);
	x.items[0].p = copy;
	x.items[0].len = size;
	bool cowd = size > 4 && !memcmp(data, "COWD", 4);
	struct file *file = file_named(&x, cowd ? "delta.vmdk" : "input.vmdk");
	const struct image *im = file_image(&x, file->name, false, &e);
	if (im)
		read_it(&x, file, im);
	else if (e.cls == ERROR_NONE || e.cls == ERROR_INTERNAL || !*e.text)
		abort();
	files_close(&x);
	x.items[0].p = NULL;
	free(copy);
	return 0;
}

MUTATE_MAIN(3000, "fixtures/vmdk/*.vmdk", "fixtures/third-party/*.vmdk")
