// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What the registry says: host name, machine id, edition and build, drive letters. Of SYSTEM the control set
 * counts that was booted last (Select\Current).
 */
#include <ctype.h>
#include <strings.h>

#include "backproof/text.h"
#include "facts.h"
#include "hive.h"
#include "windows.h"

#define HIVE_MAX (512 * MIB)
#define FIRST_BUILD_11 22000 /* before it the product is called 10; from it on too, but it is 11 */

struct source_hive {
	struct hive hive;
	char *data;
};

/*
 * A hive that was not unloaded cleanly has its last changes in .LOG1 and .LOG2, which Windows applies when it
 * starts. What is read here is then what was true shortly before: names and identifiers, which seldom change.
 */
static int open_hive(struct source_hive *out, const struct tree_reader *t, const char *system, const char *name,
		     const char *subject, struct facts *x, struct findings *f, struct error *e)
{
	struct error why = {0};
	size_t length = 0;
	int rc = 0;
	autofree char *path = NULL;
	for (int lower = 0; lower < 2 && rc == 0; lower++) {
		free(path);
		path = text_format("%s/config/%s", system, name);
		if (!path)
			return error_nomem(e);
		for (char *c = path + strlen(path) - strlen(name); lower && *c; c++)
			*c = (char)tolower((unsigned char)*c);
		rc = t->read(t->ctx, path, HIVE_MAX, &out->data, &length, NULL, &why);
	}
	autofree char *where = text_format("%s:/%s", subject, path);
	if (!where)
		return error_nomem(e);
	if (rc > 0 && hive_open(&out->hive, out->data, length, &why) < 0)
		rc = -1;
	if (rc < 0 && why.cls == ERROR_INTERNAL) {
		*e = why;
		return -1;
	}
	if (rc < 0 && out->hive.dirty && why.cls == ERROR_CORRUPT) {
		finding_add(f, PROOF_STRUCTURE, "registry.hive", where, OUTCOME_UNPROVEN,
			    &(struct finding_text){.error = ERROR_CORRUPT}, "%s; its logs, which Windows would apply, "
			    "are not read here", why.text);
	} else if (rc < 0) {
		finding_error(f, PROOF_STRUCTURE, "registry.hive", where, &why);
	} else if (rc > 0) {
		finding_add(f, PROOF_STRUCTURE, "registry.hive", where, OUTCOME_HELD, NULL,
			    "base block and %zu bytes of bins and cells are sound", out->hive.end);
		x->registry_written = out->hive.written > x->registry_written ? out->hive.written : x->registry_written;
		if (out->hive.dirty)
			finding_add(f, PROOF_STRUCTURE, "registry.log", where, OUTCOME_SKIPPED, NULL,
				    "taken while in use: its last changes are in its logs, and not seen here");
	}
	return rc > 0;
}

static void hive_failed(const char *name, const char *subject, struct findings *f, const struct error *why)
{
	autofree char *where = text_format("%s:/%s", subject, name);
	finding_error(f, PROOF_STRUCTURE, "registry.read", where ? where : subject, why);
}

/* The first of the values that says something. */
static int first_text(const struct hive *h, uint32_t key, const char *const *names, char **out, struct error *e)
{
	*out = NULL;
	for (; *names && !*out; names++)
		if (hive_text(h, key, *names, out, e) < 0)
			return -1;
	return 0;
}

static int read_names(struct facts *x, const struct hive *h, const char *set, struct error *e)
{
	static const char *const hosts[] = {"Hostname", "NV Hostname", NULL};
	static const char *const domains[] = {"Domain", "NV Domain", NULL};
	static const char *const computers[] = {"ComputerName", NULL};
	char path[128];
	uint32_t key;
	autofree char *host = NULL, *domain = NULL;
	snprintf(path, sizeof path, "%s\\Services\\Tcpip\\Parameters", set);
	int rc = hive_key(h, h->root, path, &key, e);
	if (rc > 0 && (first_text(h, key, hosts, &host, e) < 0 || first_text(h, key, domains, &domain, e) < 0))
		return -1;
	x->hostname_from = "Tcpip\\Parameters of its registry";
	if (rc >= 0 && !host) {
		snprintf(path, sizeof path, "%s\\Control\\ComputerName\\ComputerName", set);
		rc = hive_key(h, h->root, path, &key, e);
		if (rc > 0 && first_text(h, key, computers, &host, e) < 0)
			return -1;
		x->hostname_from = "ComputerName of its registry";
	}
	if (rc < 0 || !host)
		return rc < 0 ? -1 : 0;
	autofree char *full = domain && !strchr(host, '.') ? text_format("%s.%s", host, domain) : strdup(host);
	free(x->hostname);
	x->hostname = full ? text_bounded(full, strlen(full), FACTS_NAME_MOST) : NULL;
	return x->hostname ? 0 : error_nomem(e);
}

static void guid_text(const uint8_t *g, char out[40])
{
	snprintf(out, 40, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", get_le32(g), get_le16(g + 4),
		 get_le16(g + 6), g[8], g[9], g[10], g[11], g[12], g[13], g[14], g[15]);
}

/* What a value of MountedDevices identifies a volume by. false: a removable one, known by its device's path. */
static bool read_drive(const struct hive_value *v, struct windows_drive *d)
{
	if (v->data && v->length == 12) {
		snprintf(d->disk_id, sizeof d->disk_id, "%08x", get_le32(v->data));
		d->offset = get_le64(v->data + 4);
		return true;
	}
	if (!v->data || v->length != 24 || memcmp(v->data, "DMIO:ID:", 8))
		return false;
	guid_text(v->data + 8, d->partuuid);
	return true;
}

static bool same_drive(const struct windows_drive *a, const struct windows_drive *b)
{
	return !strcmp(a->partuuid, b->partuuid) && !strcmp(a->disk_id, b->disk_id) && a->offset == b->offset;
}

static int add_letter(void *ctx, const struct hive_value *v, struct error *e)
{
	struct facts *x = ctx;
	struct windows_drive d = {.letter = 0};
	if (strncasecmp(v->name, "\\DosDevices\\", 12) || !isalpha((unsigned char)v->name[12]) ||
	    strcmp(v->name + 13, ":") || !read_drive(v, &d))
		return 0;
	d.letter = (char)toupper((unsigned char)v->name[12]);
	struct windows_drive *to = vec_push(&x->drives);
	if (!to)
		return error_nomem(e);
	*to = d;
	return 0;
}

/* The same volume under its other name: \??\Volume{GUID}. Those without a letter have only that. */
static int add_volume(void *ctx, const struct hive_value *v, struct error *e)
{
	struct facts *x = ctx;
	struct windows_drive d = {.letter = 0};
	if (!windows_volume_name(v->name, d.volume) || !read_drive(v, &d))
		return 0;
	vec_each(&x->drives, it) if (same_drive(it, &d)) memcpy(it->volume, d.volume, sizeof it->volume);
	struct windows_drive *to = vec_push(&x->windows_volumes);
	if (!to)
		return error_nomem(e);
	*to = d;
	return 0;
}

static int read_system(struct facts *x, const struct hive *h, struct error *e)
{
	uint32_t key, number = 0;
	char set[32];
	int rc = hive_key(h, h->root, "Select", &key, e);
	rc = rc > 0 ? hive_number(h, key, "Current", &number, e) : rc;
	snprintf(set, sizeof set, "ControlSet%03u", rc > 0 && number ? number : 1);
	if (rc < 0 || read_names(x, h, set, e) < 0)
		return -1;
	rc = hive_key(h, h->root, "MountedDevices", &key, e);
	if (rc <= 0)
		return rc;
	return hive_values(h, key, add_letter, x, e) < 0 || hive_values(h, key, add_volume, x, e) < 0 ? -1 : 0;
}

/* "Windows Server 2022 Standard 21H2 (build 20348.1234)" */
static int read_edition(struct facts *x, const struct hive *h, uint32_t key, struct error *e)
{
	static const char *const releases[] = {"DisplayVersion", "ReleaseId", "CSDVersion", NULL};
	static const char *const builds[] = {"CurrentBuild", "CurrentBuildNumber", NULL};
	static const char *const products[] = {"ProductName", NULL}, *const roots[] = {"SystemRoot", NULL};
	autofree char *product = NULL, *release = NULL, *build = NULL, *root = NULL;
	uint32_t revision = 0;
	if (first_text(h, key, products, &product, e) < 0 || first_text(h, key, releases, &release, e) < 0 ||
	    first_text(h, key, builds, &build, e) < 0 || first_text(h, key, roots, &root, e) < 0)
		return -1;
	int rc = hive_number(h, key, "UBR", &revision, e);
	if (rc < 0)
		return -1;
	if (root && isalpha((unsigned char)root[0]) && root[1] == ':')
		x->windows_letter = (char)toupper((unsigned char)root[0]);
	if (product && build && !strncmp(product, "Windows 10", 10) && strtoul(build, NULL, 10) >= FIRST_BUILD_11)
		product[9] = '1';
	struct text t = {0};
	text_put(&t, product ? product : "Windows");
	if (release)
		text_printf(&t, " %s", release);
	if (build)
		text_printf(&t, " (build %s", build);
	if (build && rc > 0)
		text_printf(&t, ".%u", revision);
	text_put(&t, build ? ")" : "");
	if (t.failed) {
		text_free(&t);
		return error_nomem(e);
	}
	free(x->system);
	x->system = text_bounded(t.data, t.length, FACTS_NAME_MOST);
	text_free(&t);
	return x->system ? 0 : error_nomem(e);
}

static int read_software(struct facts *x, const struct hive *h, struct error *e)
{
	static const char *const names[] = {"MachineGuid", NULL};
	autofree char *guid = NULL;
	uint32_t key;
	int rc = hive_key(h, h->root, "Microsoft\\Windows NT\\CurrentVersion", &key, e);
	if (rc < 0 || (rc > 0 && read_edition(x, h, key, e) < 0))
		return -1;
	rc = hive_key(h, h->root, "Microsoft\\Cryptography", &key, e);
	if (rc <= 0)
		return rc;
	rc = first_text(h, key, names, &guid, e);
	if (rc < 0 || !guid)
		return rc < 0 ? -1 : 0;
	size_t n = 0;
	for (const char *s = guid; *s; s++)
		if (isxdigit((unsigned char)*s))
			guid[n++] = (char)tolower((unsigned char)*s);
	guid[n] = 0;
	x->machine_id = take(guid);
	x->machine_id_from = "MachineGuid of its registry";
	return 0;
}

int windows_harvest(struct facts *x, const struct tree_reader *t, const char *subject, struct findings *f,
		    struct error *e)
{
	static const struct {
		const char *name;
		int (*read)(struct facts *x, const struct hive *h, struct error *e);
	} hives[] = {{"SYSTEM", read_system}, {"SOFTWARE", read_software}};
	for (size_t i = 0; i < ARRAY_SIZE(hives); i++) {
		struct source_hive h = {.data = NULL};
		struct error why = {0};
		int rc = open_hive(&h, t, x->windows_system, hives[i].name, subject, x, f, e);
		if (rc > 0 && hives[i].read(x, &h.hive, &why) < 0) {
			hive_failed(hives[i].name, subject, f, &why);
			if (why.cls == ERROR_INTERNAL) {
				*e = why;
				rc = -1;
			}
		}
		free(h.data);
		if (rc < 0)
			return -1;
	}
	return 0;
}
