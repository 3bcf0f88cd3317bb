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

#endif
