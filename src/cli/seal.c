// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof seal PATH... */
#include <sys/stat.h>

#include "backproof/digest.h"
#include "commands.h"
#include "output.h"
#include "progress.h"

/* Of more than that the digests are only in the seal. */
#define FILES_SHOWN 4

static void put_text(struct text *t, const struct seal_result *r)
{
	const struct seal *s = &r->seal;
	char size[32], took[32], hex[65];
	if (r->code == CODE_SAFE) {
		text_put(t, "sealed ");
		text_put_safe(t, s->path);
		text_printf(t, "  %zu %s, %s, in %s\n", s->files.count, s->files.count == 1 ? "file" : "files",
			    format_size(r->bytes, size), format_duration((int64_t)(r->seconds + 0.5), took));
		vec_each(&s->files, x)
		{
			text_put(t, "  ");
			text_put_safe(t, x->name);
			if (s->files.count > FILES_SHOWN) {
				text_printf(t, "  %s\n", format_size(x->size, size));
				continue;
			}
			text_printf(t, "\n    sha256   %s\n", hex_encode(x->sha256, 32, hex));
			text_printf(t, "    fsverity sha256:%s\n", hex_encode(x->fsverity, 32, hex));
		}
		if (r->measured)
			text_printf(t, "  measured by the kernel, and the same: %zu of %zu\n", r->measured,
				    s->files.count);
		if (s->against) {
			text_printf(t, "  %s compared with ", format_size(s->compared, size));
			text_put_safe(t, s->against);
			text_put(t, ": the same\n");
		}
		if (s->hostname) {
			text_put(t, "  host ");
			text_put_safe(t, s->hostname);
			if (s->volumes.count)
				text_printf(t, ", %zu %s", s->volumes.count,
					    s->volumes.count == 1 ? "volume" : "volumes");
			text_printf(t, ", %zu files inside noted\n", s->entries.count);
		}
		if (s->is_signed)
			text_printf(t, "  signed by %s\n", s->key_id);
	} else {
		text_printf(t, "not sealed: %s\n", code_name(r->code));
		for (size_t i = 0; i < r->reasons.count; i++) {
			text_put(t, "  ");
			text_put_safe(t, r->reasons.items[i]);
			text_put(t, "\n");
		}
	}
	for (size_t i = 0; i < r->notes.count; i++) {
		text_put(t, "  note: ");
		text_put_safe(t, r->notes.items[i]);
		text_put(t, "\n");
	}
}

static void json_member(struct text *t, const char *key, const char *value)
{
	text_printf(t, ",\"%s\":", key);
	if (value)
		text_put_json(t, value);
	else
		text_put(t, "null");
}

static void json_list(struct text *t, const char *key, const struct strings *list)
{
	text_printf(t, ",\"%s\":[", key);
	for (size_t i = 0; i < list->count; i++) {
		text_put(t, i ? "," : "");
		text_put_json(t, list->items[i]);
	}
	text_put(t, "]");
}

static void put_json(struct text *t, const struct seal_result *r)
{
	const struct seal *s = &r->seal;
	bool sealed = r->code == CODE_SAFE;
	char hex[65];
	text_printf(t, "{\"format_version\":\"1.1\",\"type\":\"seal\",\"sealed\":%s,\"code\":\"%s\",\"exit\":%d",
		    sealed ? "true" : "false", sealed ? "sealed" : code_name(r->code), (int)r->code);
	json_list(t, "reasons", &r->reasons);
	json_list(t, "notes", &r->notes);
	json_list(t, "paths", &r->files);
	json_member(t, "seal", sealed ? s->path : NULL);
	json_member(t, "tree", sealed ? s->tree_name : NULL);
	json_member(t, "host", s->host);
	json_member(t, "hostname", s->hostname);
	json_member(t, "machine_id", s->machine_id);
	text_printf(t, ",\"signed\":%s", sealed && s->is_signed ? "true" : "false");
	json_member(t, "key_id", sealed && s->is_signed ? s->key_id : NULL);
	text_put(t, ",\"files\":[");
	vec_each(&s->files, x)
	{
		text_put(t, x == s->files.items ? "{\"name\":" : ",{\"name\":");
		text_put_json(t, x->name);
		text_printf(t, ",\"size\":%llu,\"sha256\":\"%s\"", (unsigned long long)x->size,
			    hex_encode(x->sha256, 32, hex));
		text_printf(t, ",\"fsverity\":\"%s\"}", hex_encode(x->fsverity, 32, hex));
	}
	text_put(t, "]");
	json_member(t, "against", s->against);
	text_printf(t, ",\"compared\":%llu,\"measured_by_kernel\":%zu,\"volumes\":%zu,\"entries\":%zu,"
		       "\"bytes\":%llu,\"duration_seconds\":%.3f}\n",
		    (unsigned long long)s->compared, r->measured, s->volumes.count, s->entries.count,
		    (unsigned long long)r->bytes, r->seconds);
}

static int show(const struct options *o, const struct seal_result *r)
{
	autotext struct text t = {0};
	bool json = o->format && !strcmp(o->format->name, "json");
	if (o->quiet && !json && r->code == CODE_SAFE)
		return 0;
	if (json)
		put_json(&t, r);
	else
		put_text(&t, r);
	return output_show(&t);
}

static int usage_fault(const struct options *o)
{
	size_t n = o->output ? strlen(o->output) : 0, suffix = strlen(SEAL_SUFFIX);
	struct stat st;
	if (!o->arguments.count)
		return complain(CODE_USAGE, "seal needs a PATH: backproof seal PATH...");
	if (o->keys.count > 1)
		return complain(CODE_USAGE, "a seal has one signature: one --key");
	if (o->format && strcmp(o->format->name, "json") && strcmp(o->format->name, "text"))
		return complain(CODE_USAGE, "seal writes text or json");
	if (n && (n <= suffix || strcmp(o->output + n - suffix, SEAL_SUFFIX) || o->output[n - suffix - 1] == '/'))
		return complain(CODE_USAGE, "--output: the name of a seal ends in " SEAL_SUFFIX);
	if (n && stat(o->output, &st) == 0 && !S_ISREG(st.st_mode))
		return complain(CODE_USAGE, "--output: that is no regular file");
	return 0;
}

int command_seal(struct options *o)
{
	struct error e = {0};
	struct budget budget;
	struct seal_result result;
	autodestroy(signer_destroy_auto) struct signer *key = NULL;
	int status = usage_fault(o);
	if (status)
		return status;
	if (o->keys.count && !(key = signer_load(o->keys.items[0], &e)))
		return complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	budget_init(&budget);
	struct seal_request r = {.paths = &o->arguments,
				 .host = o->host,
				 .against = o->against,
				 .key = key,
				 .output = o->output,
				 .overrides = &o->overrides,
				 .budget = &budget};
	struct progress *progress = progress_start(o, &budget, o->arguments.items[0]);
	gate_seal(&r, &result);
	progress_stop(progress);
	status = exit_status(result.code, EXIT_PLAIN, false);
	int shown = show(o, &result);
	seal_result_free(&result);
	return shown ? shown : status;
}
