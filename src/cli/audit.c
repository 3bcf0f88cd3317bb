// SPDX-License-Identifier: GPL-3.0-or-later
/* backproof audit [HOST|@GROUP]... */
#include <pthread.h>

#include "backproof/pool.h"
#include "commands.h"
#include "output.h"
#include "pass_file.h"
#include "progress.h"
#include "trace.h"

/* What a host may take while it is checked, the decoder's window aside. */
#define HOST_MEMORY (256 * MIB)

struct audit {
	struct options *o;
	struct config config;
	struct gate_indexes *indexes;
	struct strings hosts;
	struct host_result *results;
	bool *done;
	unsigned jobs;
	const struct report_format *format;
	struct report_options settings;
	struct output output;
	struct progress *progress;
	struct passes passes;
	pthread_mutex_t lock; /* all below */
	size_t next, finished, reported;
	struct text text;
	bool write_failed, pass_failed;
	struct error write_error;
};

static int add_host(struct audit *a, const char *name)
{
	return strings_has(&a->hosts, name) ? 0 : strings_add(&a->hosts, name);
}

/* Hosts and groups as named; none named: all that are configured. */
static int choose_hosts(struct audit *a, struct error *e)
{
	const struct strings *args = &a->o->arguments;
	for (size_t i = 0; i < args->count || i == 0; i++) {
		const char *name = args->count ? args->items[i] : NULL;
		size_t before = a->hosts.count;
		bool matched = false;
		if (name && *name != '@') {
			if (add_host(a, name) < 0)
				return error_nomem(e);
			continue;
		}
		for (size_t k = 0; k < a->config.host_count; k++) {
			const struct host_config *h = &a->config.hosts[k];
			if (name && !strings_has(&h->groups, name + 1))
				continue;
			matched = true;
			if (add_host(a, h->name) < 0)
				return error_nomem(e);
		}
		if (!matched && before == a->hosts.count)
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 name ? "no configured host is in group %s" : "no host is configured%s",
					 name ? name : "");
	}
	return 0;
}

/* Called with the lock held. Quiet text shows only what is not safe. */
static void report_one(struct audit *a, size_t index)
{
	const struct host_result *r = &a->results[index];
	bool text = !strcmp(a->format->name, "text");
	if (a->format->host && !(a->o->quiet && text && r->verdict.code == CODE_SAFE))
		a->format->host(&a->text, r, &a->settings, a->reported);
	a->reported++;
	if (!a->write_failed && output_write(&a->output, &a->text, &a->write_error) < 0)
		a->write_failed = true;
}

/* Hosts that are read at the same time share the cores; the last ones have them for themselves. */
static unsigned width_of(const struct audit *a, size_t index)
{
	size_t left = a->hosts.count - index, sharing = left < a->jobs ? left : a->jobs;
	return (unsigned)((pool_width() + sharing - 1) / sharing);
}

static void *work(void *arg)
{
	struct audit *a = arg;
	for (;;) {
		struct budget budget;
		pthread_mutex_lock(&a->lock);
		size_t index = a->next;
		bool over = index >= a->hosts.count || stop_signal || a->write_failed;
		if (!over)
			a->next++;
		pthread_mutex_unlock(&a->lock);
		if (over)
			return NULL;
		budget_init(&budget);
		budget.width = width_of(a, index);
		if (a->o->overrides.deadline)
			budget.deadline_ns = seconds_after(monotonic_ns(), a->o->overrides.deadline);
		struct gate_request request = {.host = a->hosts.items[index],
					       .config = &a->config,
					       .overrides = &a->o->overrides,
					       .indexes = a->indexes,
					       .budget = &budget};
		gate_check(&request, &a->results[index]);
		pthread_mutex_lock(&a->lock);
		a->done[index] = true;
		a->finished++;
		report_one(a, index);
		progress_hosts(a->progress, (unsigned)a->finished, (unsigned)a->hosts.count);
		bool reported = !a->write_failed;
		pthread_mutex_unlock(&a->lock);
		trace_verdict(a->o, "audit", &a->results[index], reported);
		/* At once: at the end of a long night the first ones would have expired. */
		if (passes_write(&a->passes, &a->results[index], reported) < 0) {
			pthread_mutex_lock(&a->lock);
			a->pass_failed = true;
			pthread_mutex_unlock(&a->lock);
		}
	}
}

/* Unless told otherwise, one for each core, and no more than a quarter of the memory has room for. */
static unsigned jobs_of(const struct audit *a)
{
	unsigned jobs = a->o->jobs ? a->o->jobs : pool_width();
	uint64_t memory = memory_available(), room = memory / 4 / HOST_MEMORY;
	if (!a->o->jobs && memory && room < jobs)
		jobs = room ? (unsigned)room : 1;
	return jobs < a->hosts.count ? jobs : (unsigned)a->hosts.count;
}

static void run_workers(struct audit *a)
{
	unsigned jobs = a->jobs = jobs_of(a), started = 0;
	autofree pthread_t *threads = calloc(jobs, sizeof *threads);
	/* One worker is this thread, so that there is always one. */
	for (unsigned i = 1; threads && i < jobs; i++)
		if (pthread_create(&threads[started], NULL, work, a) == 0)
			started++;
	work(a);
	for (unsigned i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
}

/* Where all is safe and nothing is printed: what people have said is not for silence. */
static void mention_all_said(const struct host_result *const *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		autotext struct text t = {0};
		mention_said(all[i]);
		if (!all[i]->standing)
			continue;
		text_printf(&t, "%s: a waiver is in force ", all[i]->host);
		report_put_waiver(&t, all[i]->standing, 0);
		(void)complain(CODE_WAIVED, text_str(&t));
	}
}

/* Who reads the report of an audit that a signal has ended has to know which hosts are left. No pass is replaced. */
static void tell_left(struct audit *a)
{
	struct budget budget;
	budget_init(&budget);
	for (size_t i = 0; i < a->hosts.count && stop_signal && !a->write_failed; i++) {
		struct gate_request request = {.host = a->hosts.items[i],
					       .config = &a->config,
					       .overrides = &a->o->overrides,
					       .indexes = a->indexes,
					       .budget = &budget,
					       .unreached = "it was not looked at: a signal ended the audit"};
		if (a->done[i])
			continue;
		gate_check(&request, &a->results[i]);
		a->done[i] = true;
		report_one(a, i);
	}
}

/* All results that there are; a host that was not come to counts as not told. */
static enum code finish(struct audit *a, int *status)
{
	size_t count = a->hosts.count, have = 0;
	autofree enum code *codes = calloc(count, sizeof *codes);
	autofree const struct host_result **all = calloc(count, sizeof *all);
	bool near = false;
	if (!codes || !all)
		return CODE_INTERNAL;
	for (size_t i = 0; i < count; i++) {
		codes[i] = a->done[i] ? a->results[i].verdict.code : CODE_CANNOT_TELL;
		if (!a->done[i])
			continue;
		all[have++] = &a->results[i];
		near |= host_result_near_max_age(&a->results[i]);
	}
	enum code overall = codes_combine(codes, count);
	*status = exit_status(overall, a->o->exit_style, near);
	bool silent = a->o->quiet && overall == CODE_SAFE && !strcmp(a->format->name, "text");
	if (silent)
		mention_all_said(all, have);
	else if (a->format->end)
		a->format->end(&a->text, all, have, overall, *status, &a->settings);
	return overall;
}

/* What went wrong beside the verdicts: of many hosts it is mostly the same. The history is complete after it. */
static void mention_notes(struct audit *a)
{
	struct strings all = {0};
	gate_history_flush(a->indexes, &all);
	for (size_t i = 0; i < a->hosts.count; i++)
		for (size_t k = 0; a->done[i] && k < a->results[i].notes.count; k++)
			if (!strings_has(&all, a->results[i].notes.items[k]))
				(void)!strings_add(&all, a->results[i].notes.items[k]);
	mention(&all);
	strings_free(&all);
}

/* Neither the history nor a pass goes on saying what the report did not get to say. */
static void take_back(struct audit *a)
{
	struct strings notes = {0};
	for (size_t i = 0; i < a->hosts.count; i++) {
		struct gate_request request = {.host = a->hosts.items[i],
					       .config = &a->config,
					       .overrides = &a->o->overrides,
					       .indexes = a->indexes};
		if (!a->done[i] || !lets_patch(&a->results[i]))
			continue;
		gate_unreported(&request, &a->results[i], &notes);
		if (passes_write(&a->passes, &a->results[i], false) < 0)
			a->pass_failed = true;
	}
	gate_history_flush(a->indexes, &notes);
	mention(&notes);
	strings_free(&notes);
}

static int run(struct audit *a)
{
	struct error e = {0};
	int status = exit_status(CODE_CANNOT_TELL, a->o->exit_style, false);
	if (gate_be_polite(&a->config, &a->o->overrides, &a->hosts, &e) < 0)
		(void)complain(CODE_CANNOT_TELL, e.text); /* less considerate, and no less true */
	a->results = calloc(a->hosts.count, sizeof *a->results);
	a->done = calloc(a->hosts.count, sizeof *a->done);
	a->indexes = gate_indexes_open(&a->config, &e);
	if (!a->results || !a->done || !a->indexes)
		return exit_status(complain(CODE_INTERNAL, "out of memory"), a->o->exit_style, false);
	if (output_open(&a->output, a->o->output, &e) < 0)
		return exit_status(complain(CODE_INTERNAL, e.text), a->o->exit_style, false);
	if (a->format->begin && !(a->o->quiet && !strcmp(a->format->name, "text")))
		a->format->begin(&a->text, &a->settings);
	a->progress = progress_start(a->o, NULL, "audit");
	run_workers(a);
	tell_left(a);
	progress_stop(a->progress);
	mention_notes(a);
	if (finish(a, &status) == CODE_INTERNAL)
		status = exit_status(CODE_INTERNAL, a->o->exit_style, false);
	e = a->write_error;
	for (size_t i = 0; i < a->hosts.count && !a->write_failed; i++)
		for (const struct host_result *r = a->done[i] ? &a->results[i] : NULL; r; r = r->older)
			if (output_spares(a->o->output, &r->paths, &e) < 0)
				a->write_failed = true;
	if (a->write_failed || output_write(&a->output, &a->text, &e) < 0 || output_commit(&a->output, &e) < 0) {
		status = exit_status(complain(CODE_INTERNAL, e.text), a->o->exit_style, false);
		take_back(a);
	}
	output_close(&a->output);
	return a->pass_failed ? exit_status(CODE_INTERNAL, a->o->exit_style, false) : status;
}

int command_audit(struct options *o)
{
	struct error e = {0};
	struct audit a = {.o = o, .format = o->format ? o->format : report_format("text"),
			  .settings = report_settings(o, true)};
	if (strings_has(&o->arguments, ""))
		return exit_status(complain(CODE_USAGE, "audit has an empty HOST"), o->exit_style, false);
	if (load_config(o, &a.config) < 0)
		return exit_status(CODE_CONFIG, o->exit_style, false);
	pthread_mutex_init(&a.lock, NULL);
	enum code refused = choose_hosts(&a, &e) < 0
				    ? (enum code)complain(e.cls == ERROR_CORRUPT ? CODE_CONFIG : CODE_INTERNAL, e.text)
				    : passes_prepare(&a.passes, o, &a.config, &a.hosts);
	/* No two machines are called the same: another's backup would do for one of them. */
	if (refused == CODE_SAFE && a.hosts.count > 1 && (o->overrides.hostname || o->overrides.machine_id))
		refused = (enum code)complain(CODE_USAGE, "--hostname and --machine-id are of one host");
	int status = refused != CODE_SAFE ? exit_status(refused, o->exit_style, false) : run(&a);
	for (size_t i = 0; i < a.hosts.count && a.results && a.done; i++)
		if (a.done[i])
			host_result_free(&a.results[i]);
	free(a.results);
	free(a.done);
	gate_indexes_destroy(a.indexes);
	strings_free(&a.hosts);
	passes_free(&a.passes);
	text_free(&a.text);
	pthread_mutex_destroy(&a.lock);
	config_free(&a.config);
	return status;
}
