/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CRC-32C (Castagnoli, RFC 3720): finds damage, does not withstand an attacker.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macro.h"

uint32_t om_crc32c(const void *data, size_t size) _nonnull_all_;
