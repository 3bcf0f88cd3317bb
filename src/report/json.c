// SPDX-License-Identifier: GPL-3.0-or-later
/* JSON, one document or one line a host. The order of keys is part of the contract; every string
 * goes through text_put_json. */
#include "common.h"

static void put_key(struct text *out, const char *key)
{
	text_printf(out, ",\"%s\":", key);
}

static void put_point(struct text *out, const struct host_result *r)
{
	put_key(out, "restore_point");
	if (!r->has_point) {
		text_put(out, "null");
		return;
	}
	text_put(out, "{\"paths\":");
	text_put_json_list(out, &r->paths);
	if (r->taken_at) {
		text_put_member_time(out, "taken_at", r->taken_at);
		text_printf(out, ",\"age_seconds\":%lld", (long long)r->age);
	} else {
		text_put(out, ",\"taken_at\":null,\"age_seconds\":null");
	}
	text_put_member_u64(out, "bytes", r->bytes);
	put_key(out, "format");
	text_put_json_list(out, &r->formats);
	text_put(out, "}");
}

static void put_seal(struct text *out, const struct seal_state *s)
{
	put_key(out, "seal");
	if (!s->path) {
		text_put(out, "null");
		return;
	}
	text_put(out, "{\"path\":");
	text_put_json(out, s->path);
	text_printf(out, ",\"signed\":%s,\"trusted\":%s", s->is_signed ? "true" : "false",
		    s->trusted ? "true" : "false");
	text_put_member(out, "key_id", *s->key_id ? s->key_id : NULL);
	text_put_member_time(out, "sealed_at", s->sealed_at);
	text_put(out, "}");
}

static void put_finding(struct text *out, const struct finding *it)
{
	text_printf(out, "{\"proof\":\"%s\",\"check\":", proof_name(it->proof));
	text_put_json(out, it->check);
	text_put_member(out, "subject", it->subject);
	text_printf(out, ",\"outcome\":\"%s\"", outcome_name(it->outcome));
	text_put_member(out, "expected", it->expected);
	text_put_member(out, "measured", it->measured);
	put_key(out, "offset");
	if (it->offset >= 0)
		text_printf(out, "%lld", (long long)it->offset);
	else
		text_put(out, "null");
	text_put_member(out, "detail", it->detail);
	if (it->error != ERROR_NONE)
		text_printf(out, ",\"error\":\"%s\"", error_class_name(it->error));
	text_put(out, "}");
}

static void put_measures(struct text *out, const struct host_result *r)
{
	report_put_measures(out, &r->measures);
	text_put_member_u64(out, "findings_not_listed", report_dropped(r));
	text_put(out, "}");
}

static void put_sample(struct text *out, const struct chunk_sample *c)
{
	put_key(out, "sample");
	if (!c->total) {
		text_put(out, "null");
		return;
	}
	text_printf(out, "{\"chunks_total\":%llu", (unsigned long long)c->total);
	text_put_member_u64(out, "chunks_drawn", c->drawn);
	text_put_member_u64(out, "chunks_known", c->known);
	text_put_member_u64(out, "chunks_needed", c->needed);
	text_put_member_u64(out, "chunks_bad", c->bad);
	text_put_member_u64(out, "bytes_read", c->bytes_read);
	text_put_member_u64(out, "bytes_total", c->bytes_total);
	report_put_share(out, "confidence", c->confidence);
	report_put_share(out, "damage", c->damage);
	report_put_share(out, "wanted", c->wanted);
	text_put_member(out, "from", c->from);
	text_printf(out, ",\"stopped\":%s}", c->stopped ? "true" : "false");
}

static void put_waiver(struct text *out, const struct host_result *r)
{
	const struct waiver *w = report_waiver(r);
	put_key(out, "waiver");
	if (!w) {
		text_put(out, "null");
		return;
	}
	text_put(out, "{");
	report_put_waiver_members(out, w, r->verdict.code == CODE_WAIVED ? code_name(r->verdict.waived) : NULL);
	text_put(out, "}");
}

static void put_host(struct text *out, const struct host_result *r, const char *type)
{
	text_put(out, "{");
	if (type)
		text_printf(out, "\"type\":\"%s\",", type);
	text_put(out, "\"format_version\":\"" REPORT_FORMAT_VERSION "\",\"host\":");
	text_put_json(out, r->host);
	const char *code = code_name(r->verdict.code);
	text_printf(out, ",\"verdict\":\"%s\",\"code\":\"%s\",\"exit\":%d", code, code,
		    exit_status(r->verdict.code, EXIT_PLAIN, false));
	put_key(out, "reasons");
	text_put_json_list(out, &r->verdict.reasons);
	text_put_member_time(out, "checked_at", r->checked_at);
	text_put_member(out, "policy", r->policy);
	text_printf(out, ",\"depth\":\"%s\"", report_depth(r));
	text_put_member_u64(out, "seed", r->seed);
	put_point(out, r);
	text_put(out, ",\"proofs\":{");
	for (int p = 0; p < PROOF_COUNT; p++)
		text_printf(out, "%s\"%s\":\"%s\"", p ? "," : "", proof_name(p),
			    outcome_name(r->verdict.proofs[p]));
	text_put(out, "},\"findings\":[");
	for (size_t i = 0; i < r->findings.count; i++) {
		text_put(out, i ? "," : "");
		put_finding(out, &r->findings.items[i]);
	}
	text_put(out, "]");
	put_measures(out, r);
	put_sample(out, &r->sample);
	put_seal(out, &r->seal);
	put_key(out, "confinement");
	confinement_json(&r->confinement, out);
	put_key(out, "notes");
	text_put_json_list(out, &r->notes);
	put_waiver(out, r);
	text_put_member(out, "suspect", r->suspect);
	report_put_ran_members(out, r);
	if (r->older) {
		put_key(out, "newer_restore_point");
		put_host(out, r->older, NULL);
	}
	text_put(out, "}");
}

static void put_counts(struct text *out, const struct host_result *const *all, size_t count)
{
	size_t counts[REPORT_CODES];
	report_count(all, count, counts);
	for (size_t i = REPORT_CODES; i-- > 0;)
		text_put_member_u64(out, code_name(report_codes[i]), counts[i]);
}

static void json_end(struct text *out, const struct host_result *const *all, size_t count,
		     enum code overall, int exit, const struct report_options *o)
{
	if (!o->audit && count == 1) {
		put_host(out, all[0], NULL);
		text_put(out, "\n");
		return;
	}
	text_put(out, "{\"format_version\":\"" REPORT_FORMAT_VERSION "\",\"type\":\"audit\"");
	text_put_member_time(out, "checked_at", o->now);
	text_printf(out, ",\"exit\":%d,\"code\":\"%s\",\"hosts\":[", exit, code_name(overall));
	for (size_t i = 0; i < count; i++) {
		text_put(out, i ? ",\n" : "\n");
		put_host(out, all[i], NULL);
	}
	text_printf(out, "],\n\"summary\":{\"hosts\":%zu", count);
	put_counts(out, all, count);
	text_put(out, "}}\n");
}

static void jsonl_host(struct text *out, const struct host_result *r, const struct report_options *o,
		       size_t index)
{
	(void)o;
	(void)index;
	put_host(out, r, "host");
	text_put(out, "\n");
}

static void jsonl_end(struct text *out, const struct host_result *const *all, size_t count,
		      enum code overall, int exit, const struct report_options *o)
{
	text_put(out, "{\"type\":\"summary\",\"format_version\":\"" REPORT_FORMAT_VERSION "\"");
	text_put_member_time(out, "checked_at", o->now);
	text_printf(out, ",\"hosts\":%zu,\"exit\":%d,\"code\":\"%s\",\"counts\":{\"hosts\":%zu", count, exit,
		    code_name(overall), count);
	put_counts(out, all, count);
	text_put(out, "}}\n");
}

const struct report_format report_json = {.name = "json", .end = json_end};
const struct report_format report_jsonl = {.name = "jsonl", .host = jsonl_host, .end = jsonl_end};
