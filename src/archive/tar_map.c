// SPDX-License-Identifier: GPL-3.0-or-later
#include "tar_map.h"

enum tar_map_state tar_map_extent(struct tar_map *m, uint64_t offset, uint64_t length)
{
	if (offset < m->end || add_overflows(offset, length, &m->end) || m->end > INT64_MAX)
		return TAR_MAP_DAMAGED;
	m->bytes += length;
	return ++m->count > TAR_EXTENTS_MAX ? TAR_MAP_TOO_LONG : TAR_MAP_MORE;
}

static enum tar_map_state take_number(struct tar_map *m)
{
	if (!m->counted) {
		if (m->value > TAR_EXTENTS_MAX)
			return TAR_MAP_TOO_LONG;
		m->counted = true;
		m->numbers_left = m->value * 2;
	} else if (m->numbers_left-- % 2 == 0) {
		m->offset = m->value;
	} else {
		enum tar_map_state s = tar_map_extent(m, m->offset, m->value);
		if (s != TAR_MAP_MORE)
			return s;
	}
	m->value = m->digits = 0;
	return m->numbers_left ? TAR_MAP_MORE : TAR_MAP_WHOLE;
}

enum tar_map_state tar_map_feed(struct tar_map *m, const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		enum tar_map_state s = TAR_MAP_MORE;
		m->read++;
		/* 19 digits fit into 64 bits. */
		if (p[i] >= '0' && p[i] <= '9' && m->digits < 19) {
			m->value = m->value * 10 + (uint64_t)(p[i] - '0');
			m->digits++;
		} else if (p[i] == '\n' && m->digits) {
			s = take_number(m);
		} else {
			s = TAR_MAP_DAMAGED;
		}
		if (s != TAR_MAP_MORE)
			return s;
	}
	return TAR_MAP_MORE;
}
