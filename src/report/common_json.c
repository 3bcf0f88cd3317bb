// SPDX-License-Identifier: GPL-3.0-or-later
/* What the report of a check and the history have alike in JSON. */
#include "backproof/digest.h"
#include "common.h"

void report_put_list_head(struct text *out, const char *type, const char *path, const char *name)
{
	text_printf(out, "{\"format_version\":\"" REPORT_FORMAT_VERSION "\",\"type\":\"%s\",\"file\":", type);
	text_put_json(out, path);
	text_printf(out, ",\"%s\":[", name);
}

void report_put_list_end(struct text *out, const char *path, const char *name, size_t count)
{
	text_put(out, "{\"type\":\"summary\",\"format_version\":\"" REPORT_FORMAT_VERSION "\",\"file\":");
	text_put_json(out, path);
	text_printf(out, ",\"%s\":%zu}\n", name, count);
}

static void put_digest(struct text *out, const char *key, bool has, const uint8_t digest[32])
{
	char hex[65];
	text_put_member(out, key, has ? hex_encode(digest, 32, hex) : NULL);
}

void report_put_file(struct text *out, const struct history_file *f)
{
	text_put(out, "{\"path\":");
	text_put_json(out, f->path);
	text_put_member_u64(out, "size", f->size);
	text_put_member_time(out, "modified_at", f->mtime_ns / 1000000000);
	put_digest(out, "sha256", f->has_sha256, f->sha256);
	put_digest(out, "fsverity", f->has_fsverity, f->fsverity);
}

void report_put_measures(struct text *out, const struct measures *m)
{
	uint64_t rate = report_rate_of(m->bytes_restored, m->restore_seconds);
	text_printf(out, ",\"measures\":{\"bytes_read\":%llu", (unsigned long long)m->bytes_read);
	text_put_member_u64(out, "bytes_decoded", m->bytes_decoded);
	text_put_member_u64(out, "files_sampled", m->files_sampled);
	text_put_member_u64(out, "files_restored", m->files_restored);
	text_put_member_u64(out, "files_witnessed", m->files_witnessed);
	if (rate)
		text_put_member_u64(out, "restore_bytes_per_second", rate);
	else
		text_put(out, ",\"restore_bytes_per_second\":null");
	text_put(out, ",\"duration_seconds\":");
	report_put_seconds(out, m->duration_seconds);
	text_put_member_u64(out, "bytes_restored", m->bytes_restored);
	text_put(out, ",\"restore_seconds\":");
	report_put_seconds(out, m->restore_seconds);
	text_put_member_u64(out, "image_data_bytes", m->image_data);
}

void report_put_waiver_id(struct text *out, int64_t id, const char *covers)
{
	if (id)
		text_printf(out, ",\"waiver\":%lld", (long long)id);
	else
		text_put(out, ",\"waiver\":null");
	text_put_member(out, "covers", id ? covers : NULL);
}

void report_put_share(struct text *out, const char *key, uint32_t millionths)
{
	int digits = 6;
	uint32_t part = millionths % 1000000;
	for (; digits > 1 && part % 10 == 0; part /= 10)
		digits--;
	text_printf(out, ",\"%s\":%u.%0*u", key, (unsigned)(millionths / 1000000), digits, (unsigned)part);
}
