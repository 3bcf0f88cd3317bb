// SPDX-License-Identifier: GPL-3.0-or-later
/* Metrics of a run and of what a history knows: where they have the same name, they mean the same. */
#ifndef REPORT_METRICS_H
#define REPORT_METRICS_H

#include "backproof/text.h"

/* Name and help. Names have their unit, and none is ever given another meaning. */
#define METRIC_SAFE \
	"backproof_host_safe", "1 when the host's backup was proved and the host may be patched."
#define METRIC_WAIVED \
	"backproof_host_waived", "1 when the host is not safe and may be patched all the same: a person says so."
#define METRIC_WAIVER_END \
	"backproof_waiver_end_timestamp_seconds", "When the waiver that is in force ends, in Unix time."
#define METRIC_SUSPECT \
	"backproof_backup_suspect", "1 when the restore point must not be trusted for a clean restore."
#define METRIC_CODE \
	"backproof_host_code", "Verdict: 0 safe, 10 no backup, 11 stale, 12 damaged, 13 incomplete, 20 cannot " \
	"tell, 21 busy."
#define METRIC_PROOF \
	"backproof_proof_held", "1 when the proof was held."
#define METRIC_AGE \
	"backproof_backup_age_seconds", "Age of the restore point when it was checked."
#define METRIC_SIZE \
	"backproof_backup_size_bytes", "Stored size of the restore point."
#define METRIC_DURATION \
	"backproof_check_duration_seconds", "Time that the check took."
#define METRIC_READ \
	"backproof_check_read_bytes", "Stored bytes that the check read."
#define METRIC_CONFIDENCE \
	"backproof_sample_confidence_ratio", "How sure it is that the sample of chunks would have shown damage of " \
	"the size that policy names."
#define METRIC_FILES \
	"backproof_files_restored", "Files that the check restored."
#define METRIC_RATE \
	"backproof_restore_bytes_per_second", "Rate of the sampled restore."
#define METRIC_CHECKED \
	"backproof_last_check_timestamp_seconds", "When the check was made, in Unix time."

/* One metric with all its samples. */
void report_put_metric(struct text *out, const char *name, const char *help, const char *samples);

#endif
