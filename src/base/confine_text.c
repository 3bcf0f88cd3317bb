// SPDX-License-Identifier: GPL-3.0-or-later
#include "confine.h"

static void put_limits(const struct confinement *c, struct text *out)
{
	char size[32];
	size_t before = out->length;
	text_put(out, "limits:");
	if (c->memory)
		text_printf(out, " memory %s,", format_size(c->memory, size));
	if (c->file_size)
		text_printf(out, " files of at most %s,", format_size(c->file_size, size));
	if (c->files)
		text_printf(out, " %u descriptors,", c->files);
	if (c->cpu_seconds)
		text_printf(out, " %lld s of processor time,", (long long)c->cpu_seconds);
	if (out->length == before + strlen("limits:"))
		text_put(out, " none");
	else if (!out->failed)
		out->data[--out->length] = '\0';
	text_put(out, "\n");
}

void confinement_text(const struct confinement *c, struct text *out)
{
	if (!c->reader) {
		text_put(out, "not confined: contents are read by this process itself\n");
		return;
	}
	text_put(out, "process: one of its own for each restore point");
	text_put(out, c->no_new_privs ? ", no new privileges\n" : "\n");
	text_put(out, "user: ");
	text_put_safe(out, *c->account.name ? c->account.name : "the one who started it");
	text_put(out, ", no capabilities\n");
	if (c->landlock)
		text_printf(out, "Landlock: ABI %d, scratch only%s%s\n", c->landlock,
			    c->landlock_network ? ", no TCP" : "",
			    c->landlock_scope ? ", no signals or abstract sockets outside" : "");
	else
		text_put(out, "Landlock: not in this kernel, or switched off\n");
	text_put(out, c->seccomp ? "seccomp: only the calls it needs\n" : "seccomp: not in this kernel\n");
	put_limits(c, out);
}

static void put_flag(struct text *out, const char *key, bool value)
{
	text_printf(out, ",\"%s\":%s", key, value ? "true" : "false");
}

void confinement_json(const struct confinement *c, struct text *out)
{
	text_printf(out, "{\"reader\":%s", c->reader ? "true" : "false");
	put_flag(out, "no_new_privs", c->no_new_privs);
	put_flag(out, "seccomp", c->seccomp);
	text_printf(out, ",\"landlock\":%d", c->landlock);
	put_flag(out, "landlock_network", c->landlock_network);
	put_flag(out, "landlock_scope", c->landlock_scope);
	text_put_member(out, "account", *c->account.name ? c->account.name : NULL);
	text_put_member_u64(out, "memory", c->memory);
	text_put_member_u64(out, "file_size", c->file_size);
	text_put_member_u64(out, "files", c->files);
	text_put_member_u64(out, "cpu_seconds", (uint64_t)c->cpu_seconds);
	text_put(out, "}");
}
