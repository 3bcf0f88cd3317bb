// SPDX-License-Identifier: GPL-3.0-or-later
/* What several report formats share: the choice of what to say, not how to write it. */
#ifndef REPORT_COMMON_H
#define REPORT_COMMON_H

#include "backproof/history.h"
#include "backproof/report.h"

/* One line a format; report.c lists them. */
extern const struct report_format report_text, report_json, report_jsonl, report_nagios,
	report_prometheus, report_junit, report_html;

#define REPORT_FORMAT_VERSION "1.3"

/* What a history has in lists: `{"format_version":...,"type":type,"file":path,"name":[`, and the last line of jsonl. */
void report_put_list_head(struct text *out, const char *type, const char *path, const char *name);
void report_put_list_end(struct text *out, const char *path, const char *name, size_t count);
/* A stored file, as it was recorded; the object is left open. */
void report_put_file(struct text *out, const struct history_file *f);

/* All codes in the order of gravity of codes_combine, the worst first, safe last. */
enum { REPORT_CODES = 11 };
extern const enum code report_codes[REPORT_CODES];
/* Index into report_codes; an unknown code counts as internal. */
size_t report_gravity(enum code c);

/* How many hosts have each code, by gravity. */
void report_count(const struct host_result *const *all, size_t count, size_t counts[REPORT_CODES]);
/* The hosts, the worst first, then by name. Owned by the caller. NULL: memory is out (out->failed is set). */
const struct host_result **report_sorted(struct text *out, const struct host_result *const *all,
					 size_t count);
/* true when any host is safe but within 20 % of its maximal age. */
bool report_near(const struct host_result *const *all, size_t count);

/* Each host that is here is safe or waived, and the whole is not: a run that was cut short. */
bool report_is_cut(const struct host_result *const *all, size_t count, enum code overall);

/* before, then "SUSPECT: why", and what that means; nothing where it is not. Not yet escaped. */
void report_put_suspect(struct text *out, const char *before, const struct host_result *r);
/* The waiver that is in force, whether the verdict needs it or not; NULL: none. */
const struct waiver *report_waiver(const struct host_result *r);
/* The code, of one that is waived the one that was found. */
enum code report_found(const struct host_result *r);

/* The name of the host, "" when memory ran out before there was one. Untrusted. */
const char *report_host(const struct host_result *r);
/* "full" or "sample" */
const char *report_depth(const struct host_result *r);
/* The finding that decides a proof: of the worst outcome, the first. NULL when there is none.
 * *others: how many more of that outcome were kept. */
const struct finding *report_evidence(const struct host_result *r, enum proof p, size_t *others);
/* What a check says of a proof as a whole ("freshness.summary"), or NULL: for proofs that are held. */
const struct finding *report_summary(const struct host_result *r, enum proof p);
/* What a sample of chunks tells, in a sentence; NULL: none was taken, or it found damage. */
const char *report_sample(const struct host_result *r);
/* Findings that were counted but not kept. */
size_t report_dropped(const struct host_result *r);
/* Bytes a second of the sampled restore, or 0 when too little was restored to say. */
uint64_t report_rate(const struct host_result *r);
uint64_t report_rate_of(uint64_t bytes, double seconds);
/* Seconds to restore all data at that rate, or -1. */
int64_t report_restore_estimate(const struct host_result *r);
/* The first reason without the code word before it. "" when there is none. Untrusted. */
const char *report_reason(const struct host_result *r);
/* The newest restore point that was not safe, when r is about an older one; else NULL. */
const struct host_result *report_newest(const struct host_result *r);
/* What to do now, in plain trusted words without line breaks; "" when nothing. */
void report_advice(struct text *out, const struct host_result *r);

/* The same where nothing but the history speaks against a backup; else NULL. */
const char *report_advice_past(const struct host_result *r);

/* When it was sealed, and by whom; nothing where it was not. Holds untrusted text. */
void report_put_seal(struct text *out, const struct seal_state *s);

/* JSON: the members of "measures", which is left open for more. */
void report_put_measures(struct text *out, const struct measures *m);
/* What was run, how it ended, how long it took; nothing where nothing was to be. Untrusted. */
void report_put_backup_now(struct text *out, const struct backup_now *b);
void report_put_patch(struct text *out, const struct patch_record *p);
void report_put_post(struct text *out, const struct patch_record *p);
/* JSON: the members "backup_now" and "patch", behind others. */
void report_put_ran_members(struct text *out, const struct host_result *r);
/* JSON, of what is stored: "waiver" and what it "covers"; both null where id is 0. */
void report_put_waiver_id(struct text *out, int64_t id, const char *covers);
/* JSON: a member that is a share, as a number from 0 to 1. */
void report_put_share(struct text *out, const char *key, uint32_t millionths);
/* The value of a Prometheus label, escaped, without the quotes. */
void report_put_label(struct text *out, const char *s);
/* A number of seconds with milliseconds: "3.200". Never a sign, NaN or comma. */
void report_put_seconds(struct text *out, double seconds);
/* For people: "3.2 s", "2m 10s". */
void report_put_duration(struct text *out, double seconds);

#endif
