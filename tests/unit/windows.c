// SPDX-License-Identifier: GPL-3.0-or-later
/* Registry hives, and the machine that they tell of. The hives are made by fixtures/windows/hive.py. */
#include <fcntl.h>
#include <sys/stat.h>

#include "../../src/subject/facts.h"
#include "../../src/subject/hive.h"
#include "../../src/subject/windows.h"
#include "backproof/text.h"
#include "test.h"

static char dir[] = "/tmp/backproof-windows-XXXXXX";

static void make(const char *options)
{
	char command[1024];
	snprintf(command, sizeof command, "python3 fixtures/windows/hive.py %s %s", dir, options);
	NEED(system(command) == 0);
}

static uint8_t *load(const char *name, size_t *len)
{
	char path[256];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *f = fopen(path, "r");
	NEED(f);
	uint8_t *p = malloc(1 << 20);
	NEED(p);
	*len = fread(p, 1, 1 << 20, f);
	fclose(f);
	return p;
}

/* What a tree reader is asked for, from the directory. */
static int disk_read(void *ctx, const char *path, size_t max, char **data, size_t *len, int64_t *mtime, struct error *e)
{
	const char *base = strrchr(path, '/');
	(void)max;
	(void)mtime;
	if (ctx && !strcmp(ctx, base + 1))
		return error_set(e, ERROR_IO, 7, "no medium");
	char name[256];
	snprintf(name, sizeof name, "%s%s", dir, base);
	if (strncmp(path, "Windows/System32/config/", 24) || access(name, R_OK) < 0)
		return 0;
	*data = (char *)load(base + 1, len);
	return 1;
}

static int disk_list(void *ctx, const char *path, struct strings *names, struct error *e)
{
	(void)ctx, (void)path, (void)names, (void)e;
	return 0;
}

static struct facts facts;
static struct findings findings;

static int harvest(const char *unreadable)
{
	struct error e;
	struct tree_reader t = {(void *)(uintptr_t)unreadable, disk_read, disk_list};
	memset(&facts, 0, sizeof facts);
	facts.windows_system = strdup("Windows/System32");
	NEED(findings_init(&findings) == 0);
	return windows_harvest(&facts, &t, "disk:1", &findings, &e);
}

static size_t count(const char *check, enum outcome o)
{
	size_t n = 0;
	for (size_t i = 0; i < findings.count; i++)
		n += !strcmp(findings.items[i].check, check) && findings.items[i].outcome == o;
	return n;
}

static void done(void)
{
	facts_free(&facts);
	findings_free(&findings);
}

static void test_facts(void)
{
	make("--host ex01 --domain corp.example --drive C:=0FC63DAF-8483-4772-8E79-3D69D8477DE4 "
	     "--drive D:=1234abcd@1048576 --volume AABBCCDD-0000-0000-0000-100000000000=D: "
	     "--volume 11111111-0000-4000-8000-00000000000b=A1B2C3D4-1111-4222-8333-444455556666");
	CHECK_INT(harvest(NULL), 0);
	CHECK_STR(facts.hostname, "ex01.corp.example");
	CHECK_STR(facts.machine_id, "5f1c0a661d2e4b3c8a9b0123456789ab");
	CHECK_STR(facts.system, "Windows Server 2022 Standard 21H2 (build 20348.1234)");
	CHECK_INT(facts.windows_letter, 'C');
	CHECK_INT(facts.registry_written, 1700000000);
	NEED(facts.drives.count == 2); /* the CD and the stick are none of its own */
	CHECK_INT(facts.drives.items[0].letter, 'C');
	CHECK_STR(facts.drives.items[0].partuuid, "0fc63daf-8483-4772-8e79-3d69d8477de4");
	CHECK_INT(facts.drives.items[1].letter, 'D');
	CHECK_STR(facts.drives.items[1].disk_id, "1234abcd");
	CHECK_INT(facts.drives.items[1].offset, 1048576);
	CHECK_STR(facts.drives.items[1].volume, "aabbccdd-0000-0000-0000-100000000000");
	NEED(facts.windows_volumes.count == 2);
	CHECK_STR(facts.windows_volumes.items[0].volume, facts.drives.items[1].volume);
	CHECK_STR(facts.windows_volumes.items[0].disk_id, "1234abcd");
	CHECK_STR(facts.windows_volumes.items[1].volume, "11111111-0000-4000-8000-00000000000b");
	CHECK_STR(facts.windows_volumes.items[1].partuuid, "a1b2c3d4-1111-4222-8333-444455556666");
	CHECK_INT(count("registry.hive", OUTCOME_HELD), 2);
	CHECK_INT(count("registry.log", OUTCOME_SKIPPED), 0);
	done();
}

static void test_styles(void)
{
	static const char *const styles[] = {"lf", "lh", "li"};
	for (size_t i = 0; i < ARRAY_SIZE(styles); i++) {
		char options[128];
		snprintf(options, sizeof options, "--style %s --dirty --host web-%s", styles[i], styles[i]);
		make(options);
		CHECK_INT(harvest(NULL), 0);
		snprintf(options, sizeof options, "web-%s", styles[i]);
		CHECK_STR(facts.hostname, options);
		CHECK_INT(count("registry.log", OUTCOME_SKIPPED), 2);
		CHECK_INT(count("registry.hive", OUTCOME_HELD), 2);
		done();
	}
}

static void test_eleven(void)
{
	make("--product 'Windows 10 Pro' --build 22631 --revision 2861");
	CHECK_INT(harvest(NULL), 0);
	CHECK_STR(facts.system, "Windows 11 Pro 21H2 (build 22631.2861)");
	done();
	make("--product 'Windows 10 Pro' --build 19045 --revision 1");
	CHECK_INT(harvest(NULL), 0);
	CHECK_STR(facts.system, "Windows 10 Pro 21H2 (build 19045.1)");
	done();
}

static void test_unreadable(void)
{
	make("");
	CHECK_INT(harvest("SYSTEM"), 0);
	CHECK(!facts.hostname);
	CHECK(facts.machine_id != NULL);
	CHECK_INT(count("registry.hive", OUTCOME_UNREADABLE), 1);
	done();
}

static int open_copy(const uint8_t *p, size_t len)
{
	struct error e = {0};
	struct hive h;
	uint8_t *copy = malloc(len ? len : 1); /* its own, so that a sanitizer sees the end */
	NEED(copy);
	if (len)
		memcpy(copy, p, len);
	int rc = hive_open(&h, copy, len, &e);
	CHECK(rc == 0 || e.text[0]);
	free(copy);
	return rc;
}

static void test_cut(void)
{
	make("");
	size_t len, accepted = 0;
	uint8_t *p = load("SYSTEM", &len);
	CHECK_INT(open_copy(p, len), 0);
	for (size_t n = 0; n < len; n += n < 4200 ? 1 : 97)
		accepted += open_copy(p, n) == 0;
	CHECK_INT(accepted, 0);
	/* Bytes behind the bins are none of its own. */
	CHECK_INT(open_copy(p, len - 4096), -1);
	free(p);
}

static void test_flipped(void)
{
	size_t len, accepted = 0;
	uint8_t *p = load("SYSTEM", &len);
	for (size_t i = 0; i < 512; i++) {
		p[i] ^= 0x10;
		accepted += open_copy(p, len) == 0;
		p[i] ^= 0x10;
	}
	CHECK_INT(accepted, 0);
	p[4096 + 4] ^= 1; /* the bin's own place */
	CHECK_INT(open_copy(p, len), -1);
	p[4096 + 4] ^= 1;
	memset(p + 8192, 0, 4096); /* a lost block */
	CHECK_INT(open_copy(p, len), -1);
	free(p);
}

/* A clean hive that is damaged is broken; of a dirty one its logs might mend it. */
static void test_damaged(void)
{
	for (int dirty = 0; dirty < 2; dirty++) {
		make(dirty ? "--dirty" : "");
		char path[64];
		snprintf(path, sizeof path, "%s/SOFTWARE", dir);
		int fd = open(path, O_WRONLY);
		NEED(fd >= 0 && pwrite(fd, "\0\0\0\0", 4, 4096) == 4);
		close(fd);
		CHECK_INT(harvest(NULL), 0);
		CHECK(!facts.machine_id);
		CHECK_STR(facts.hostname, "ex01");
		CHECK_INT(count("registry.hive", OUTCOME_BROKEN), !dirty);
		CHECK_INT(count("registry.hive", OUTCOME_UNPROVEN), dirty);
		done();
	}
}

static void test_critical(void)
{
	CHECK(windows_is_critical("Windows/System32/ntoskrnl.exe"));
	CHECK(windows_is_critical("WINDOWS/system32/config/software"));
	CHECK(windows_is_critical("Windows/System32/winload.efi"));
	CHECK(!windows_is_critical("Windows/WinSxS/x/ntoskrnl.exe"));
	CHECK(!windows_is_critical("Windows/System32/config/SYSTEM.LOG1"));
	CHECK(windows_is_log("Windows/System32/winevt/Logs/System.evtx"));
	CHECK(!windows_is_log("Users/x/Windows/System32/winevt/Logs/System.evtx"));
	CHECK_INT(filetime_seconds(UINT64_C(116444736000000000) + 5 * 10000000), 5);
	CHECK_INT(filetime_seconds(0), 0);
}

int main(void)
{
	NEED(mkdtemp(dir));
	RUN(test_facts);
	RUN(test_styles);
	RUN(test_eleven);
	RUN(test_unreadable);
	RUN(test_cut);
	RUN(test_flipped);
	RUN(test_damaged);
	RUN(test_critical);
	char command[64];
	snprintf(command, sizeof command, "rm -rf %s", dir);
	NEED(system(command) == 0);
	return test_done();
}
