// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Libraries look for files when something of them is used for the first time: character sets, the time zone, a
 * configuration. Later they would not find them, or would have to load code, which is refused.
 */
#include <iconv.h>
#include <openssl/crypto.h>
#include <time.h>

#include "confine.h"

void confine_warm(void)
{
	/* What names in images are written in. glibc keeps a converter loaded that stays open. */
	static const char *const sets[] = {"UTF-16LE", "UTF-16BE", "ISO-8859-1", "CP437", "CP1252"};
	static iconv_t kept[ARRAY_SIZE(sets)];
	static bool done;
	if (done)
		return;
	done = true;
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		kept[i] = iconv_open("UTF-8", sets[i]);
	(void)kept;
	tzset();
	(void)OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
				  OPENSSL_INIT_ADD_ALL_DIGESTS | OPENSSL_INIT_ADD_ALL_CIPHERS, NULL);
}
