/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See text.h.  Every byte that could mislead a reader of a log, a terminal or a policy
 * parser is refused where it enters, so that nothing behind needs to think of it.
 */
#include "profile/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

size_t om_text_char(const char *p, unsigned *ret)
{
	/* Lead bytes by length, and the least code point that needs the length. */
	static const struct {
		unsigned char mask, lead;
		unsigned least;
	} forms[] = { { 0x80, 0, 0 },
		      { 0xe0, 0xc0, 0x80 },
		      { 0xf0, 0xe0, 0x800 },
		      { 0xf8, 0xf0, 0x10000 } };
	unsigned char first = (unsigned char)*p;

	for (size_t n = 0; n < 4; n++) {
		unsigned code;

		if ((first & forms[n].mask) != forms[n].lead)
			continue;
		code = first & (unsigned char)~forms[n].mask;
		for (size_t i = 1; i <= n; i++) {
			unsigned char next = (unsigned char)p[i];

			if ((next & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (next & 0x3f);
		}
		if (code < forms[n].least || code > 0x10ffff ||
		    (code >= 0xd800 && code <= 0xdfff))
			return 0;
		*ret = code;
		return n + 1;
	}
	return 0;
}

static bool is_direction_or_invisible(unsigned c)
{
	return c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	       c == 0xfeff || c == 0x00ad;
}

static bool is_wide_space(unsigned c)
{
	return c == 0x00a0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
	       c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

static const char *unfit_char(char buf[static OM_REASON_SIZE], const char *p, size_t n,
			      unsigned c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		(void)snprintf(buf, OM_REASON_SIZE, "control character 0x%02x", c);
	else if (is_direction_or_invisible(c))
		(void)snprintf(buf, OM_REASON_SIZE,
			       "direction-control or invisible character U+%04X", c);
	else if (is_wide_space(c) && n == 2)
		(void)snprintf(buf, OM_REASON_SIZE,
			       "non-ASCII space 0x%02x%02x used as separator",
			       (unsigned char)p[0], (unsigned char)p[1]);
	else if (is_wide_space(c))
		(void)snprintf(buf, OM_REASON_SIZE,
			       "non-ASCII space 0x%02x%02x%02x used as separator",
			       (unsigned char)p[0], (unsigned char)p[1],
			       (unsigned char)p[2]);
	else
		return NULL;
	return buf;
}

const char *om_text_unfit(char buf[static OM_REASON_SIZE], const char *text)
{
	const char *p = text;

	while (*p) {
		unsigned char first = (unsigned char)*p;
		const char *reason;
		unsigned c;
		size_t n;

		/* What nearly every byte of every profile is. */
		if (first >= 0x20 && first < 0x7f) {
			p++;
			continue;
		}
		n = om_text_char(p, &c);
		if (n == 0)
			return "not valid UTF-8";
		reason = unfit_char(buf, p, n, c);
		if (reason)
			return reason;
		p += n;
	}
	return NULL;
}

const char *om_text_special(char buf[static OM_REASON_SIZE], const char *text)
{
	const char *p = strpbrk(text, "$?*[]{}^\"@");

	if (!p)
		return NULL;
	if (*p == '$') {
		int n = 1;

		while (n < 40 && (isalnum((unsigned char)p[n]) || p[n] == '_'))
			n++;
		(void)snprintf(buf, OM_REASON_SIZE, "unexpanded variable %.*s", n, p);
	} else {
		(void)snprintf(buf, OM_REASON_SIZE, "character '%c' is not allowed", *p);
	}
	return buf;
}
