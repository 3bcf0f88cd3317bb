// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Differential fuzzing: damaged files are given to our readers and to the programs that the world has for them. Where
 * both take a file they have to agree on what is in it.
 *
 *     compare [NAME [SECONDS [SEED]]]        without: a few rounds of each; make fuzz TARGET=diff-NAME TIME=60
 *
 * NAME: zstd gzip xz lz4 bzip2 lzop, qcow2 vdi vmdk vhd vhdx, ext, sums. A pair that differs is left in FUZZ_KEEP or
 * /tmp; FUZZ_SHOW tells what qemu-img has against images that are read here.
 */
#include <ftw.h>

#include "compare_codec.h"
#include "compare_ext.h"
#include "compare_image.h"
#include "compare_sums.h"

static const char *const patch_patterns[] = {"fixtures/ext_small/*.img", NULL};

static struct {
	const char *name;
	void (*run)(struct comparison *c, size_t which);
	size_t which;
	unsigned rounds;
} all[] = {
    {"zstd", compare_decoders, 0, 400}, {"gzip", compare_decoders, 1, 40}, {"xz", compare_decoders, 2, 40},
    {"lz4", compare_decoders, 3, 40},	{"bzip2", compare_decoders, 4, 40}, {"lzop", compare_decoders, 5, 40},
    {"qcow2", compare_images, 0, 50},	{"vdi", compare_images, 1, 30},	   {"vmdk", compare_images, 2, 30},
    {"vhd", compare_images, 3, 20},	{"vhdx", compare_images, 4, 20},   {"ext", compare_ext, 0, 60},
    {"sums", compare_sums, 0, 100},
};

static int drop(const char *path, const struct stat *st, int type, struct FTW *w)
{
	(void)st, (void)type, (void)w;
	return remove(path);
}

int main(int argc, char **argv)
{
	bool any = false;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct comparison c = {.rng = {argc > 3 ? strtoull(argv[3], NULL, 0) : 1}, .least = all[i].rounds};
		if (argc > 1 && strcmp(argv[1], all[i].name))
			continue;
		any = true;
		double begun = clock_now();
		if (argc > 2)
			c.until = begun + atof(argv[2]);
		if (argc > 2 && argc < 4)
			c.rng.state = rng_fresh_seed();
		snprintf(c.dir, sizeof c.dir, "%s/compare-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
		NEED(mkdtemp(c.dir));
		all[i].run(&c, all[i].which);
		NEED(nftw(c.dir, drop, 16, FTW_DEPTH | FTW_PHYS) == 0);
		printf("%-6s %6u rounds, %4.0f s: both %u, only ours %u, only the other %u, none %u; %u wrong\n", all[i].name,
		       c.rounds, clock_now() - begun, c.both, c.ours, c.others, c.none, c.failed);
		fflush(stdout);
		test_passed += c.failed == 0;
		test_failed += c.failed != 0;
		/* A comparison in which there was nothing to compare is none. */
		if (!c.both && argc <= 1) {
			fprintf(stderr, "%s: nothing was taken by both\n", all[i].name);
			test_failed++;
		}
	}
	test_bad_here = 0;
	if (!any)
		fprintf(stderr, "no such comparison: %s\n", argv[1]);
	return test_done();
}
