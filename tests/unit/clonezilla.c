// SPDX-License-Identifier: GPL-3.0-or-later
/* Directories of Clonezilla against what a restore writes; then with files gone, cut or contradicting each other. */
#include <dirent.h>

#include "backproof/composite.h"
#include "backproof/volume.h"
#include "clone_help.h"

/* A restore point in memory: what the core provides. */
struct file {
	char name[96];
	struct bytes b;
	struct source *raw, *joined;
	struct bytes content;
	struct image im;
	bool open;
};
struct shelf {
	struct file files[64];
	size_t count;
	struct strings names;
	struct companions companions;
	struct findings f;
	struct image out;
	struct error e;
	int rc;
};

static struct file *file_of(struct shelf *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->files[i].name, name))
			return &s->files[i];
	return NULL;
}

static struct file *add(struct shelf *s, const char *name, struct bytes b)
{
	struct file *f = &s->files[s->count++];
	NEED(s->count <= ARRAY_SIZE(s->files));
	snprintf(f->name, sizeof f->name, "%.95s", name);
	f->b = b;
	return f;
}

static void set_text(struct shelf *s, const char *name, const char *text)
{
	struct file *f = file_of(s, name);
	if (!f)
		f = add(s, name, (struct bytes){NULL, 0});
	free(f->b.p);
	f->b = (struct bytes){(uint8_t *)strdup(text), strlen(text)};
}

static void drop(struct shelf *s, const char *name)
{
	struct file *f = file_of(s, name);
	NEED(f);
	free(f->b.p);
	*f = s->files[--s->count];
}

static struct shelf load(const char *dir)
{
	struct shelf s = {.count = 0};
	char path[400];
	snprintf(path, sizeof path, "fixtures/clonezilla/%s", dir);
	DIR *d = opendir(path);
	NEED(d);
	for (struct dirent *it; (it = readdir(d));)
		if (*it->d_name != '.') {
			snprintf(path, sizeof path, "fixtures/clonezilla/%s/%s", dir, it->d_name);
			add(&s, it->d_name, bytes_load(path));
		}
	closedir(d);
	return s;
}

static struct source *content_of(struct shelf *s, struct file *f, struct error *e)
{
	struct source *pieces[16] = {f->raw};
	size_t n = 1, len = strlen(f->name);
	const char *codec = strstr(f->name, ".zst") ? "zstd" : strstr(f->name, ".gz") ? "gzip" : NULL;
	if (f->joined)
		return f->joined;
	if (len > 3 && !strcmp(f->name + len - 3, ".aa"))
		for (; n < 16; n++) {
			char next[96];
			snprintf(next, sizeof next, "%.*s%c", (int)len - 1, f->name, (char)('a' + (int)n));
			struct file *g = file_of(s, next);
			if (!g)
				break;
			pieces[n] = g->raw;
		}
	if (!codec && n == 1)
		return f->raw;
	struct stream *up = n == 1 ? stream_from_source(f->raw, e) : stream_from_sources(pieces, n, f->name, e);
	NEED(up);
	autostream struct stream *st = codec ? row_of(codec)->decode(up, NULL, e) : up;
	NEED(st);
	f->content.p = malloc(12 << 20);
	NEED(f->content.p);
	ssize_t got = stream_read_full(st, f->content.p, 12 << 20, e);
	if (got < 0 || stream_drain(st, e) < 0)
		return NULL;
	f->content.len = (size_t)got;
	f->joined = source_memory(f->content.p, f->content.len, f->name, e);
	return f->joined;
}

static struct source *bytes_cb(void *ctx, const char *name, struct error *e)
{
	struct file *f = file_of(ctx, name);
	if (f)
		return strstr(name, "-img") && strcmp(name, "clonezilla-img") ? content_of(ctx, f, e) : f->raw;
	error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s", name);
	return NULL;
}

static const struct image *image_cb(void *ctx, const char *name, bool raw, struct error *e)
{
	struct shelf *s = ctx;
	struct file *f = file_of(s, name);
	NEED(f); /* only what is there is asked for */
	struct source *src = content_of(s, f, e);
	if (!src)
		return NULL;
	struct image_context c = {.subject = name, .f = &s->f};
	if (f->open)
		return &f->im;
	if (raw) {
		struct source *w = source_window(src, 0, source_size(src), name, e);
		NEED(w && !image_add_disk(&f->im, NULL, w, e));
	} else if (row_of("partclone")->open_image(src, &c, &f->im, e) < 0) {
		return NULL;
	}
	f->open = true;
	return &f->im;
}

static void compose(struct shelf *s)
{
	NEED(!findings_init(&s->f));
	for (size_t i = 0; i < s->count; i++) {
		struct file *f = &s->files[i];
		f->raw = source_memory(f->b.p, f->b.len, f->name, &s->e);
		NEED(f->raw && !strings_add(&s->names, f->name));
	}
	s->companions = (struct companions){s, bytes_cb, image_cb};
	struct image_context c = {.subject = "dir", .f = &s->f, .companions = &s->companions};
	s->rc = clonezilla_compose(&s->names, &c, &s->out, &s->e);
}

static void unload(struct shelf *s)
{
	image_close(&s->out);
	for (size_t i = 0; i < s->count; i++) {
		struct file *f = &s->files[i];
		image_close(&f->im);
		source_destroy(f->joined);
		source_destroy(f->raw);
		free(f->content.p);
		free(f->b.p);
	}
	strings_free(&s->names);
	findings_free(&s->f);
}

#define GPT "2026-11-20-03-img"

static void test_content(void)
{
	char dir[64], disk[16], size[32], sum[65], got[65], line[256];
	FILE *f = fopen("fixtures/clonezilla/expected", "r");
	size_t lines = 0;
	NEED(f);
	while (fgets(line, sizeof line, f)) {
		NEED(sscanf(line, "%63s %15s %31s %64s", dir, disk, size, sum) == 4);
		struct shelf s = load(dir);
		compose(&s);
		CHECK_INT(s.rc, 0);
		CHECK(clonezilla_is(&s.names));
		CHECK_INT(s.out.disks.count, 1);
		CHECK_INT(s.out.made, 1795145510);
		if (!s.rc && s.out.disks.count) {
			CHECK_STR(s.out.disks.items[0].name, disk);
			CHECK_INT(source_size(s.out.disks.items[0].source), strtoll(size, NULL, 10));
			CHECK_INT(disk_digest(s.out.disks.items[0].source, got), 0);
			if (*sum != '-')
				CHECK_STR(got, sum);
		}
		for (size_t i = 0; i < s.f.count; i++)
			CHECK(s.f.items[i].outcome == OUTCOME_HELD || s.f.items[i].outcome == OUTCOME_SKIPPED);
		unload(&s);
		lines++;
	}
	fclose(f);
	CHECK_INT(lines, 3);
}

/* What stands above sees ordinary disks. */
static void scan(const char *dir, const char *found)
{
	struct shelf s = load(dir);
	struct disk_layout d = {0};
	struct text t = {0};
	compose(&s);
	CHECK_INT(s.rc, 0);
	size_t before = s.f.count;
	CHECK_INT(s.rc ? -1 : disk_scan(s.out.disks.items[0].source, "dir", &d, &s.f, &s.e), 0);
	for (size_t i = 0; i < d.count; i++)
		text_printf(&t, "%s%llu+%llu", i ? " " : "", (unsigned long long)d.items[i].offset / 512,
			    (unsigned long long)d.items[i].size / 512);
	CHECK_STR(text_str(&t), found);
	for (size_t i = before; i < s.f.count; i++)
		CHECK(s.f.items[i].outcome == OUTCOME_HELD || s.f.items[i].outcome == OUTCOME_SKIPPED);
	text_free(&t);
	disk_layout_free(&d);
	unload(&s);
}

static void test_tables(void)
{
	scan(GPT, "2048+2048 4096+10240 14336+2048 16384+128 18432+2048");
	scan("web01-2026-11-19-img", "128+4096 6144+2048");
	scan("logical-img", "2048+2048 6144+2048 10240+2048 14336+1024");
}

/* Composes what was changed. rc, class of the error or of the BROKEN finding, and a word of it. */
static void expect(struct shelf *s, int rc, enum error_class cls, const char *word)
{
	bool told = false;
	compose(s);
	CHECK_INT(s->rc, rc);
	for (size_t i = 0; i < s->f.count; i++) {
		const struct finding *it = &s->f.items[i];
		if (it->outcome != OUTCOME_HELD && it->outcome != OUTCOME_SKIPPED)
			told = told || (it->error == cls && strstr(it->detail, word));
	}
	if (rc < 0)
		told = s->e.cls == cls && strstr(s->e.text, word);
	CHECK(told);
	if (!told)
		fprintf(stderr, "  wanted \"%s\", said \"%s\"\n", word, rc < 0 ? s->e.text : "");
	/* Nothing that is missing reads as if it were there. */
	char hex[65];
	if (!rc && s->out.disks.count && !told)
		CHECK(disk_digest(s->out.disks.items[0].source, hex) < 0);
	unload(s);
}

static void without(const char *name, int rc, enum error_class cls, const char *word)
{
	struct shelf s = load(GPT);
	drop(&s, name);
	expect(&s, rc, cls, word);
}

static void test_missing(void)
{
	without("sda-gpt-1st", -1, ERROR_MISSING, "gpt-1st");
	without("sda-gpt-2nd", -1, ERROR_MISSING, "gpt-2nd");
	without("sda1.vfat-ptcl-img.zst.ab", 0, ERROR_MISSING, "2 of 3 pieces");
	without("sda2.ext4-ptcl-img.zst.aa", 0, ERROR_MISSING, "1 of 2 pieces");
	without("sda2.ext4-ptcl-img.zst.ab", 0, ERROR_CORRUPT, "");
	without("sda4.dd-img.zst.aa", 0, ERROR_MISSING, "sda4 is listed");
	struct shelf s = load(GPT);
	drop(&s, "sda2.ext4-ptcl-img.zst.aa");
	drop(&s, "sda2.ext4-ptcl-img.zst.ab");
	compose(&s);
	CHECK_INT(s.rc, 0);
	uint8_t one[512];
	CHECK(!s.rc && source_read_at(s.out.disks.items[0].source, 4096 * 512, one, 512, &s.e) < 0);
	CHECK_INT(s.e.cls, ERROR_MISSING);
	CHECK(!s.rc && source_read_at(s.out.disks.items[0].source, 2048 * 512, one, 512, &s.e) == 0);
	unload(&s);
	s = load("web01-2026-11-19-img");
	drop(&s, "vda-mbr");
	expect(&s, -1, ERROR_MISSING, "vda-mbr");
	s = load("web01-2026-11-19-img");
	set_text(&s, "parts", "vda1 vda2 md0\n");
	expect(&s, 0, ERROR_MISSING, "md0 is listed");
	s = load("web01-2026-11-19-img");
	set_text(&s, "disk", "vda vdb\n");
	expect(&s, 0, ERROR_MISSING, "the disk vdb");
}

static void test_contradictions(void)
{
	struct shelf s = load("web01-2026-11-19-img");
	set_text(&s, "vda-pt.sf", "label: dos\n/dev/vda1 : start= 128, size= 100, type=83\n/dev/vda2 : start= 6144, size= 2048, type=83\n");
	expect(&s, 0, ERROR_CORRUPT, "larger than its partition");
	s = load("web01-2026-11-19-img");
	set_text(&s, "vda-pt.sf", "label: dos\n/dev/vda1 : start= 128, size= 4096, type=83\n/dev/vda2 : start= 2048, size= 2048, type=83\n");
	expect(&s, -1, ERROR_CORRUPT, "two things");
	s = load("web01-2026-11-19-img");
	set_text(&s, "vda-pt.sf", "/dev/vda1 : start= 128, size= 99999999999999999999, type=83\n");
	expect(&s, -1, ERROR_CORRUPT, "without a place");
	s = load(GPT);
	set_text(&s, "sda-gpt-1st", "");
	expect(&s, -1, ERROR_CORRUPT, "cut");
	s = load(GPT);
	set_text(&s, "ecryptfs.info", "cipher aes\n");
	expect(&s, -1, ERROR_ENCRYPTED, "eCryptfs");
	s = load(GPT);
	add(&s, "sda2.ext4-ptcl-img.gz", bytes_load("fixtures/clonezilla/expected"));
	expect(&s, -1, ERROR_AMBIGUOUS, "two images of sda2");
}

/* A logical volume that was saved by itself; its physical volume was not. */
static void test_logical_volumes(void)
{
	struct shelf s = load("web01-2026-11-19-img");
	struct file *f = file_of(&s, "vda1.ext4-ptcl-img.gz");
	NEED(f);
	strcpy(f->name, "vg-root.ext4-ptcl-img.gz");
	set_text(&s, "lvm_vg_dev.list", "vg /dev/vda1 3xwGRD-Ruz3-Ld1z-YTfw-ZNre-iEIt-PyLFGo\n");
	set_text(&s, "lvm_logv.list", "/dev/vg/root  Linux rev 1.0 ext4 filesystem data\n/dev/vg/swap_1  Linux/i386 swap file\n");
	compose(&s);
	CHECK_INT(s.rc, 0);
	CHECK_INT(s.out.disks.count, 2);
	if (s.out.disks.count == 2) {
		CHECK_STR(s.out.disks.items[1].name, "vg/root");
		CHECK_INT(source_size(s.out.disks.items[1].source), 4096 * 512);
	}
	CHECK_INT(findings_against(&s.f, PROOF_PRESENCE, "dir"), 0);
	unload(&s);
	s = load("web01-2026-11-19-img");
	set_text(&s, "lvm_logv.list", "/dev/vg/root  Linux rev 1.0 ext4 filesystem data\n");
	expect(&s, 0, ERROR_MISSING, "vg/root is listed");
}

static void test_names(void)
{
	static const char *const no[] = {"web01.img", "parts.img", "disk.img.zst"};
	struct strings s = {0};
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		NEED(!strings_add(&s, no[i]));
	CHECK(!clonezilla_is(&s));
	CHECK(clonezilla_is_note("clonezilla-img"));
	CHECK(clonezilla_is_note("sda-pt.sf"));
	CHECK(!clonezilla_is_note("sda1.ext4-ptcl-img.zst.aa"));
	CHECK(!clonezilla_is_note("nvme0n1p2.dd-img.aa"));
	strings_free(&s);
}

int main(void)
{
	RUN(test_content);
	RUN(test_tables);
	RUN(test_missing);
	RUN(test_contradictions);
	RUN(test_logical_volumes);
	RUN(test_names);
	return test_done();
}
