// SPDX-License-Identifier: GPL-3.0-or-later
/* What apt is about to do, and what a remembered verdict is worth. */
#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../../src/gate/hook.h"
#include "../../src/gate/hook_apt.h"
#include "../../src/gate/remember.h"
#include "backproof/whole_file.h"

enum { REFUSED = -1, FREE, GATED, REPAIR };

static int judge_bytes(const char *text, size_t length)
{
	struct apt_transaction t;
	struct error e = {0};
	/* Of the very size: a sanitizer sees one byte too many. */
	char *exact = malloc(length ? length : 1);
	NEED(exact);
	memcpy(exact, text, length);
	int rc = apt_transaction_parse(exact, length, &t, &e);
	free(exact);
	if (rc < 0) {
		CHECK(e.cls != ERROR_NONE && *e.text);
		return REFUSED;
	}
	int is = apt_transaction_is_gated(&t) ? GATED : t.upgrades ? REPAIR : FREE;
	apt_transaction_free(&t);
	return is;
}

#define HEAD "VERSION 3\nDir=/\n\n"
static int judge_lines(const char *lines)
{
	char text[4096];
	snprintf(text, sizeof text, HEAD "%s", lines);
	return judge_bytes(text, strlen(text));
}

static void real_ones(void)
{
	static const struct {
		const char *name;
		int is;
	} files[] = {{"install", FREE},	  {"reinstall", FREE},	  {"upgrade", GATED}, {"downgrade", FREE},
		     {"pulled", GATED},	  {"remove", FREE},	  {"purge", FREE},    {"crossgrade", GATED},
		     {"own", FREE},	  {"own-install", FREE},  {"repair", REPAIR}, {"configure", FREE},
		     {"nothing", FREE}};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		char path[100];
		size_t length;
		struct error e;
		snprintf(path, sizeof path, "fixtures/apt_hook/%s", files[i].name);
		autofree char *text = whole_file_read(path, MIB, &length, &e);
		NEED(text);
		if (judge_bytes(text, length) != files[i].is) {
			CHECK(!"as it is");
			fprintf(stderr, "%s: %d\n", path, judge_bytes(text, length));
		}
		/* Cut within a line it is refused; cut behind one it must not be a gate that opens in the middle. */
		const char *body = strstr(text, "\n\n");
		for (size_t n = 0; n < length; n++) {
			bool whole = n && text[n - 1] == '\n' && n >= (size_t)(body + 2 - text);
			if ((judge_bytes(text, n) == REFUSED) == whole) {
				CHECK(!"a cut is seen");
				fprintf(stderr, "%s: %zu bytes\n", path, n);
				break;
			}
		}
	}
}

static void lines(void)
{
	CHECK_INT(judge_lines(""), FREE);
	CHECK_INT(judge_lines("foo 1 all none < 2 all none /a/foo.deb\n"), GATED);
	CHECK_INT(judge_lines("foo 1 all none < 2 all none **ERROR**\n"), GATED);
	CHECK_INT(judge_lines("foo 1 all none < 2 all none /a dir/foo 2.deb\n"), GATED);
	CHECK_INT(judge_lines("foo 1 all none < 2 all none **CONFIGURE**\n"), FREE);
	CHECK_INT(judge_lines("foo 1 all none > - - none **REMOVE**\nnew - - none < 1 all none /n.deb\n"), FREE);
	CHECK_INT(judge_lines("foo 1 amd64 same > - - none **REMOVE**\nfoo - - none < 1 i386 same /n.deb\n"), GATED);
	CHECK_INT(judge_lines("foo - - none < 1 i386 same /n.deb\nfoo 1 amd64 same > - - none **REMOVE**\n"), GATED);
	/* Equal for apt, and not the same. */
	CHECK_INT(judge_lines("foo 1.0 all none = 1.0 all none /a/foo.deb\n"), FREE);
	CHECK_INT(judge_lines("foo 1.0 all none = 1.00 all none /a/foo.deb\n"), GATED);
	CHECK_INT(judge_lines("foo 1.0 all none = 1.0 amd64 none /a/foo.deb\n"), GATED);
	CHECK_INT(judge_lines("foo 2 all none > 1 all none /a/foo.deb\n"), FREE);
	/* Our own, and what comes with it. */
	CHECK_INT(judge_lines("backproof 1 amd64 none < 2 amd64 none /b.deb\n"), FREE);
	CHECK_INT(judge_lines("backproof-monitoring 1 all none < 2 all none /b.deb\n"), FREE);
	CHECK_INT(judge_lines("backproof- 1 all none < 2 all none /b.deb\n"), GATED);
	CHECK_INT(judge_lines("backproofs 1 all none < 2 all none /b.deb\n"), GATED);
	CHECK_INT(judge_lines("backproof 1 amd64 none < 2 amd64 none /b.deb\nlibc6 1 amd64 same < 2 amd64 same /c.deb\n"),
		  GATED);
	CHECK_INT(judge_lines("libc6 1 amd64 same < 2 amd64 same /c.deb\nbackproof 1 amd64 none < 2 amd64 none /b.deb\n"),
		  GATED);
}

static void not_understood(void)
{
	static const char *const bad[] = {
		"foo 1 all none < 2 all none\n",
		"foo 1 all none < 2 all none \n",
		"foo 1 all none  < 2 all none /a\n",
		"foo 1 all none ? 2 all none /a\n",
		"foo 1 all none << 2 all none /a\n",
		"foo 1 all none < 2 all none **UNPACK**\n",
		"foo 1 all none < 2 all none a.deb\n",
		"foo 1 all none < - - none /a\n",
		"foo - - none > 2 all none /a\n",
		"foo - - none = 2 all none /a\n",
		"fo\to 1 all none < 2 all none /a\n",
		"foo 1 < 2 /a\n", /* version 2 */
		"\n",
		"foo 1 all none < 2 all none /a\n\nfoo 1 all none < 2 all none /a\n",
		"foo 1 all none < 2 all none /a", /* cut */
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (judge_lines(bad[i]) != REFUSED) {
			CHECK(!"refused");
			fprintf(stderr, "taken: %s\n", bad[i]);
		}
	static const char *const heads[] = {"", "\n", "VERSION 3", "VERSION 3\n", "VERSION 2\n\n", "VERSION 31\n\n",
					    "VERSION 3 \n\n", "version 3\n\n", "VERSION 3\na\n\n", "VERSION 3\n=a\n\n",
					    "VERSION 3\na=b\n", "/a/foo_2.deb\n"};
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		if (judge_bytes(heads[i], strlen(heads[i])) != REFUSED) {
			CHECK(!"refused");
			fprintf(stderr, "taken: %s\n", heads[i]);
		}
	CHECK_INT(judge_bytes("VERSION 3\n\0=\n\n", 14), REFUSED);
	CHECK_INT(judge_bytes("VERSION 3\na=b\n\nfoo 1 all none > 1 all none /\0\n", 47), REFUSED);
	CHECK_INT(judge_bytes("VERSION 3\n\n", 11), FREE);
}

static int judge_command(const char *fix, const char *command)
{
	char text[1024];
	snprintf(text, sizeof text,
		 "VERSION 3\n%s%s%s\nfoo 1 all none < 2 all none /f.deb\n", fix, command, *command ? "\n" : "");
	return judge_bytes(text, strlen(text));
}

static void repairs(void)
{
#define FIX "APT::Get::Fix-Broken=1\n"
#define LINE "CommandLine::AsString="
	CHECK_INT(judge_command(FIX, LINE "apt-get%20-f%20install"), REPAIR);
	CHECK_INT(judge_command("apt::get::fix-broken=true\n", LINE "/usr/bin/apt%20install%20--fix-broken%20-y"), REPAIR);
	CHECK_INT(judge_command(FIX, LINE "apt-get -f install"), REPAIR);
	CHECK_INT(judge_command("", LINE "apt-get%20-f%20install"), GATED);
	CHECK_INT(judge_command("APT::Get::Fix-Broken=0\n", LINE "apt-get%20-f%20install"), GATED);
	CHECK_INT(judge_command(FIX "APT::Get::Fix-Broken=0\n", LINE "apt-get%20-f%20install"), GATED);
	CHECK_INT(judge_command(FIX, ""), GATED);
	CHECK_INT(judge_command(FIX, LINE "apt-get%20-f%20install%20foo"), GATED);
	CHECK_INT(judge_command(FIX, LINE "apt-get%20-f%20upgrade"), GATED);
	CHECK_INT(judge_command(FIX, LINE "apt-get%20-f%20install%20install"), GATED);
	CHECK_INT(judge_command(FIX, LINE "apt-get%20-f%20dist-upgrade%20install"), GATED);
	CHECK_INT(judge_command(FIX, LINE "apt-get%20-f%20-o%20install"), GATED);
	CHECK_INT(judge_command(FIX, LINE "apt-get%20-f%20-t%20sid%20install"), GATED);
	CHECK_INT(judge_command(FIX, LINE "aptitude%20-f%20install"), GATED);
	CHECK_INT(judge_command(FIX, LINE "apt-get%20-f"), GATED);
	CHECK_INT(judge_command(FIX, LINE), GATED);
	CHECK_INT(judge_command(FIX, LINE "apt-get%20-f%20install\n" LINE "apt-get%20upgrade"), GATED);
	CHECK_INT(judge_command(FIX, LINE "apt-get%20upgrade\n" LINE "apt-get%20-f%20install"), GATED);
	CHECK_INT(judge_command(FIX, LINE "apt-get%20-f%2"), GATED);
	CHECK_INT(judge_command(FIX, LINE "apt-get%20-f%00install"), GATED);
}

static void many(void)
{
	struct text t = {0};
	text_put(&t, HEAD);
	for (unsigned i = 0; i < HOOK_APT_ACTIONS; i++)
		text_printf(&t, "a%u 1 b c > - - n **REMOVE**\n", i & 7);
	CHECK_INT(judge_bytes(t.data, t.length), FREE);
	text_put(&t, "a 1 b c > - - n **REMOVE**\n");
	CHECK_INT(judge_bytes(t.data, t.length), REFUSED);
	while (t.length <= HOOK_APT_MAX)
		text_put(&t, "a 1 b c > - - n **REMOVE**\n");
	CHECK_INT(judge_bytes(t.data, t.length), REFUSED);
	text_free(&t);
}

/* A verdict that is as good as can be, one hour old, of a backup of two hours before that. */
#define NOW INT64_C(1700000000)
static struct policy policy;
static struct history_record good(void)
{
	struct history_record r = {.id = 1,
				   .host = (char *)"web01",
				   .policy = (char *)"default",
				   .checked_at = NOW - 3600,
				   .taken_at = NOW - 3 * 3600,
				   .code = CODE_SAFE,
				   .evidence = (int)policy.integrity_evidence};
	for (int i = 0; i < PROOF_COUNT; i++)
		r.proofs[i] = OUTCOME_HELD;
	struct history_file *f = vec_push(&r.files);
	NEED(f);
	f->path = strdup("/srv/backup/web01.img");
	return r;
}
static void drop(struct history_record *r)
{
	vec_each(&r->files, it) free(it->path);
	vec_free(&r->files);
}
static enum code worth(const struct history_record *r)
{
	struct text why = {0};
	enum code code = hook_record_judge(r, &policy, 4 * 3600, NOW, &why);
	CHECK((code == CODE_SAFE) == !why.length);
	text_free(&why);
	return code;
}

static void verdicts(void)
{
	NEED(policy_defaults(&policy, "default") == 0);
	struct history_record r = good();
	CHECK_INT(worth(&r), CODE_SAFE);
	static const int codes[] = {CODE_NO_BACKUP, CODE_STALE, CODE_DAMAGED, CODE_INCOMPLETE, CODE_CANNOT_TELL, CODE_BUSY};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
		r.code = codes[i];
		CHECK_INT(worth(&r), codes[i]);
	}
	static const int none[] = {CODE_WAIVED, CODE_USAGE, CODE_CONFIG, CODE_INTERNAL, 1, -1, 255};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		r.code = none[i];
		CHECK_INT(worth(&r), CODE_INTERNAL);
	}
	r.code = CODE_SAFE;
	/* Its age, to the second. */
	r.checked_at = NOW - 4 * 3600;
	CHECK_INT(worth(&r), CODE_SAFE);
	r.checked_at--;
	CHECK_INT(worth(&r), CODE_STALE);
	r.checked_at = NOW + policy.clock_skew;
	CHECK_INT(worth(&r), CODE_SAFE);
	r.checked_at++;
	CHECK_INT(worth(&r), CODE_STALE);
	r.checked_at = NOW;
	/* The backup's. */
	r.taken_at = NOW - policy.max_age;
	CHECK_INT(worth(&r), CODE_SAFE);
	r.taken_at--;
	CHECK_INT(worth(&r), CODE_STALE);
	r.taken_at = NOW + policy.clock_skew + 1;
	CHECK_INT(worth(&r), CODE_STALE);
	r.taken_at = 0;
	CHECK_INT(worth(&r), CODE_CANNOT_TELL);
	policy.require &= ~(1u << PROOF_FRESHNESS);
	CHECK_INT(worth(&r), CODE_SAFE);
	policy.require |= 1u << PROOF_FRESHNESS;
	r.taken_at = NOW - 1;
	/* What the policy asks for now. */
	for (int i = 0; i < PROOF_COUNT; i++) {
		r.proofs[i] = OUTCOME_UNPROVEN;
		CHECK_INT(worth(&r), policy.require & (1u << i) ? CODE_INCOMPLETE : CODE_SAFE);
		r.proofs[i] = OUTCOME_HELD;
	}
	r.evidence--;
	CHECK_INT(worth(&r), CODE_INCOMPLETE);
	r.evidence++;
	r.policy = (char *)"lax";
	CHECK_INT(worth(&r), CODE_INCOMPLETE);
	r.policy = NULL;
	CHECK_INT(worth(&r), CODE_INCOMPLETE);
	r.policy = (char *)"default";
	CHECK_INT(worth(&r), CODE_SAFE);
	size_t count = r.files.count;
	r.files.count = 0;
	CHECK_INT(worth(&r), CODE_CANNOT_TELL);
	r.files.count = count;
	drop(&r);
	policy_free(&policy);
}

static char path[100];
static struct history_file seen;
static enum code files_are(void)
{
	struct history_files files = {.items = &seen, .count = 1};
	struct hook_shared shared = {0};
	struct text why = {0};
	enum code code = hook_files_judge(&files, &shared, &why);
	CHECK((code == CODE_SAFE) == !why.length);
	CHECK(strstr(shared.doing, "looking at"));
	text_free(&why);
	return code;
}

static void files(void)
{
	char directory[] = "/tmp/backproof-hook-XXXXXX", aside[120], text[] = "abc";
	struct stat st;
	NEED(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/a", directory);
	snprintf(aside, sizeof aside, "%s/b", directory);
	NEED(whole_file_write(path, text, 3, 0600, false, &(struct error){0}) == 0 && stat(path, &st) == 0);
	seen.path = path;
	remember_identity(&seen, &st);
	CHECK_INT(files_are(), CODE_SAFE);
	/* Each of what it is known by. */
	seen.size++;
	CHECK_INT(files_are(), CODE_CANNOT_TELL);
	seen.size--;
	seen.inode++;
	CHECK_INT(files_are(), CODE_CANNOT_TELL);
	seen.inode--;
	seen.mtime_ns++;
	CHECK_INT(files_are(), CODE_CANNOT_TELL);
	seen.mtime_ns--;
	seen.ctime_ns++;
	CHECK_INT(files_are(), CODE_CANNOT_TELL);
	seen.ctime_ns--;
	seen.device++; /* mounted again */
	CHECK_INT(files_are(), CODE_SAFE);
	/* Put in its place, and gone. */
	NEED(rename(path, aside) == 0);
	CHECK_INT(files_are(), CODE_NO_BACKUP);
	NEED(mkdir(path, 0700) == 0);
	CHECK_INT(files_are(), CODE_CANNOT_TELL);
	NEED(rmdir(path) == 0 && symlink("a", path) == 0);
	CHECK_INT(files_are(), CODE_CANNOT_TELL);
	NEED(unlink(path) == 0 && unlink(aside) == 0 && rmdir(directory) == 0);
	CHECK_INT(files_are(), CODE_NO_BACKUP);
	seen.path = (char *)"a";
	CHECK_INT(files_are(), CODE_CANNOT_TELL);
	seen.path = NULL;
	struct history_files none = {.items = &seen, .count = 1};
	struct hook_shared shared = {0};
	struct text why = {0};
	CHECK_INT(hook_files_judge(&none, &shared, &why), CODE_CANNOT_TELL);
	text_free(&why);
}

/* Which of several verdicts counts. Each: name, policy, seconds before now at which it began, code. */
struct entry {
	const char *host, *policy;
	int64_t ago;
	int code;
};
static enum code last_of(const char *host, const struct entry *entries, size_t count)
{
	char directory[] = "/tmp/backproof-hook-XXXXXX", db[100];
	struct error e = {0};
	struct stat st;
	NEED(mkdtemp(directory));
	snprintf(path, sizeof path, "%s/a", directory);
	snprintf(db, sizeof db, "%s/h.db", directory);
	NEED(whole_file_write(path, "abc", 3, 0600, false, &e) == 0 && stat(path, &st) == 0);
	struct history *h = history_open(db, HISTORY_WRITE, &e);
	NEED(h);
	for (size_t i = 0; i < count; i++) {
		struct history_record r = good();
		r.host = (char *)(uintptr_t)entries[i].host;
		r.policy = (char *)(uintptr_t)entries[i].policy;
		r.checked_at = NOW - entries[i].ago;
		r.taken_at = r.checked_at - 60;
		r.code = entries[i].code;
		free(r.files.items[0].path);
		r.files.items[0].path = strdup(path);
		remember_identity(&r.files.items[0], &st);
		NEED(history_add(h, &r, &e) == 0);
		drop(&r);
	}
	struct hook_shared shared = {0};
	struct hook_config hook = {.name = (char *)"default", .host = (char *)"far", .max_verdict_age = 4 * 3600};
	struct hook_job j = {.hook = &hook, .self = "here", .host = host, .now = NOW, .shared = &shared};
	struct text why = {0};
	enum code code = hook_history(&j, h, &policy, &why);
	CHECK((code == CODE_SAFE) == !why.length);
	text_free(&why);
	history_destroy(h);
	char command[200];
	snprintf(command, sizeof command, "rm -r %s", directory);
	NEED(system(command) == 0);
	return code;
}
#define LAST(host, ...)                                                                                               \
	last_of(host, (const struct entry[]){__VA_ARGS__}, sizeof((const struct entry[]){__VA_ARGS__}) / sizeof(struct entry))

static void last(void)
{
	NEED(policy_defaults(&policy, "default") == 0);
	CHECK_INT(LAST("web01", {"web02", "default", 60, CODE_SAFE}), CODE_STALE);
	CHECK_INT(LAST("web01", {"web01", "default", 60, CODE_SAFE}), CODE_SAFE);
	CHECK_INT(LAST("web01", {"web01", "default", 60, CODE_SAFE}, {"web01", "default", 30, CODE_DAMAGED}), CODE_DAMAGED);
	CHECK_INT(LAST("web01", {"web01", "default", 60, CODE_DAMAGED}, {"web01", "default", 30, CODE_SAFE}), CODE_SAFE);
	/* One that took its time was recorded last, and began first. */
	CHECK_INT(LAST("web01", {"web01", "default", 30, CODE_DAMAGED}, {"web01", "default", 60, CODE_SAFE}), CODE_DAMAGED);
	CHECK_INT(LAST("web01", {"web01", "default", 30, CODE_DAMAGED}, {"web01", "default", 30, CODE_SAFE}), CODE_SAFE);
	CHECK_INT(LAST("web01", {"web01", "default", 30, CODE_SAFE}, {"web01", "default", 60, CODE_DAMAGED}), CODE_DAMAGED);
	/* By another policy: safe is nothing, not safe is something. */
	CHECK_INT(LAST("web01", {"web01", "lax", 60, CODE_SAFE}), CODE_STALE);
	CHECK_INT(LAST("web01", {"web01", "default", 60, CODE_SAFE}, {"web01", "lax", 30, CODE_SAFE}), CODE_SAFE);
	CHECK_INT(LAST("web01", {"web01", "default", 60, CODE_SAFE}, {"web01", "lax", 30, CODE_DAMAGED}), CODE_DAMAGED);
	CHECK_INT(LAST("web01", {"web01", "default", 60, CODE_STALE}, {"web01", "lax", 30, CODE_SAFE}), CODE_STALE);
	/* Of the future */
	CHECK_INT(LAST("web01", {"web01", "default", -4000, CODE_SAFE}), CODE_STALE);
	CHECK_INT(LAST("web01", {"web01", "default", 60, CODE_SAFE}, {"web01", "default", -4000, CODE_SAFE}), CODE_SAFE);
	CHECK_INT(LAST("web01", {"web01", "default", 60, CODE_DAMAGED}, {"web01", "default", -4000, CODE_SAFE}), CODE_DAMAGED);
	CHECK_INT(LAST("web01", {"web01", "default", 60, CODE_SAFE}, {"web01", "default", -4000, CODE_DAMAGED}), CODE_DAMAGED);
	CHECK_INT(LAST("web01", {"web01", "default", -4000, CODE_DAMAGED}, {"web01", "default", 60, CODE_SAFE}), CODE_SAFE);
	/* One machine by two names, in the order in which they were recorded. */
	CHECK_INT(LAST("web01", {"web01.example", "default", 60, CODE_SAFE}, {"web01", "default", 30, CODE_DAMAGED}),
		  CODE_DAMAGED);
	CHECK_INT(LAST("web01", {"web01", "default", 60, CODE_SAFE}, {"web01.example", "default", 30, CODE_DAMAGED}),
		  CODE_DAMAGED);
	CHECK_INT(LAST("web01", {"web01", "default", 60, CODE_DAMAGED}, {"web01.example", "default", 30, CODE_SAFE}),
		  CODE_SAFE);
	CHECK_INT(LAST("web01", {"web01.example", "default", 60, CODE_DAMAGED}, {"web01", "default", 30, CODE_SAFE}),
		  CODE_SAFE);
	CHECK_INT(LAST("web01", {"web01.a", "default", 60, CODE_SAFE}, {"web01.b", "default", 30, CODE_SAFE}),
		  CODE_CANNOT_TELL);
	CHECK_INT(LAST("web01.a", {"web01.a", "default", 60, CODE_SAFE}, {"web01.b", "default", 30, CODE_DAMAGED}),
		  CODE_SAFE);
	policy_free(&policy);
}

int main(void)
{
	RUN(real_ones);
	RUN(lines);
	RUN(not_understood);
	RUN(repairs);
	RUN(many);
	RUN(verdicts);
	RUN(files);
	RUN(last);
	return test_done();
}
