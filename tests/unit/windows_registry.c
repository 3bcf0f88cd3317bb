// SPDX-License-Identifier: GPL-3.0-or-later
/* What the registry tells of the machine, where some of it is missing, of another kind, or damaged. */
#include "../../src/subject/facts.h"
#include "../../src/subject/windows.h"
#include "hive_help.h"

static struct made_hive hives[2]; /* SYSTEM, SOFTWARE */
static uint32_t roots[2];
static bool lower; /* "system" and "software" */
static enum error_class failing;
static struct facts facts;
static struct findings findings;
static struct error why;

static int tree_read(void *ctx, const char *path, size_t max, char **data, size_t *len, int64_t *mtime, struct error *e)
{
	static const char *const names[2][2] = {{"SYSTEM", "SOFTWARE"}, {"system", "software"}};
	(void)ctx, (void)max, (void)mtime;
	if (failing)
		return error_set(e, failing, ERROR_NO_OFFSET, "it fails");
	for (size_t i = 0; i < 2; i++) {
		char want[64];
		snprintf(want, sizeof want, "Windows/System32/config/%s", names[lower][i]);
		if (strcmp(path, want) || !hives[i].data)
			continue;
		*data = malloc(hives[i].len);
		NEED(*data);
		memcpy(*data, hives[i].data, hives[i].len);
		*len = hives[i].len;
		return 1;
	}
	return 0;
}

static void begin(void)
{
	for (size_t i = 0; i < 2; i++)
		hives[i] = hive_begin(&roots[i]);
}

static int harvest(void)
{
	struct tree_reader t = {NULL, tree_read, NULL};
	for (size_t i = 0; i < 2; i++)
		if (hives[i].data)
			hive_end(&hives[i]);
	facts_free(&facts);
	findings_free(&findings);
	memset(&facts, 0, sizeof facts);
	memset(&why, 0, sizeof why);
	facts.windows_system = strdup("Windows/System32");
	NEED(findings_init(&findings) == 0);
	return windows_harvest(&facts, &t, "disk:1", &findings, &why);
}

static void done(void)
{
	for (size_t i = 0; i < 2; i++) {
		free(hives[i].data);
		hives[i].data = NULL;
	}
	facts_free(&facts);
	findings_free(&findings);
	memset(&facts, 0, sizeof facts);
	memset(&findings, 0, sizeof findings);
}

static size_t count(const char *check, enum outcome o)
{
	size_t n = 0;
	for (size_t i = 0; i < findings.count; i++)
		n += !strcmp(findings.items[i].check, check) && findings.items[i].outcome == o;
	return n;
}

static uint32_t key(int which, const char *path)
{
	return hive_put_path(&hives[which], roots[which], path);
}

static void text(int which, const char *path, const char *name, const char *value)
{
	hive_add_text(&hives[which], key(which, path), name, value);
}

/* Its list of values leads nowhere. */
static void damage(int which, const char *path)
{
	uint8_t *k = hcell(&hives[which], key(which, path));
	hput32(k + 36, 1);
	hput32(k + 40, HIVE_NONE);
}

/* Its list of keys leads nowhere. */
static void damage_below(int which, const char *path)
{
	hive_set_below(&hives[which], key(which, path), 1, HIVE_NONE);
}

#define TCPIP "ControlSet001\\Services\\Tcpip\\Parameters"
#define COMPUTER "ControlSet001\\Control\\ComputerName\\ComputerName"
#define NT "Microsoft\\Windows NT\\CurrentVersion"
#define CRYPTO "Microsoft\\Cryptography"

static void test_empty(void)
{
	begin();
	CHECK_INT(harvest(), 0);
	CHECK(!facts.hostname && !facts.machine_id && !facts.system && !facts.drives.count);
	CHECK_INT(count("registry.hive", OUTCOME_HELD), 2);
	done();
	/* Neither is there: who asked knows it, and nothing is said. */
	CHECK_INT(harvest(), 0);
	CHECK_INT(findings.count, 0);
	done();
}

static void test_lower(void)
{
	begin();
	text(0, TCPIP, "Hostname", "small");
	lower = true;
	CHECK_INT(harvest(), 0);
	lower = false;
	CHECK_STR(facts.hostname, "small");
	CHECK_INT(count("registry.hive", OUTCOME_HELD), 2);
	CHECK(strstr(findings.items[0].subject, "config/system") != NULL);
	done();
}

static void test_names(void)
{
	static const struct {
		const char *host, *nv_host, *domain, *nv_domain, *computer, *want, *from;
	} cases[] = {
		{"a", NULL, "example.org", NULL, "B", "a.example.org", "Tcpip"},
		{"a", NULL, NULL, "example.net", NULL, "a.example.net", "Tcpip"},
		{"", "nv", " ", NULL, "B", "nv", "Tcpip"},
		{"a.example.com", NULL, "example.org", NULL, NULL, "a.example.com", "Tcpip"},
		{NULL, NULL, "example.org", NULL, "B", "B.example.org", "ComputerName"},
		{NULL, NULL, NULL, NULL, "B", "B", "ComputerName"},
		{NULL, NULL, NULL, NULL, "", NULL, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		static const char *const names[] = {"Hostname", "NV Hostname", "Domain", "NV Domain"};
		const char *values[] = {cases[i].host, cases[i].nv_host, cases[i].domain, cases[i].nv_domain};
		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			if (values[k])
				text(0, TCPIP, names[k], values[k]);
		if (cases[i].computer)
			text(0, COMPUTER, "ComputerName", cases[i].computer);
		CHECK_INT(harvest(), 0);
		CHECK(cases[i].want ? facts.hostname && !strcmp(facts.hostname, cases[i].want) : !facts.hostname);
		CHECK(!cases[i].from || strstr(facts.hostname_from, cases[i].from));
		done();
	}
}

/* The control set that was booted last; the first where none is named. */
static void test_sets(void)
{
	static const struct {
		uint32_t type, current;
		const char *want;
	} cases[] = {{DWORD, 2, "two"}, {DWORD, 0, "one"}, {BINARY, 2, "one"}, {DWORD, 7, NULL}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		uint8_t n[4];
		hput32(n, cases[i].current);
		hive_add(&hives[0], key(0, "Select"), "Current", cases[i].type, n, 4);
		text(0, TCPIP, "Hostname", "one");
		text(0, "ControlSet002\\Services\\Tcpip\\Parameters", "Hostname", "two");
		CHECK_INT(harvest(), 0);
		CHECK(cases[i].want ? facts.hostname && !strcmp(facts.hostname, cases[i].want) : !facts.hostname);
		done();
	}
}

static void drive(const char *name, const void *data, size_t len)
{
	hive_add(&hives[0], key(0, "MountedDevices"), name, BINARY, data, len);
}

#define VOLUME(digit) "\\??\\Volume{AABBCCD" digit "-0000-0000-0000-100000000000}"

static void test_drives(void)
{
	static const uint8_t gpt[] = "DMIO:ID:0123456789abcdef", mbr[] = "\1\2\3\4\0\0\x10\0\0\0\0\0",
			     later[] = "\1\2\3\4\0\0\x20\0\0\0\0\0", other[] = "\1\2\3\5\0\0\x10\0\0\0\0\0";
	begin();
	drive("\\DosDevices\\c:", gpt, 24);
	drive("\\DosDevices\\D:", mbr, 12);
	drive("\\DosDevices\\E:", later, 12);
	drive("\\DosDevices\\1:", mbr, 12);   /* no letter */
	drive("\\DosDevices\\FF:", mbr, 12);  /* two */
	drive("\\DosDevices\\G:", mbr, 11);   /* another length */
	drive("\\DosDevices\\H:", "DMIX:ID:0123456789abcdef", 24);
	drive("\\OtherDevices\\I:", mbr, 12);
	hput32(hcell(&hives[0], hive_add(&hives[0], key(0, "MountedDevices"), "\\DosDevices\\J:", BINARY, "db34567", 8)) + 4, 20000);
	drive(VOLUME("1"), gpt, 24);
	drive(VOLUME("2"), later, 12);
	drive(VOLUME("3"), other, 12);
	drive(VOLUME("4"), mbr, 11);
	drive("\\??\\Volume{short}", mbr, 12);
	CHECK_INT(harvest(), 0);
	NEED(facts.drives.count == 3);
	CHECK_INT(facts.drives.items[0].letter, 'C');
	CHECK_STR(facts.drives.items[0].partuuid, "33323130-3534-3736-3839-616263646566");
	CHECK_STR(facts.drives.items[0].volume, "aabbccd1-0000-0000-0000-100000000000");
	CHECK_STR(facts.drives.items[1].disk_id, "04030201");
	CHECK_INT(facts.drives.items[1].offset, 1 << 20);
	CHECK_STR(facts.drives.items[1].volume, ""); /* the same disk, another place; the same place, another disk */
	CHECK_STR(facts.drives.items[2].volume, "aabbccd2-0000-0000-0000-100000000000");
	done();
}

static void test_editions(void)
{
	static const struct {
		const char *values[6]; /* ProductName, DisplayVersion, CurrentBuild, CurrentBuildNumber, SystemRoot, type */
		bool revision;
		char letter;
		const char *want;
	} cases[] = {
		{{NULL, NULL, NULL, NULL, NULL}, false, 0, "Windows"},
		{{"Windows 7", "SP1", NULL, NULL, "D:\\Windows"}, true, 'D', "Windows 7 SP1"},
		{{"Windows 10 Pro", NULL, "22000", NULL, "\\Windows"}, false, 0, "Windows 11 Pro (build 22000)"},
		{{"Windows 10 Pro", NULL, NULL, "19045", "cWindows"}, true, 0, "Windows 10 Pro (build 19045.77)"},
		{{"Windows 10", NULL, NULL, NULL, "1:"}, true, 0, "Windows 10"},
		{{NULL, "21H2", "22631", NULL, "c:\\x"}, true, 'C', "Windows 21H2 (build 22631.77)"},
	};
	static const char *const names[] = {"ProductName", "DisplayVersion", "CurrentBuild", "CurrentBuildNumber",
					    "SystemRoot"};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		key(1, NT);
		for (size_t k = 0; k < ARRAY_SIZE(names); k++)
			if (cases[i].values[k])
				text(1, NT, names[k], cases[i].values[k]);
		if (cases[i].revision)
			hive_add(&hives[1], key(1, NT), "UBR", DWORD, "\x4d\0\0\0", 4);
		text(1, CRYPTO, i ? "MachineGuid" : "Other", "{0123-ABCD-x}");
		CHECK_INT(harvest(), 0);
		CHECK_STR(facts.system, cases[i].want);
		CHECK_INT(facts.windows_letter, cases[i].letter);
		CHECK(i ? facts.machine_id && !strcmp(facts.machine_id, "0123abcd") : !facts.machine_id);
		done();
	}
}

/* What is wrong beneath a sound frame is said, and does not stop the rest. */
static void test_damaged(void)
{
	static const struct {
		int which;
		void (*how)(int which, const char *path);
		const char *path;
	} cases[] = {{0, damage, "Select"},	 {0, damage_below, ""},	    {0, damage, TCPIP},
		     {0, damage_below, "ControlSet001\\Services"}, {0, damage, COMPUTER},
		     {0, damage_below, "ControlSet001\\Control"}, {0, damage, "MountedDevices"},
		     {1, damage_below, ""},	 {1, damage, NT},	    {1, damage, CRYPTO},
		     {1, damage_below, "Microsoft\\Windows NT"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		text(0, "Other", "x", "y");
		text(1, CRYPTO, "MachineGuid", "0123");
		text(1, NT, "ProductName", "Windows 10");
		cases[i].how(cases[i].which, cases[i].path);
		CHECK_INT(harvest(), 0);
		CHECK_INT(count("registry.hive", OUTCOME_HELD), 2);
		CHECK_INT(count("registry.read", OUTCOME_BROKEN), 1);
		CHECK(!facts.hostname);
		CHECK(cases[i].which == 1 || facts.machine_id);
		done();
	}
}

/* Each value that is asked for, as the last of those that were sound: the next is damaged. */
static void test_damaged_values(void)
{
	static const char *const names[] = {"ProductName", "DisplayVersion", "CurrentBuild", "SystemRoot", "Hostname"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		begin();
		for (int which = 0; which < 2; which++) {
			const char *path = which ? NT : TCPIP;
			for (size_t k = 0; k <= i; k++)
				text(which, path, names[k], "text");
			uint32_t bad = hive_add(&hives[which], key(which, path), "Bad", BINARY, "12345678", 8);
			memcpy(hcell(&hives[which], bad), "xx", 2);
		}
		CHECK_INT(harvest(), 0);
		CHECK_INT(count("registry.read", OUTCOME_BROKEN), 2);
		CHECK(!facts.system && !facts.hostname);
		done();
	}
}

/* Also of a hive in use: only damage might be mended by its logs. */
static void test_unread(void)
{
	static const struct {
		enum error_class cls;
		int rc;
		enum outcome want;
	} cases[] = {{ERROR_IO, 0, OUTCOME_UNREADABLE}, {ERROR_LIMIT, 0, OUTCOME_UNPROVEN},
		     {ERROR_CORRUPT, 0, OUTCOME_BROKEN}, {ERROR_INTERNAL, -1, OUTCOME_HELD}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		failing = cases[i].cls;
		CHECK_INT(harvest(), cases[i].rc);
		failing = ERROR_NONE;
		CHECK_INT(count("registry.hive", cases[i].want), cases[i].rc ? 0 : 2);
		CHECK_INT(why.cls, cases[i].rc ? ERROR_INTERNAL : ERROR_NONE);
		done();
	}
	begin();
	for (size_t i = 0; i < 2; i++) {
		hput32(hives[i].data + 4, 1); /* in use */
		hput32(hives[i].data + 20, 3);
	}
	CHECK_INT(harvest(), 0);
	CHECK_INT(count("registry.hive", OUTCOME_UNSUPPORTED), 2);
	done();
}

int main(void)
{
	RUN(test_empty);
	RUN(test_lower);
	RUN(test_names);
	RUN(test_sets);
	RUN(test_drives);
	RUN(test_editions);
	RUN(test_damaged);
	RUN(test_damaged_values);
	RUN(test_unread);
	return test_done();
}
