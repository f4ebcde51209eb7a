/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See crc.h.  Bit by bit: what is summed is small.
 */
#include "base/crc.h"

uint32_t om_crc32c(const void *data, size_t size)
{
	const uint8_t *p = data;
	uint32_t crc = 0xffffffff;

	for (size_t i = 0; i < size; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}
