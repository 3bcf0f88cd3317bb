// SPDX-License-Identifier: GPL-3.0-or-later
/* The history for programs. The order of members is part of the contract. */
#include "backproof/history_report.h"

#include "common.h"

static void put_point(struct text *out, const struct history_record *r)
{
	if (!r->label) {
		text_put(out, ",\"restore_point\":null");
		return;
	}
	text_put(out, ",\"restore_point\":{\"label\":");
	text_put_json(out, r->label);
	text_put_member_time(out, "taken_at", r->taken_at);
	if (r->taken_at)
		text_printf(out, ",\"age_seconds\":%lld", (long long)seconds_since(r->taken_at, r->checked_at));
	else
		text_put(out, ",\"age_seconds\":null");
	text_put_member_u64(out, "bytes", r->bytes);
	text_put(out, ",\"files\":[");
	for (size_t i = 0; i < r->files.count; i++) {
		const struct history_file *f = &r->files.items[i];
		text_put(out, i ? "," : "");
		report_put_file(out, f);
		text_printf(out, ",\"read_whole\":%s}", f->read_whole ? "true" : "false");
	}
	text_put(out, "]}");
}

static void put_measures(struct text *out, const struct history_record *r)
{
	const struct measures m = {
		.bytes_read = r->bytes_read,
		.bytes_decoded = r->bytes_decoded,
		.files_sampled = r->files_sampled,
		.files_restored = r->files_restored,
		.files_witnessed = r->files_witnessed,
		.bytes_restored = r->bytes_restored,
		.restore_seconds = r->restore_seconds,
		.duration_seconds = r->duration_seconds,
		.image_data = r->image_data,
	};
	report_put_measures(out, &m);
	text_put_member_u64(out, "entries", r->entries);
	if (r->opaque_known)
		report_put_share(out, "opaque_share", r->opaque);
	else
		text_put(out, ",\"opaque_share\":null");
	text_put(out, "}");
}

static void put_side(struct text *out, const char *key, bool has, uint64_t now, uint64_t median)
{
	text_printf(out, "\"%s\":", key);
	if (!has) {
		text_put(out, "null");
		return;
	}
	text_printf(out, "{\"now\":%llu,\"median\":%llu}", (unsigned long long)now, (unsigned long long)median);
}

void history_json_trend(struct text *out, const struct history_trend *t)
{
	uint64_t now, median = 0;
	bool has = history_trend_size(t, &now, &median);
	text_put(out, "\"trend\":{");
	put_side(out, "bytes", has, now, median);
	text_put(out, ",");
	has = history_trend_rate(t, &now, &median);
	put_side(out, "restore_bytes_per_second", has, now, median);
	text_put(out, "}");
}

void history_json_row(struct text *out, const struct history_record *r, const struct history_trend *t,
		      const char *type)
{
	const char *found = code_name((enum code)r->code), *code = r->waiver ? code_name(CODE_WAIVED) : found;
	text_put(out, "{");
	if (type)
		text_printf(out, "\"type\":\"%s\",\"format_version\":\"" REPORT_FORMAT_VERSION "\",", type);
	text_printf(out, "\"id\":%lld", (long long)r->id);
	text_put_member(out, "host", r->host);
	text_printf(out, ",\"verdict\":\"%s\",\"code\":\"%s\",\"exit\":%d,\"reasons\":[", code, code,
		    r->waiver ? 0 : r->code);
	for (size_t i = 0; i < r->reasons.count; i++) {
		text_put(out, i ? "," : "");
		text_put_json(out, r->reasons.items[i]);
	}
	text_put(out, "]");
	text_put_member_time(out, "checked_at", r->checked_at);
	report_put_waiver_id(out, r->waiver, found);
	text_put_member(out, "policy", r->policy);
	text_put_member(out, "depth", depth_name((enum depth)r->depth));
	text_put_member_u64(out, "seed", r->seed);
	put_point(out, r);
	text_put(out, ",\"proofs\":{");
	for (int p = 0; p < PROOF_COUNT; p++)
		text_printf(out, "%s\"%s\":\"%s\"", p ? "," : "", proof_name((enum proof)p),
			    outcome_name((enum outcome)r->proofs[p]));
	text_put(out, "}");
	text_put_member(out, "hostname", r->hostname);
	text_put_member(out, "machine_id", r->machine_id);
	text_put_member(out, "system", r->system);
	if (r->confidence) {
		text_printf(out, ",\"sample\":{\"confidence\":%u.%06u", r->confidence / 1000000,
			    r->confidence % 1000000);
		report_put_share(out, "damage", r->damage);
		text_put(out, "}");
	} else {
		text_put(out, ",\"sample\":null");
	}
	put_measures(out, r);
	if (t) {
		text_put(out, ",");
		history_json_trend(out, t);
	}
	text_put(out, "}");
}

void history_json_head(struct text *out, const char *path)
{
	report_put_list_head(out, "history", path, "verdicts");
}

void history_jsonl_end(struct text *out, const char *path, size_t verdicts)
{
	report_put_list_end(out, path, "verdicts", verdicts);
}
