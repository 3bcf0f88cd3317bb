// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Changes to stored WIM files, with the SHA-1 of trees made right again for some. What must hold of any: what is HELD
 * can be walked; the content of files, whose SHA-1 is looked at when it is read, may be damaged.
 */
#include "backproof/digest.h"
#include "backproof/wim.h"
#include "fs_patched.h"

static bool excused(const struct fs_entry *it, const struct error *why)
{
	return it->type != ENTRY_DIR || why->cls == ERROR_UNSUPPORTED; /* targets of links are content, too */
}

static struct fs_tour tour = {.type = "wim", .most = 150, .excused = excused};
static const bool strong_sums = false;

/* In a file without compression. */
static void mend(struct patched *p, size_t at)
{
	struct wim_resource t, r;
	struct error e;
	uint8_t out[DIGEST_MAX];
	(void)at;
	wim_resource_parse(p->data + 48, &t);
	if (t.offset > p->stored || t.stored > p->stored - t.offset)
		return;
	for (uint64_t row = t.offset; row + 50 <= t.offset + t.stored; row += 50) {
		wim_resource_parse(p->data + row, &r);
		if ((r.flags & (WIM_METADATA | WIM_COMPRESSED)) != WIM_METADATA || r.offset > p->stored ||
		    r.stored > p->stored - r.offset)
			continue;
		autodestroy(digest_destroy_auto) struct digest *d = digest_new(DIGEST_SHA1, &e);
		NEED(d);
		digest_update(d, p->data + r.offset, (size_t)r.stored);
		NEED(digest_final(d, out, &e) == 0);
		patch_write(p, (size_t)row + 30, out, 20);
	}
}

PATCHES_MAIN(300, "fixtures/wim/tiny.wim", "fixtures/wim/tiny-lzx.wim", "fixtures/wim/none.wim",
	     "fixtures/wim/unix.wim", "fixtures/wim/solid.esd")
