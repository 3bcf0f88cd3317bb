// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Any bytes as somebody's only backup: the whole check of a host, from the file to the verdict. What must hold: there
 * is a verdict with a reason, nothing stays in scratch, and what is compressed with checksums is safe only where its
 * content is what was backed up.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/codec/gzip.h"
#include "../../src/codec/rows.h"
#include "backproof/gate.h"
#include "codec_support.h"
#include "mutate.h"

#define TAKEN 1767225600 /* see fixtures/whole/make.sh */

static char dir[64], scratch[80], path[80];
static struct config config;
static struct bytes original;

static void tidy(void)
{
	unlink(path);
	rmdir(scratch);
	rmdir(dir);
	config_free(&config);
	bytes_free(&original);
}

static void prepare(void)
{
	static const char empty[] = "/dev/null";
	struct error e;
	if (*dir)
		return;
	snprintf(dir, sizeof dir, "%s/whole-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	NEED(mkdtemp(dir));
	snprintf(scratch, sizeof scratch, "%s/scratch", dir);
	snprintf(path, sizeof path, "%s/web01.img", dir);
	NEED(mkdir(scratch, 0700) == 0);
	NEED(config_load(empty, NULL, &config, &e) == 0);
	NEED(bytes_load(&original, "fixtures/whole/whole.tar") == 0);
	atexit(tidy);
}

static void put(const uint8_t *data, size_t size)
{
	const struct timespec times[2] = {{.tv_sec = TAKEN}, {.tv_sec = TAKEN}};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	NEED(fd >= 0 && write(fd, data, size) == (ssize_t)size && futimens(fd, times) == 0);
	close(fd);
}

static bool scratch_is_empty(void)
{
	DIR *d = opendir(scratch);
	size_t count = 0;
	NEED(d);
	while (readdir(d))
		count++;
	closedir(d);
	return count == 2;
}

/* Safe without being what was backed up. */
static bool lies(const char *format, const uint8_t *data, size_t size)
{
	static const struct format *const rows[] = {&codec_zstd, &codec_xz, &codec_lz4, &codec_bzip2,
#ifdef HAVE_ZLIB
						    &codec_gzip_zlib,
#endif
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct run run = {rows[i], 0, 65536, false, 0, false, 4 * MIB};
		struct result r = {0};
		if (!rows[i]->decode || strcmp(rows[i]->name, format))
			continue;
		decode_run(&run, data, size, &r);
		bool same = r.finished && (r.info.unchecked || same_bytes(&r.out, &original));
		bytes_free(&r.out);
		return !same;
	}
	return false; /* no checksums to go by */
}

static unsigned safe;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	prepare();
	put(data, size);
	char *paths[] = {path};
	struct strings from = {.items = paths, .count = 1};
	struct gate_overrides o = {.depth = -1, .max_age = -1, .sample_files = -1, .sample_bytes = -1,
				   .scratch_limit = 64 * MIB, .seed_given = true, .seed = 7, .scratch = scratch,
				   .now = TAKEN + 3600};
	struct budget budget;
	struct host_result r;
	budget_init(&budget);
	struct gate_request q = {.host = "web01", .config = &config, .from = &from, .overrides = &o, .budget = &budget};
	gate_check(&q, &r);
	bool bad = r.verdict.code == CODE_SAFE ? r.formats.count && lies(r.formats.items[0], data, size)
					       : !r.verdict.reasons.count || r.verdict.code == CODE_INTERNAL;
	if (bad || !scratch_is_empty()) {
		fprintf(stderr, "%s, %s\n", code_name(r.verdict.code),
			r.verdict.reasons.count ? r.verdict.reasons.items[0] : "no reason");
		abort();
	}
	safe += r.verdict.code == CODE_SAFE;
	host_result_free(&r);
	return 0;
}

#ifndef BACKPROOF_LIBFUZZER
static int replay(int argc, char **argv, uint64_t mutants, const char *const *patterns)
{
	unsigned fixtures = 0;
	glob_t g;
	for (size_t i = 0; patterns[i]; i++, globfree(&g)) {
		NEED(glob(patterns[i], 0, NULL, &g) == 0);
		fixtures += (unsigned)g.gl_pathc;
	}
	char *none[] = {argv[0], (char *)"1", (char *)"0"};
	NEED(mutate_main(3, none, 0, patterns) == 0);
	if (safe != fixtures) {
		fprintf(stderr, "%u of %u fixtures are safe\n", safe, fixtures);
		return 1;
	}
	return mutate_main(argc, argv, mutants, patterns);
}

/* Containers and volumes in which there is no system: whatever becomes of them, none is safe. */
static int replay_others(int argc, char **argv, uint64_t mutants)
{
	static const char *const others[] = {
	    "fixtures/qcow2/z*.qcow2", "fixtures/vdi/*.vdi",	  "fixtures/vmdk/stream.vmdk", "fixtures/vma/two.vma",
	    "fixtures/ova/gnu.ova",    "fixtures/partclone/*.pcl", "fixtures/lvm/corpus/*",    "fixtures/md/corpus/*",
	    "fixtures/ext_small/*.img", "fixtures/fat/*.head",	  "fixtures/btrfs/*.zst",      "fixtures/exfat/*.zst",
	    "fixtures/vhd/*.zst",      "fixtures/vhdx/*.zst",	  NULL};
	unsigned before = safe;
	int rc = mutate_main(argc, argv, mutants, others);
	if (safe != before)
		fprintf(stderr, "%u of what holds no system is safe\n", safe - before);
	return rc || safe != before;
}

int main(int argc, char **argv)
{
	return replay(argc, argv, 1500, (const char *const[]){"fixtures/whole/whole.*", NULL}) ||
	       replay_others(argc, argv, 400);
}
#endif
