// SPDX-License-Identifier: GPL-3.0-or-later
/* What is mounted on the host itself must be in its backup. */
#include "../../src/check/rows.h"
#include "test.h"

static char dir[] = "/tmp/backproof-live-XXXXXX";

static void sh(const char *format)
{
	char command[600];
	snprintf(command, sizeof command, format, dir, dir, dir);
	NEED(system(command) == 0);
}

/* The outcome of coverage.live when the backup holds a volume with this UUID. */
static enum outcome covered(const char *uuid, const char *lines)
{
	struct subject s = {0};
	struct findings f;
	struct volume volume = {0};
	char path[100];
	snprintf(path, sizeof path, "%s/mountinfo", dir);
	FILE *out = fopen(path, "w");
	NEED(out && fputs(lines, out) >= 0 && fclose(out) == 0);
	snprintf(volume.content.uuid, sizeof volume.content.uuid, "%s", uuid);
	struct subject_volume *v = vec_push(&s.volumes);
	NEED(v);
	v->volume = &volume;
	NEED(findings_init(&f) == 0);
	struct live_mounts live = {0};
	live_mounts_read(path, &live);
	coverage_live(&s, &live, &f);
	live_mounts_free(&live);
	enum outcome o = OUTCOME_SKIPPED;
	for (size_t i = 0; i < f.count; i++)
		o = f.items[i].outcome;
	findings_free(&f);
	free(s.volumes.items);
	return o;
}

static void mounted_volumes(void)
{
	char line[300];
	snprintf(line, sizeof line, "26 1 8:1 / / rw - ext4 %s/root.img rw\n", dir);
	CHECK_INT(covered("11111111-2222-3333-4444-555555555555", line), OUTCOME_HELD);
	CHECK_INT(covered("11111111-2222-3333-4444-555555555556", line), OUTCOME_BROKEN);
	/* A device that nobody can look at proves nothing. */
	CHECK_INT(covered("11111111-2222-3333-4444-555555555555", "26 1 8:1 / / rw - ext4 /dev/no-such rw\n"),
		  OUTCOME_UNPROVEN);
	CHECK_INT(covered("1", "26 1 8:1 / / rw - ext4 /dev/loop7 rw\n"
			       "27 1 0:1 / /sys rw - sysfs sysfs rw\n"
			       "28 1 0:2 / /nas rw - cifs //nas/share rw\n"
			       "29 1 8:2 /sub /bind rw - ext4 /dev/sdz2 rw\n"), OUTCOME_SKIPPED);
}

static void no_mountinfo(void)
{
	struct subject s = {0};
	struct findings f;
	NEED(findings_init(&f) == 0);
	struct live_mounts live = {0};
	live_mounts_read("/proc/no-such-file", &live);
	coverage_live(&s, &live, &f);
	live_mounts_free(&live);
	CHECK_INT(findings_proof(&f, PROOF_COVERAGE), OUTCOME_UNPROVEN);
	findings_free(&f);
}

/* The proof of coverage for a machine in which no kernel was found. */
static enum outcome without_kernel(bool incomplete)
{
	struct policy policy = {.boot = BOOT_REQUIRED};
	struct check_parameters p = {.policy = &policy};
	struct restore_point point = {.label = (char[]){"web01"}};
	struct subject s = {.point = &point, .facts = {.root_found = true, .incomplete = incomplete,
							.root = (char[]){"web01.img:2"}, .fstab_found = true}};
	struct findings f;
	NEED(findings_init(&f) == 0);
	check_coverage.run(&s, &p, &f);
	enum outcome o = findings_proof(&f, PROOF_COVERAGE);
	findings_free(&f);
	return o;
}

/* A deadline that passes while /boot is looked for takes no kernel away. */
static void not_read_is_not_missing(void)
{
	CHECK_INT(without_kernel(false), OUTCOME_BROKEN);
	CHECK_INT(without_kernel(true), OUTCOME_UNPROVEN);
}

int main(void)
{
	NEED(mkdtemp(dir));
	sh("truncate -s 4M %s/root.img && mke2fs -q -F -U 11111111-2222-3333-4444-555555555555 %s/root.img");
	RUN(mounted_volumes);
	RUN(no_mountinfo);
	RUN(not_read_is_not_missing);
	sh("rm -r %s");
	return test_done();
}
