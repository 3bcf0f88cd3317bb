// SPDX-License-Identifier: GPL-3.0-or-later
/* What is remembered, for people and for programs. All text of a record is untrusted, and is escaped here. */
#ifndef BACKPROOF_HISTORY_REPORT_H
#define BACKPROOF_HISTORY_REPORT_H

#include "backproof/history.h"
#include "backproof/report.h"

/* The newest backup of a host beside the median of the ones before. */
#define TREND_POINTS 11
struct history_trend {
	size_t count;
	struct trend_point {
		uint64_t point; /* hash of what tells restore points apart */
		uint64_t bytes, rate;
	} points[TREND_POINTS]; /* newest first */
};
/* Records of one host, newest first; a backup that was checked several times counts once. true: that was enough. */
bool history_trend_feed(struct history_trend *t, const struct history_record *r);
/* Of size, or of the rate of restoring. false: there is too little to compare. */
bool history_trend_size(const struct history_trend *t, uint64_t *now, uint64_t *median);
bool history_trend_rate(const struct history_trend *t, uint64_t *now, uint64_t *median);

/* Text. hosts: the last verdict of each host, with its trend; else verdicts of one host or of all. */
void history_text_head(struct text *out, const struct report_options *o, size_t host_width);
void history_text_row(struct text *out, const struct history_record *r, const struct history_trend *t,
		      const struct report_options *o, size_t host_width); /* 0: no column for the host */
void history_text_trend(struct text *out, const struct history_trend *t);
/* Columns that hosts take. */
size_t history_host_width(const char *host, const struct report_options *o);

/* One verdict as a JSON object; t NULL: without its trend. type: as of a line of jsonl, or NULL. */
void history_json_row(struct text *out, const struct history_record *r, const struct history_trend *t,
		      const char *type);
/* "trend": an object, or null. */
void history_json_trend(struct text *out, const struct history_trend *t);
void history_json_head(struct text *out, const char *path);
void history_jsonl_end(struct text *out, const char *path, size_t verdicts);

/* Metrics of stored verdicts, in the text format of Prometheus: those that an audit has too mean the same there. */
struct history_metrics {
	VEC(struct host_metrics) hosts;
};
struct host_metrics {
	char *label; /* escaped. Owned */
	enum code code;
	bool waived; /* by a waiver that is in force now */
	int64_t waived_until;
	bool suspect;
	bool patching; /* a patch was begun, and has not ended */
	int64_t checked_at, taken_at, full_at, patched_at; /* full_at: newest full check that was safe. 0: not known */
	uint64_t bytes, bytes_read, files_restored, rate;
	uint32_t confidence;
	bool has_point;
	double duration;
	uint8_t proofs[PROOF_COUNT];
};
/* The last verdict of a host. NULL: no memory. Valid until the next is added. */
struct host_metrics *history_metrics_add(struct history_metrics *m, const struct history_record *r);
/* Of hosts whose names are written alike the worst one stands for all: two would hide every metric. */
void history_metrics_put(struct text *out, struct history_metrics *m);
void history_metrics_free(struct history_metrics *m);

#endif
