// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The verdict against an oracle written the other way round: verdict.c walks the findings once per code, the oracle
 * collects the set of codes argued for and takes the first of a list. Then what must hold whatever is found.
 */
#include "backproof/text.h"
#include "backproof/verdict.h"
#include "test.h"
#include "../../src/gate/reason.h"

#define ALL 0x7fu
#define MOST 64

static struct finding items[MOST];
static struct findings fs;
static struct policy policy;
static struct measures measures;

static void fresh(void)
{
	memset(items, 0, sizeof items);
	memset(&fs, 0, sizeof fs);
	memset(&policy, 0, sizeof policy);
	fs.items = items;
	fs.sealed = true;
	policy.require = ALL;
	measures = (struct measures){.bytes_read = 1, .files_restored = 1};
}

static struct finding *put(enum proof p, enum outcome o, enum blame b)
{
	struct finding *it = &items[fs.count++];
	*it = (struct finding){.proof = p, .outcome = o, .blame = b, .check = "a.check",
			       .subject = (char *)"disk.img", .offset = ERROR_NO_OFFSET};
	return it;
}

static void put_all_held(void)
{
	for (int p = 0; p < PROOF_COUNT; p++)
		put(p, OUTCOME_HELD, BLAME_DEFAULT);
}

static bool is_required(int p)
{
	return policy.require >> p & 1;
}

/* One letter a code: Busy Damaged Incomplete No-backup Stale Cannot-tell. */
static char blame_letter(int proof, int blame)
{
	static const char of_blame[] = "-NSDICB";
	static const char of_proof[PROOF_COUNT + 1] = "ISDDIID";
	return blame ? of_blame[blame] : of_proof[proof];
}

static enum code oracle(void)
{
	char said[4 * MOST] = "";
	size_t n = 0;
	bool nothing = false;
	for (size_t i = 0; i < fs.count; i++)
		if (items[i].proof == PROOF_PRESENCE && items[i].outcome == OUTCOME_BROKEN &&
		    items[i].blame == BLAME_NO_BACKUP)
			nothing = true;
	char doubt = policy.unproven_is_incomplete && !nothing && !fs.lost ? 'I' : 'C';
	for (int p = 0; p < PROOF_COUNT; p++) {
		bool held = false, seen_bad = false;
		for (size_t i = 0; i < fs.count; i++) {
			if ((int)items[i].proof != p)
				continue;
			int o = items[i].outcome, b = items[i].blame;
			held |= o == OUTCOME_HELD;
			seen_bad |= o == OUTCOME_BROKEN;
			if (o == OUTCOME_BROKEN &&
			    (is_required(p) || strchr("NTR", "PFNTICR"[p]) || b == BLAME_BUSY ||
			     (p == PROOF_PRESENCE && b == BLAME_NO_BACKUP)))
				said[n++] = blame_letter(p, b);
			if (is_required(p) && (o == OUTCOME_UNPROVEN || o == OUTCOME_UNREADABLE ||
					       o == OUTCOME_UNSUPPORTED))
				said[n++] = doubt;
		}
		if (is_required(p) && !held && !seen_bad)
			said[n++] = doubt;
	}
	if (fs.lost || !fs.sealed || !policy.require || !measures.bytes_read ||
	    (is_required(PROOF_RESTORE) && !measures.files_restored))
		said[n++] = 'C';
	for (const char *rank = "BDINSC"; *rank; rank++)
		if (memchr(said, *rank, n))
			switch (*rank) {
			case 'B':
				return CODE_BUSY;
			case 'D':
				return CODE_DAMAGED;
			case 'I':
				return CODE_INCOMPLETE;
			case 'N':
				return CODE_NO_BACKUP;
			case 'S':
				return CODE_STALE;
			default:
				return CODE_CANNOT_TELL;
			}
	return CODE_SAFE;
}

/* What must be true of any verdict; returns false at the first that isn't. */
static bool sound(const struct verdict *v)
{
	if (v->code != CODE_SAFE) {
		if (!v->reasons.count)
			return false;
		size_t len = strlen(code_name(v->code));
		return !strncmp(v->reasons.items[0], code_name(v->code), len) &&
		       v->reasons.items[0][len] == ':' && v->reasons.count <= 21;
	}
	if (v->reasons.count || fs.lost || !fs.sealed || !measures.bytes_read || !policy.require)
		return false;
	for (int p = 0; p < PROOF_COUNT; p++)
		if (is_required(p) && v->proofs[p] != OUTCOME_HELD)
			return false;
	for (size_t i = 0; i < fs.count; i++) {
		const struct finding *it = &items[i];
		if (it->outcome == OUTCOME_HELD || it->outcome == OUTCOME_SKIPPED)
			continue;
		if (is_required(it->proof) || (it->outcome == OUTCOME_BROKEN && it->blame == BLAME_BUSY))
			return false;
		if (it->outcome == OUTCOME_BROKEN &&
		    (it->proof == PROOF_INTEGRITY || it->proof == PROOF_STRUCTURE || it->proof == PROOF_RESTORE))
			return false;
	}
	return !is_required(PROOF_RESTORE) || measures.files_restored;
}

static unsigned long judged, safe;

static bool judge(void)
{
	struct verdict v;
	verdict_decide(&fs, &policy, &measures, &v);
	bool good = v.code == oracle() && sound(&v);
	for (int p = 0; p < PROOF_COUNT; p++)
		good &= v.proofs[p] == findings_proof(&fs, p);
	judged++;
	safe += v.code == CODE_SAFE;
	if (!good) {
		fprintf(stderr, "require %#x, %s, not code %d:", policy.require, code_name(v.code), oracle());
		for (size_t i = 0; i < fs.count; i++)
			fprintf(stderr, " %s/%s/%d", proof_name(items[i].proof),
				outcome_name(items[i].outcome), items[i].blame);
		fprintf(stderr, "\n");
	}
	verdict_free(&v);
	return good;
}

/* Each proof, outcome and blame, beside a full set of held proofs and instead of its own, for each set
 * of required proofs and both meanings of unproven. */
static void one_finding(void)
{
	bool good = true;
	safe = 0;
	for (unsigned n = 0; n < 7 * 6 * 7 * 2 && good; n++) {
		unsigned p = n % 7, o = n / 7 % 6, b = n / 42 % 7;
		fresh();
		put_all_held();
		if (n / 294)
			items[p].outcome = OUTCOME_SKIPPED;
		if (o != OUTCOME_BROKEN && o != OUTCOME_UNPROVEN && b)
			continue;
		put(p, o, b);
		for (unsigned k = 0; k <= 2 * ALL + 1 && good; k++) {
			policy.require = k >> 1;
			policy.unproven_is_incomplete = k & 1;
			good = judge();
		}
	}
	CHECK(good);
	CHECK(safe > 1000);
}

static void two_findings(void)
{
	static const unsigned masks[] = {ALL, 0x01, 0x7e, 0x55, 0x2a, 0x40, 0x3f, 0x13};
	enum { KINDS = 7 * (7 + 5) };
	bool good = true;
	for (unsigned n = 0; n < KINDS * KINDS && good; n++) {
		fresh();
		put_all_held();
		for (unsigned half = 0; half < 2; half++) {
			unsigned k = half ? n / KINDS : n % KINDS, kind = k / 7;
			static const enum outcome others[] = {OUTCOME_UNPROVEN, OUTCOME_HELD, OUTCOME_UNREADABLE,
							      OUTCOME_UNSUPPORTED, OUTCOME_SKIPPED};
			if (kind < 7)
				put(k % 7, OUTCOME_BROKEN, kind);
			else
				put(k % 7, others[kind - 7], BLAME_DEFAULT);
		}
		policy.unproven_is_incomplete = n & 1;
		for (size_t m = 0; m < ARRAY_SIZE(masks) && good; m++) {
			policy.require = masks[m];
			good = judge();
		}
	}
	CHECK(good);
}

/* Many findings, some proofs without any, and runs that read or restored nothing. */
static void random_runs(void)
{
	struct rng r = {.state = 7};
	bool good = true;
	safe = 0;
	for (int i = 0; i < 60000 && good; i++) {
		fresh();
		unsigned holes = rng_below(&r, 4) ? 0 : (unsigned)rng_next(&r);
		for (unsigned p = 0; p < PROOF_COUNT; p++)
			if (!(holes >> p & 1))
				put(p, OUTCOME_HELD, BLAME_DEFAULT);
		for (uint64_t n = rng_below(&r, 6); n; n--)
			put(rng_below(&r, 7), rng_below(&r, 3) ? OUTCOME_SKIPPED : rng_below(&r, 6), rng_below(&r, 7));
		policy.require = rng_below(&r, 3) ? ALL : rng_next(&r) & ALL;
		policy.unproven_is_incomplete = rng_below(&r, 2);
		fs.lost = !rng_below(&r, 16);
		fs.sealed = rng_below(&r, 16);
		measures.bytes_read = rng_below(&r, 16);
		measures.files_restored = rng_below(&r, 16);
		good = judge();
	}
	CHECK(good);
	CHECK(safe > 1000);
}

static enum code decide(void)
{
	struct verdict v;
	verdict_decide(&fs, &policy, &measures, &v);
	enum code c = v.code;
	verdict_free(&v);
	return c;
}

/* Starting from safe, each thing alone that must end it. */
static void never_safe(void)
{
	fresh();
	CHECK_INT(decide(), CODE_CANNOT_TELL); /* zero findings */
	put_all_held();
	CHECK_INT(decide(), CODE_SAFE);
	fs.sealed = false;
	CHECK_INT(decide(), CODE_CANNOT_TELL);
	fs.sealed = true;
	fs.lost = true;
	CHECK_INT(decide(), CODE_CANNOT_TELL);
	policy.unproven_is_incomplete = true;
	CHECK_INT(decide(), CODE_CANNOT_TELL);
	policy.unproven_is_incomplete = false;
	fs.lost = false;
	measures.bytes_read = 0;
	CHECK_INT(decide(), CODE_CANNOT_TELL);
	measures.bytes_read = 1;
	measures.files_restored = 0;
	CHECK_INT(decide(), CODE_CANNOT_TELL);
	policy.require = ALL & ~(1u << PROOF_RESTORE);
	CHECK_INT(decide(), CODE_SAFE);
	policy.require = 0;
	CHECK_INT(decide(), CODE_CANNOT_TELL);
	policy.require = 1u << PROOF_COUNT; /* no such proof */
	CHECK_INT(decide(), CODE_CANNOT_TELL);
	policy.require = ALL;
	measures.files_restored = 1;
	for (int p = 0; p < PROOF_COUNT; p++) {
		items[p].outcome = OUTCOME_SKIPPED;
		CHECK_INT(decide(), CODE_CANNOT_TELL);
		items[p].outcome = OUTCOME_HELD;
	}
	CHECK_INT(decide(), CODE_SAFE);
	/* Values that no enumeration has. */
	put(PROOF_COUNT, OUTCOME_HELD, BLAME_DEFAULT);
	CHECK_INT(decide(), CODE_CANNOT_TELL);
	items[7].proof = PROOF_PRESENCE;
	items[7].outcome = 77;
	CHECK_INT(decide(), CODE_CANNOT_TELL);
	items[7].outcome = OUTCOME_BROKEN;
	items[7].blame = 77;
	CHECK_INT(decide(), CODE_INCOMPLETE);
}

static void no_backup_is_no_backup(void)
{
	fresh();
	measures = (struct measures){0};
	put(PROOF_PRESENCE, OUTCOME_BROKEN, BLAME_NO_BACKUP)->detail = (char *)"no restore point of web01";
	items[0].subject = (char *)"/srv/backup";
	policy.unproven_is_incomplete = true;
	struct verdict v;
	verdict_decide(&fs, &policy, &measures, &v);
	CHECK_INT(v.code, CODE_NO_BACKUP);
	CHECK_INT(v.reasons.count, 1); /* not what follows from it */
	CHECK_STR(v.reasons.items[0], "no-backup: /srv/backup: no restore point of web01");
	verdict_free(&v);
	CHECK_INT(v.code, CODE_CANNOT_TELL);
	policy.require = 1u << PROOF_FRESHNESS;
	CHECK_INT(decide(), CODE_NO_BACKUP);
}

/* The one reason of a single finding beside a full set. */
static char *only_reason(struct finding it)
{
	fresh();
	put_all_held();
	items[fs.count++] = it;
	struct verdict v;
	verdict_decide(&fs, &policy, &measures, &v);
	NEED(v.reasons.count == 1);
	char *line = take(v.reasons.items[0]);
	v.reasons.count = 0;
	verdict_free(&v);
	return line;
}

#define REASON(want, ...)                                                                          \
	do {                                                                                       \
		autofree char *line_ = only_reason((struct finding){__VA_ARGS__});                 \
		CHECK_STR(line_, want);                                                            \
	} while (0)

static void reasons_in_words(void)
{
	char *const img = (char *)"web01.img.zst";
	REASON("damaged: web01.img.zst: zstd frame checksum does not match (at offset 12345)",
	       .proof = PROOF_INTEGRITY, .outcome = OUTCOME_BROKEN, .error = ERROR_CORRUPT, .offset = 12345,
	       .check = "zstd.frame", .subject = img, .detail = (char *)"zstd frame checksum does not match");
	REASON("cannot-tell: unsupported: web01.img.zst: no reader for xfs here", .proof = PROOF_STRUCTURE,
	       .outcome = OUTCOME_UNSUPPORTED, .error = ERROR_UNSUPPORTED, .offset = -1, .check = "fs.open",
	       .subject = img, .detail = (char *)"no reader for xfs here");
	REASON("cannot-tell: unreadable: a.check, expected 1, measured 2", .outcome = OUTCOME_UNREADABLE,
	       .error = ERROR_IO, .offset = -1, .check = "a.check", .subject = (char *)"",
	       .expected = (char *)"1", .measured = (char *)"2");
	REASON("cannot-tell: unreadable: a.check", .outcome = OUTCOME_UNREADABLE, .offset = -1, .check = "a.check");
	REASON("cannot-tell: unsupported: a.check", .outcome = OUTCOME_UNSUPPORTED, .offset = -1, .check = "a.check");
	REASON("cannot-tell: unproven: a.check (at offset 0)", .outcome = OUTCOME_UNPROVEN, .offset = 0,
	       .check = "a.check", .detail = (char *)"");
	REASON("cannot-tell: unproven: a.check (at offset 5)", .outcome = OUTCOME_UNPROVEN, .offset = 5, .check = "a.check");
	REASON("cannot-tell: limit: no time at offset 9", .outcome = OUTCOME_UNPROVEN, .offset = 9,
	       .error = ERROR_LIMIT, .check = "a.check", .detail = (char *)"no time at offset 9");
	REASON("cannot-tell: encrypted: LUKS", .outcome = OUTCOME_UNSUPPORTED, .offset = -1,
	       .error = ERROR_ENCRYPTED, .check = "a.check", .detail = (char *)"LUKS");
	REASON("cannot-tell: ambiguous: two", .outcome = OUTCOME_BROKEN, .blame = BLAME_CANNOT_TELL,
	       .offset = -1, .error = ERROR_AMBIGUOUS, .check = "a.check", .detail = (char *)"two");
	REASON("cannot-tell: three", .outcome = OUTCOME_BROKEN, .blame = BLAME_CANNOT_TELL, .offset = -1,
	       .check = "a.check", .detail = (char *)"three");
	REASON("busy: still growing", .outcome = OUTCOME_BROKEN, .blame = BLAME_BUSY, .offset = -1,
	       .error = ERROR_BUSY, .check = "a.check", .detail = (char *)"still growing");
	REASON("cannot-tell: internal: late", .outcome = OUTCOME_UNPROVEN, .offset = -1,
	       .error = ERROR_INTERNAL, .check = "a.check", .detail = (char *)"late");
}

/* Stored bytes that are not what they were come before what follows from them, whenever they were found out. */
static void causes_come_first(void)
{
	struct verdict v;
	fresh();
	put(PROOF_RESTORE, OUTCOME_BROKEN, BLAME_DEFAULT)->detail = (char *)"changed";
	struct finding *digest = put(PROOF_INTEGRITY, OUTCOME_BROKEN, BLAME_DEFAULT);
	digest->expected = (char *)"1";
	digest->measured = (char *)"2";
	digest->detail = (char *)"not what was sealed";
	verdict_decide(&fs, &policy, &measures, &v);
	NEED(v.reasons.count >= 2);
	CHECK(strstr(v.reasons.items[0], "not what was sealed"));
	CHECK(strstr(v.reasons.items[1], "changed"));
	verdict_free(&v);
	/* Without what was measured it is no cause, but one of many. */
	digest->measured = NULL;
	verdict_decide(&fs, &policy, &measures, &v);
	NEED(v.reasons.count >= 2);
	CHECK(strstr(v.reasons.items[0], "changed"));
	verdict_free(&v);
}

static void reasons_are_few(void)
{
	char names[40][16];
	struct verdict v;
	fresh();
	put(PROOF_FRESHNESS, OUTCOME_BROKEN, BLAME_DEFAULT)->detail = (char *)"old";
	for (int i = 0; i < 40; i++) {
		snprintf(names[i], sizeof names[i], "/f%d", i / 2); /* each twice */
		put(PROOF_RESTORE, OUTCOME_BROKEN, BLAME_DEFAULT)->subject = names[i];
	}
	put(PROOF_RESTORE, OUTCOME_HELD, BLAME_DEFAULT);
	fs.dropped[PROOF_RESTORE] = 1000;
	verdict_decide(&fs, &policy, &measures, &v);
	CHECK_INT(v.code, CODE_DAMAGED);
	CHECK_INT(v.reasons.count, 21);
	CHECK_STR(v.reasons.items[0], "damaged: /f0: a.check");
	CHECK_STR(v.reasons.items[19], "damaged: /f19: a.check");
	CHECK_STR(v.reasons.items[20], "and 1002 more"); /* stale, the absent proofs, and those dropped */
	verdict_free(&v);
	fs.dropped[PROOF_RESTORE] = SIZE_MAX;
	verdict_decide(&fs, &policy, &measures, &v);
	CHECK_STR(v.reasons.items[20], "and 18446744073709551615 more");
	verdict_free(&v);

	/* What was dropped of those that held is no reason. */
	fresh();
	for (int i = 0; i < 40; i++)
		put(PROOF_RESTORE, OUTCOME_HELD, BLAME_DEFAULT);
	put(PROOF_RESTORE, OUTCOME_BROKEN, BLAME_DEFAULT);
	put(PROOF_RESTORE, OUTCOME_BROKEN, BLAME_DEFAULT)->check = "b.check";
	fs.dropped[PROOF_RESTORE] = 1000;
	verdict_decide(&fs, &policy, &measures, &v);
	CHECK_INT(v.reasons.count, 3);
	CHECK_STR(v.reasons.items[2],
		  "cannot-tell: unproven: nothing speaks for presence, freshness, integrity, structure, "
		  "identity, coverage");
	verdict_free(&v);
}

static void several_hosts(void)
{
	static const enum code rank[] = {70, 78, 12, 13, 10, 11, 20, 21, CODE_WAIVED, 0};
	for (size_t i = 0; i < ARRAY_SIZE(rank); i++)
		for (size_t j = 0; j < ARRAY_SIZE(rank); j++)
			CHECK_INT(codes_combine((enum code[]){rank[i], CODE_SAFE, rank[j]}, 3),
				  rank[i < j ? i : j]);
	CHECK_INT(codes_combine(NULL, 0), CODE_CANNOT_TELL);
	CHECK_INT(codes_combine((enum code[]){CODE_SAFE, 99}, 2), CODE_INTERNAL);
	CHECK_INT(codes_combine((enum code[]){CODE_USAGE}, 1), CODE_INTERNAL);
}

/* A verdict on a backup, and nothing else: not that there is none, nor what was never a verdict. */
static void what_can_be_waived(void)
{
	for (int c = -1; c < 300; c++)
		CHECK_INT(code_can_be_waived((enum code)c), (c >= 10 && c <= 13) || c == 20 || c == 21);
	for (int p = 0; p < PROOF_COUNT; p++) {
		struct verdict v;
		fresh();
		put(p, OUTCOME_BROKEN, BLAME_DEFAULT);
		verdict_decide(&fs, &policy, &measures, &v);
		CHECK(code_can_be_waived(v.code) && v.code != CODE_WAIVED && v.waived == CODE_SAFE);
		verdict_free(&v);
	}
}

static void exit_codes(void)
{
	static const struct {
		enum code code;
		const char *name;
		int nagios, systemd;
	} rows[] = {
		{0, "safe", 0, 0},	    {10, "no-backup", 2, 10},	{11, "stale", 2, 11},
		{12, "damaged", 2, 12},	    {13, "incomplete", 2, 13},	{20, "cannot-tell", 3, 255},
		{21, "busy", 3, 255},	    {64, "usage", 3, 255},	{70, "internal", 3, 255},
		{78, "config", 3, 255},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		enum code c = rows[i].code;
		CHECK_STR(code_name(c), rows[i].name);
		for (int near = 0; near < 2; near++) {
			CHECK_INT(exit_status(c, EXIT_PLAIN, near), c);
			CHECK_INT(exit_status(c, EXIT_NAGIOS, near), c == CODE_SAFE ? near : rows[i].nagios);
			CHECK_INT(exit_status(c, EXIT_SYSTEMD, near), rows[i].systemd);
			CHECK_INT(exit_status(c, EXIT_QUALYS, near), c == CODE_SAFE ? 0 : 12);
		}
	}
	CHECK_STR(code_name(CODE_WAIVED), "waived");
	CHECK_INT(exit_status(CODE_WAIVED, EXIT_PLAIN, true), 0);
	CHECK_INT(exit_status(CODE_WAIVED, EXIT_NAGIOS, false), 1);
	CHECK_INT(exit_status(CODE_WAIVED, EXIT_NAGIOS, true), 1);
	CHECK_INT(exit_status(CODE_WAIVED, EXIT_SYSTEMD, false), 0);
	CHECK_INT(exit_status(CODE_WAIVED, EXIT_QUALYS, false), 0);
	CHECK_STR(code_name(99), "internal");
	CHECK_INT(exit_status(1, EXIT_PLAIN, false), 70);
	CHECK_INT(exit_status(99, EXIT_NAGIOS, true), 3);
	CHECK_INT(exit_status(99, EXIT_SYSTEMD, false), 255);
	CHECK_INT(exit_status(CODE_DAMAGED, 77, false), 12);
}

static void near_max_age(void)
{
	struct host_result r = {.has_point = true, .taken_at = 1, .max_age = 100, .age = 80};
	CHECK(host_result_near_max_age(&r));
	r.age = 79;
	CHECK(!host_result_near_max_age(&r));
	r.age = 100;
	r.taken_at = 0;
	CHECK(!host_result_near_max_age(&r));
	r.taken_at = 1;
	r.max_age = 0;
	CHECK(!host_result_near_max_age(&r));
	r.max_age = 100;
	r.has_point = false;
	CHECK(!host_result_near_max_age(&r));
}

/* What is found to be in the way after a verdict: it comes first, and no waiver is what the code leans on. */
static void refused_afterwards(void)
{
	struct host_result r = {.verdict = {.code = CODE_SAFE}};
	struct waiver *w = calloc(1, sizeof *w), *first = calloc(1, sizeof *first);
	NEED(w && first && !strings_add(&r.verdict.reasons, "a note"));
	reason_refuse(&r, CODE_BUSY, "others are being patched");
	CHECK_INT(r.verdict.code, CODE_BUSY);
	CHECK_INT(r.verdict.reasons.count, 2);
	CHECK_STR(r.verdict.reasons.items[0], "busy: others are being patched");
	CHECK(!r.standing);
	/* Waived: it stands by, and does not count. */
	r.verdict.code = CODE_WAIVED;
	r.waiver = w;
	reason_refuse(&r, CODE_INTERNAL, "it could not be written down");
	CHECK_INT(r.verdict.code, CODE_INTERNAL);
	CHECK(r.standing == w && !r.waiver);
	/* One stands already. */
	r.waiver = first;
	reason_refuse(&r, CODE_CONFIG, "no group");
	CHECK(r.standing == w && r.waiver == first);
	CHECK_STR(r.verdict.reasons.items[0], "config: no group");
	CHECK_INT(r.verdict.reasons.count, 4);
	host_result_free(&r);
}

static void freed_is_not_safe(void)
{
	struct host_result r = {.host = strdup("a"), .policy = strdup("b"), .point_label = strdup("c")};
	NEED(!strings_add(&r.paths, "p") && !strings_add(&r.formats, "raw") && !findings_init(&r.findings));
	finding_add(&r.findings, PROOF_RESTORE, "x", "y", OUTCOME_HELD, NULL, "z");
	NEED(!strings_add(&r.verdict.reasons, "why"));
	__auto_type file = vec_push(&r.files);
	NEED(file && (file->path = strdup("a.img")));
	r.waiver = calloc(1, sizeof *r.waiver);
	r.standing = calloc(1, sizeof *r.standing);
	NEED(r.waiver && r.standing && (r.waiver->user = strdup("u")) && (r.standing->reason = strdup("r")) &&
	     (r.suspect = strdup("s")));
	r.older = calloc(1, sizeof *r.older);
	NEED(r.older && (r.older->older = calloc(1, sizeof *r.older)));
	r.older->host = strdup("d");
	host_result_free(&r);
	CHECK(!r.host && !r.older && !r.paths.count);
	CHECK_INT(r.verdict.code, CODE_CANNOT_TELL);
	host_result_free(&r);
	host_result_free(NULL);
}

int main(void)
{
	RUN(one_finding);
	RUN(two_findings);
	RUN(random_runs);
	RUN(never_safe);
	RUN(no_backup_is_no_backup);
	RUN(reasons_in_words);
	RUN(causes_come_first);
	RUN(reasons_are_few);
	RUN(several_hosts);
	RUN(what_can_be_waived);
	RUN(exit_codes);
	RUN(near_max_age);
	RUN(refused_afterwards);
	RUN(freed_is_not_safe);
	fprintf(stderr, "%lu verdicts judged\n", judged);
	return test_done();
}
