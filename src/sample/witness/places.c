// SPDX-License-Identifier: GPL-3.0-or-later
/* Which files may be broken on a healthy system. The one place for these rules. */
#include <ctype.h>
#include <fnmatch.h>
#include <strings.h>

#include "rows.h"

/*
 * An image is taken of a running system, so a log being rotated, a download or a core dump is cut
 * where the snapshot fell. The paths have no leading slash; a Windows drive's root is the same.
 */
bool witness_is_volatile(const char *path)
{
	static const char *const trees[] = {
		"tmp/",		    "run/",
		"var/tmp/",	    "var/log/",
		"var/cache/",	    "var/spool/",
		"var/run/",	    "var/crash/",
		"var/backups/",	    "var/lib/apt/lists/",
		"var/lib/docker/tmp/", "var/lib/systemd/coredump/",
		"Windows/Temp/",    "Windows/Logs/",
		"lost+found/",
	};
	/* Anywhere: a component of this name. */
	static const char *const parts[] = {
		"tmp",	     "temp",	"cache",      ".cache", "caches",     "partial",  "incomplete",
		"Downloads", "Trash",	".Trash",     "logs",	"$Recycle.Bin", "build",  "target",
		"CrashDumps", "spool",	"INetCache",  "coredump", "__pycache__",
	};
	static const char *const names[] = {
		"*.part",     "*.partial", "*.tmp",	 "*.temp",     "*.crdownload", "*.download",
		"*.filepart", "*.dpkg-new", "*.dpkg-tmp", "*;????????",   "*~",
		".*.??????",  ".nfs*",	   "*.apk-new",	 "*.aria2",    "*.swp",	       "core.[0-9]*",
	};
	for (size_t i = 0; i < ARRAY_SIZE(trees); i++)
		if (!strncasecmp(path, trees[i], strlen(trees[i])))
			return true;
	const char *p = path;
	for (const char *slash; (slash = strchr(p, '/')); p = slash + 1)
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
			if (strlen(parts[i]) == (size_t)(slash - p) &&
			    !strncasecmp(p, parts[i], (size_t)(slash - p)))
				return true;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (fnmatch(names[i], p, 0) == 0)
			return true;
	return false;
}

static bool has_word(const char *s, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = s; (p = strcasestr(p, word)); p++)
		if ((p == s || !isalpha((unsigned char)p[-1])) && !isalpha((unsigned char)p[n]))
			return true;
	return false;
}

bool witness_is_testdata(const char *path)
{
	static const char *const parts[] = {
		"test",	     "tests",	   "testing",	"testdata",  "test-data", "test_data",
		"testcases", "test-files", "testfiles", "testsuite", "fixtures",  "fixture",
		"corpus",    "fuzz",	   "fuzzing",	"pngsuite",  "t",	  "regress",
		"unittests", "specs",	   "spec",
	};
	static const char *const words[] = {"bad",     "broken",  "corrupt",   "corrupted", "invalid",
					    "damaged", "fuzz",	  "truncated", "malformed", "test",
					    "testfile", "testdata"};
	const char *p = path;
	for (const char *slash; (slash = strchr(p, '/')); p = slash + 1)
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
			if (strlen(parts[i]) == (size_t)(slash - p) &&
			    !strncasecmp(p, parts[i], (size_t)(slash - p)))
				return true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (has_word(p, words[i]))
			return true;
	return false;
}
