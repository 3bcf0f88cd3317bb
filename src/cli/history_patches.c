// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof history --patches [HOST] */
#include "backproof/history_report.h"
#include "backproof/rollback.h"
#include "commands.h"
#include "history_file.h"

/* Where nobody asked for more. */
#define USUAL_LINES 20

struct patches {
	const struct options *o;
	struct report_options settings;
	const char *host;
	bool json, jsonl;
	size_t host_width, most, shown, more;
	struct text out;
};

static int measure(void *ctx, const struct patch_record *r, struct error *e)
{
	struct patches *p = ctx;
	(void)e;
	size_t width = history_host_width(r->host, &p->settings);
	if (p->shown++ == p->most && p->most)
		return 1;
	if (width > p->host_width)
		p->host_width = width;
	return 0;
}

static int show(void *ctx, const struct patch_record *r, struct error *e)
{
	struct patches *p = ctx;
	if (p->most && p->shown == p->most) {
		p->more++;
		return 0;
	}
	if (p->json) {
		text_put(&p->out, p->shown ? ",\n" : "\n");
		patch_json_row(&p->out, r, NULL);
	} else if (p->jsonl) {
		patch_json_row(&p->out, r, "patch");
		text_put(&p->out, "\n");
	} else {
		if (!p->shown)
			patch_text_head(&p->out, p->host_width);
		patch_text_row(&p->out, r, &p->settings, p->host_width);
	}
	p->shown++;
	return p->out.failed ? error_nomem(e) : 0;
}

static int list(struct patches *p, struct history *h, const char *path, struct error *e)
{
	p->most = p->o->limit ? p->o->limit : p->json || p->jsonl ? 0 : USUAL_LINES;
	if (p->json)
		patch_json_head(&p->out, path);
	else if (!p->jsonl && !p->host && history_patches(h, NULL, p->o->limit, measure, p, e) < 0)
		return -1;
	p->shown = 0;
	if (history_patches(h, p->host, p->o->limit, show, p, e) < 0)
		return -1;
	if (p->json)
		text_put(&p->out, "]}\n");
	else if (p->jsonl)
		patch_jsonl_end(&p->out, path, p->shown);
	else if (!p->shown)
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s: no patch%s%.100s is remembered%s", path,
				 p->host ? " of " : "", p->host ? p->host : "", p->host ? "" : " yet");
	if (p->more)
		text_printf(&p->out, "and %zu before: see --limit\n", p->more);
	return p->out.failed ? error_nomem(e) : 0;
}

int history_list_patches(struct options *o, const char *path)
{
	struct error e = {0};
	const char *format = o->format ? o->format->name : "text";
	struct patches p = {.o = o,
			    .settings = report_settings(o, false),
			    .host = o->arguments.count ? o->arguments.items[0] : NULL,
			    .json = !strcmp(format, "json"),
			    .jsonl = !strcmp(format, "jsonl")};
	struct history *h = history_open(path, HISTORY_READ, &e);
	int status = 0;
	if (!h || list(&p, h, path, &e) < 0)
		status = complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	history_destroy(h);
	if (!status && history_write_out(o, path, &p.out, &e) < 0)
		status = complain(CODE_INTERNAL, e.text);
	text_free(&p.out);
	return status;
}
