// SPDX-License-Identifier: GPL-3.0-or-later
#include "progress.h"

#include <pthread.h>
#include <time.h>

struct progress {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	const struct budget *budget; /* NULL for an audit */
	const char *host;
	unsigned done, all;
	int64_t started;
};

static void draw(struct progress *p)
{
	char read[32], total[32], rate[32], left[32];
	autotext struct text t = {0};
	double seconds = (double)(monotonic_ns() - p->started) / 1e9;
	text_put(&t, "\r\033[K");
	text_put_safe(&t, p->host);
	if (!p->budget) {
		text_printf(&t, ": %u of %u hosts, %s", p->done, p->all,
			    format_duration((int64_t)seconds, left));
	} else {
		uint64_t n = p->budget->bytes_read, all = p->budget->bytes_total;
		text_printf(&t, ": %s  %s", p->budget->stage, format_size(n, read));
		if (all && n <= all)
			text_printf(&t, " of %s (%d%%)", format_size(all, total), (int)(n * 100 / all));
		if (seconds > 0.5 && n) {
			text_printf(&t, "  %s/s", format_size((uint64_t)((double)n / seconds), rate));
			if (all > n)
				text_printf(&t, "  %s left",
					    format_duration((int64_t)((double)(all - n) * seconds / (double)n), left));
		}
	}
	(void)!write(STDERR_FILENO, text_str(&t), t.length);
}

static void *run(void *arg)
{
	struct progress *p = arg;
	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 250000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&p->wake, &p->lock, &until);
		if (!p->stop)
			draw(p);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

static bool is_terminal(int fd)
{
	const char *term = getenv("TERM");
	return isatty(fd) && (!term || strcmp(term, "dumb"));
}

struct progress *progress_start(const struct options *o, const struct budget *b, const char *host)
{
	bool wanted = o->progress == WHEN_ALWAYS ||
		      (o->progress == WHEN_AUTO && !o->quiet && is_terminal(STDERR_FILENO));
	struct progress *p = wanted ? calloc(1, sizeof *p) : NULL;
	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->budget = b;
	p->host = host;
	p->started = monotonic_ns();
	if (pthread_create(&p->thread, NULL, run, p) != 0) {
		free(p);
		return NULL;
	}
	return p;
}

void progress_hosts(struct progress *p, unsigned done, unsigned all)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->done = done;
	p->all = all;
	pthread_mutex_unlock(&p->lock);
}

void progress_stop(struct progress *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_signal(&p->wake);
	pthread_mutex_unlock(&p->lock);
	pthread_join(p->thread, NULL);
	(void)!write(STDERR_FILENO, "\r\033[K", 4);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->wake);
	free(p);
}

bool color_wanted(const struct options *o, int fd)
{
	const char *no = getenv("NO_COLOR");
	if (o->color != WHEN_AUTO)
		return o->color == WHEN_ALWAYS;
	return is_terminal(fd) && !(no && *no) && !o->output;
}
