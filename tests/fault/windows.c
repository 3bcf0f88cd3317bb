// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What is found out of a Windows (which volume is the system's, its registry, letters, databases and their logs) while
 * the Nth allocation, or the Nth read of the disk, fails: it is told, or what was found out is all the same. Nothing is
 * called damaged for it.
 *
 *     RUNS=300: so many failures of each kind
 */
#include <errno.h>

enum kind { ALLOCATION, READ, KINDS };
static unsigned long long calls[KINDS], fail_at;
static enum kind failing = KINDS;
static _Bool fired;

static _Bool fails(enum kind k)
{
	if (k >= KINDS || ++calls[k] != fail_at || failing != k)
		return 0;
	fired = 1;
	errno = k == ALLOCATION ? ENOMEM : EIO;
	return 1;
}

#include "../../src/subject/databases.h"
#include "../../src/subject/windows.h"
#include "../unit/ese_help.h"
#include "../unit/volumes_help.h"
#include "backproof/text.h"
#include "wrap.h"
WRAP_MEMORY(ALLOCATION)
WRAP_FILES(KINDS, KINDS, KINDS)
WRAP(KINDS, int, -1, fsync, (int fd), (fd))

static uint8_t *disk_data[2];
static size_t disk_size[2];

static int disk_read(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	if (fails(READ))
		return error_set(e, ERROR_IO, (int64_t)off, "read error: Input/output error");
	memcpy(buf, (uint8_t *)self + off, len);
	return 0;
}

static const struct source_ops disk_ops = {.kind = "failing", .read_at = disk_read};

struct result {
	bool fine, broken;
	uint64_t hash;
};

static struct databases found;

static int note(void *ctx, const struct fs_entry *entry, struct error *e)
{
	return entry->type == ENTRY_FILE ? databases_note(&found, ctx, entry, e) : 0;
}

static void add(struct result *r, const char *text)
{
	r->hash = r->hash * 31 + (text ? hash_bytes(text, strlen(text)) : 7);
}

static int look(const struct check_parameters *p)
{
	struct subject_volume *v = subject.volumes.items;
	for (size_t i = 0; i < subject.volumes.count; i++) {
		v[i].volume->window = source_new(&disk_ops, disk_data[i], disk_size[i], "disk", &why);
		if (!v[i].volume->window)
			return -1;
		v[i].fs = fs_open(v[i].volume->content.type, v[i].volume->window, v[i].name, &findings, &why);
		if (!v[i].fs)
			return -1;
	}
	struct subject_volume *root = windows_root(&subject, &findings);
	if (!root || windows_gather(&subject, root, &findings, &why) < 0)
		return -1;
	for (size_t i = 0; i < subject.volumes.count; i++)
		if (fs_walk(v[i].fs, "", NULL, note, &v[i], &why) < 0)
			return -1;
	databases_check(&found, &subject, p, &findings);
	return 0;
}

static struct result one(enum kind k, unsigned long long n, enum depth depth)
{
	static const char *const types[] = {"ntfs", "ext4"};
	struct result r = {.fine = true};
	struct policy policy = {.sample_bytes = 8 * 40960};
	struct budget b;
	budget_init(&b);
	struct check_parameters p = {.policy = &policy, .depth = depth, .seed = 1, .budget = &b};
	subject_begin();
	for (size_t i = 0; i < 2; i++) {
		struct subject_volume *v = add_volume(NULL, NULL);
		snprintf(v->volume->content.type, sizeof v->volume->content.type, "%s", types[i]);
	}
	volumes[1].role = ROLE_ESP;
	snprintf(volumes[1].partuuid, sizeof volumes[1].partuuid, "0fc63daf-8483-4772-8e79-3d69d8477de4");
	memset(calls, 0, sizeof calls);
	fired = 0;
	failing = k;
	fail_at = n;
	int rc = look(&p);
	failing = KINDS;
	for (size_t i = 0; i < findings.count; i++) {
		const struct finding *f = &findings.items[i];
		r.fine = r.fine && (f->outcome == OUTCOME_HELD || f->outcome == OUTCOME_SKIPPED);
		r.broken = r.broken || f->outcome == OUTCOME_BROKEN;
		/* What is skipped says why: with a failure that is not nothing. */
		add(&r, f->check);
		add(&r, outcome_name(f->outcome));
	}
	const struct facts *x = &subject.facts;
	const char *facts[] = {x->hostname, x->machine_id, x->system, x->kernel, x->efi, x->windows_system,
			       subject.volumes.items[1].mount};
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		add(&r, facts[i]);
	r.fine = r.fine && rc == 0 && !findings.lost;
	databases_free(&found);
	subject_end();
	return r;
}

static void make_disks(void)
{
	char path[300], here[200];
	NEED(getcwd(here, sizeof here));
	uint8_t *db = generate(4096, 30, false);
	for (int i = 0; i < 2; i++) {
		put32(db + i * 4096 + 52, ESE_DIRTY);
		put32(db + i * 4096 + 296, 7);
		put32(db + i * 4096 + 300, 8);
		seal_header(db + i * 4096, 4096);
	}
	snprintf(path, sizeof path, "%s/dirty.edb", dir);
	FILE *f = fopen(path, "w");
	NEED(f && fwrite(db, 4096, 32, f) == 32 && fclose(f) == 0);
	free(db);
	sh("cd %s && zstd -qdf %s/fixtures/windows/system.ntfs.zst -o ntfs && python3 %s/fixtures/windows/hive.py hives "
	   "--domain example.org --drive D:=0fc63daf-8483-4772-8e79-3d69d8477de4 && : >log && "
	   "mkdir -p tree/EFI/Microsoft/Boot && echo MZ >tree/EFI/Microsoft/Boot/bootmgfw.efi && cp dirty.edb tree/ && "
	   "for f in 'dirty.edb Exchange/dirty.edb' 'log Exchange/E0000007.log' 'log Exchange/E0000008.log' "
	   "'hives/SYSTEM Windows/System32/config/SYSTEM' 'hives/SOFTWARE Windows/System32/config/SOFTWARE'; do "
	   "ntfscp -f -q ntfs $f >/dev/null 2>&1 || exit 1; done && "
	   "mke2fs -q -F -t ext4 -O ^has_journal -d tree ext 2M 2>/dev/null", dir, here, here);
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, i ? "ext" : "ntfs");
		disk_data[i] = fixture_file(path, &disk_size[i]);
		NEED(disk_data[i]);
	}
}

static void failures_are_told(void)
{
	unsigned long long most = getenv("RUNS") ? strtoull(getenv("RUNS"), NULL, 10) : 40;
	unsigned told = 0, runs = 0;
	for (enum depth depth = DEPTH_SAMPLE; depth <= DEPTH_FULL; depth++)
		for (enum kind k = ALLOCATION; k < KINDS; k++) {
			struct rng rng = {k};
			struct result truth = one(KINDS, 0, depth);
			unsigned long long count = calls[k];
			CHECK(truth.fine);
			for (unsigned long long n = 1; n <= count && n <= most; n++) {
				unsigned long long at = count <= most || n <= most / 4 ? n : 1 + rng_below(&rng, count);
				struct result r = one(k, at, depth);
				runs++;
				told += fired && !r.fine;
				bool good = !r.broken && (!r.fine || r.hash == truth.hash);
				if (fired && !good)
					fprintf(stderr, "%s %llu: %s\n", k ? "read" : "allocation", at,
						r.broken ? "called damaged" : "all was fine, and is otherwise");
				CHECK(!fired || good);
			}
		}
	CHECK(told > runs / 2);
}

int main(void)
{
	NEED(mkdtemp(dir));
	make_disks();
	RUN(failures_are_told);
	for (size_t i = 0; i < 2; i++)
		free(disk_data[i]);
	sh("rm -rf %s", dir);
	return test_done();
}
