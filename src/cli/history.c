// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof history [HOST] */
#include "backproof/history_report.h"
#include "commands.h"
#include "history_file.h"
#include "history_metrics.h"

/* Of one host, where nobody asked for more. */
#define USUAL_LINES 20
/* Records that are looked at for a trend. */
#define TREND_RECORDS 500

struct listing {
	const struct options *o;
	struct history *history;
	struct report_options settings;
	const char *path, *host;
	bool json, jsonl, metrics, hosts; /* hosts: the last verdict of each */
	size_t host_width, most, shown, more;
	struct text out;
	struct history_trend trend;
	size_t codes[256]; /* of the last verdicts, by code */
};

static int feed(void *ctx, const struct history_record *r, struct error *e)
{
	(void)e;
	return history_trend_feed(ctx, r);
}

static int trend_of(struct listing *l, const char *host, struct error *e)
{
	memset(&l->trend, 0, sizeof l->trend);
	return history_each(l->history, host, TREND_RECORDS, feed, &l->trend, e);
}

static int show(void *ctx, const struct history_record *r, struct error *e)
{
	struct listing *l = ctx;
	const struct history_trend *t = l->hosts ? &l->trend : NULL;
	if (l->most && l->shown == l->most) {
		l->more++;
		return 0;
	}
	if (l->json) {
		text_put(&l->out, l->shown ? ",\n" : "\n");
		history_json_row(&l->out, r, t, NULL);
	} else if (l->jsonl) {
		history_json_row(&l->out, r, t, "verdict");
		text_put(&l->out, "\n");
	} else {
		if (!l->shown)
			history_text_head(&l->out, &l->settings, l->host_width);
		history_text_row(&l->out, r, t, &l->settings, l->host_width);
	}
	l->shown++;
	l->codes[(r->waiver ? CODE_WAIVED : r->code) & 255]++;
	return l->out.failed ? error_nomem(e) : 0;
}

static int measure(void *ctx, const char *name, struct error *e)
{
	struct listing *l = ctx;
	size_t width = history_host_width(name, &l->settings);
	(void)e;
	if (width > l->host_width)
		l->host_width = width;
	return 0;
}

/* With its last verdict. */
static int show_host(void *ctx, const char *name, struct error *e)
{
	struct listing *l = ctx;
	return trend_of(l, name, e) < 0 || history_each(l->history, name, 1, show, l, e) < 0 ? -1 : 0;
}

static void finish(struct listing *l)
{
	if (l->jsonl) {
		history_jsonl_end(&l->out, l->path, l->shown);
		return;
	}
	if (l->json) {
		text_put(&l->out, "],");
		if (l->host)
			history_json_trend(&l->out, &l->trend);
		else
			text_put(&l->out, "\"trend\":null");
		text_put(&l->out, "}\n");
		return;
	}
	if (l->more)
		text_printf(&l->out, "and %zu before: see --limit\n", l->more);
	if (l->host) {
		text_put(&l->out, "\n");
		history_text_trend(&l->out, &l->trend);
	}
	if (!l->hosts)
		return;
	text_printf(&l->out, "\n%zu host%s:", l->shown, l->shown == 1 ? "" : "s");
	bool first = true;
	for (int c = 0; c < 256; c++) {
		if (!l->codes[c])
			continue;
		text_printf(&l->out, "%s %zu %s", first ? "" : ",", l->codes[c], code_name((enum code)c));
		first = false;
	}
	text_put(&l->out, "\n");
}

#define NAMES_MOST 256

static int collect(void *ctx, const char *name, struct error *e)
{
	struct strings *all = ctx;
	if (strings_add(all, name) < 0)
		return error_nomem(e);
	return all->count == NAMES_MOST;
}

/* Nothing of that host: is it spelt otherwise? */
static int nothing(struct listing *l, struct error *e)
{
	if (!l->host)
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s: nothing is remembered yet", l->path);
	const char *names[NAMES_MOST];
	struct strings all = {0};
	/* What can't be read names nobody. */
	(void)!history_hosts(l->history, collect, &all, e);
	for (size_t i = 0; i < all.count; i++)
		names[i] = all.items[i];
	const char *near = nearest_name(l->host, names, all.count);
	error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s: nothing is remembered of %.100s%s%.100s%s", l->path, l->host,
		  near ? "; is " : "", near ? near : "", near ? " meant?" : "");
	strings_free(&all);
	return -1;
}

static int list(struct listing *l, struct error *e)
{
	const struct options *o = l->o;
	if (l->metrics)
		return history_metrics_write(&l->out, l->history, l->host, l->settings.now, &l->shown, e) < 0 ? -1
		       : l->shown ? 0 : nothing(l, e);
	l->hosts = !l->host && !o->limit;
	l->settings.audit = l->hosts;
	l->most = o->limit ? o->limit : l->host && !l->json && !l->jsonl ? USUAL_LINES : 0;
	if (l->json)
		history_json_head(&l->out, l->path);
	if (!l->host && history_hosts(l->history, measure, l, e) < 0)
		return -1;
	int rc = l->hosts ? history_hosts(l->history, show_host, l, e)
			  : history_each(l->history, l->host, o->limit, show, l, e);
	if (rc < 0 || (l->host && trend_of(l, l->host, e) < 0))
		return -1;
	if (!l->shown)
		return nothing(l, e);
	finish(l);
	return l->out.failed ? error_nomem(e) : 0;
}

static int run(struct options *o, const char *path)
{
	struct error e = {0};
	const char *format = o->format ? o->format->name : "text";
	struct listing l = {.o = o,
			    .path = path,
			    .host = o->arguments.count ? o->arguments.items[0] : NULL,
			    .settings = report_settings(o, false),
			    .json = !strcmp(format, "json"),
			    .jsonl = !strcmp(format, "jsonl"),
			    .metrics = !strcmp(format, "prometheus")};
	l.history = history_open(path, HISTORY_READ, &e);
	int status = 0;
	if (!l.history || list(&l, &e) < 0)
		status = complain(e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL, e.text);
	history_destroy(l.history);
	if (!status && history_write_out(o, path, &l.out, &e) < 0)
		status = complain(CODE_INTERNAL, e.text);
	text_free(&l.out);
	return status;
}

int command_history(struct options *o)
{
	struct config config;
	const char *format = o->format ? o->format->name : "text";
	int status = CODE_CANNOT_TELL;
	if (o->arguments.count > 1)
		return complain(CODE_USAGE, "history takes one HOST; there is a stray argument");
	if (o->arguments.count && !*o->arguments.items[0])
		return complain(CODE_USAGE, "the HOST is empty");
	if (strcmp(format, "text") && strcmp(format, "json") && strcmp(format, "jsonl") && strcmp(format, "prometheus"))
		return complain(CODE_USAGE, "history writes text, json, jsonl or prometheus");
	if (!strcmp(format, "prometheus") && (o->limit || o->patches))
		return complain(CODE_USAGE,
				"--format prometheus has the last verdict of each host: no --limit, no --patches");
	if (load_config(o, &config) < 0)
		return CODE_CONFIG;
	const char *path = history_path_of(o, &config, &status);
	if (path)
		status = o->patches ? history_list_patches(o, path) : run(o, path);
	config_free(&config);
	return status;
}
