/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See str.h.
 */
#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTED_BYTES 128

static bool reserve(struct om_str *str, size_t more)
{
	size_t cap = str->cap ? str->cap : 64;
	char *grown;

	if (str->err < 0)
		return false;
	if (more < str->cap - str->len)
		return true;
	if (more > SIZE_MAX / 4 - str->len) {
		str->err = -ENOMEM;
		return false;
	}
	while (cap < str->len + more + 1)
		cap *= 2;
	if (cap == str->cap)
		return true;
	grown = realloc(str->s, cap);
	if (!grown) {
		str->err = -ENOMEM;
		return false;
	}
	str->s = grown;
	str->cap = cap;
	return true;
}

void om_str_add_n(struct om_str *str, const char *text, size_t n)
{
	if (n == 0 || !reserve(str, n))
		return;
	memcpy(str->s + str->len, text, n);
	str->len += n;
	str->s[str->len] = '\0';
}

void om_str_add(struct om_str *str, const char *text)
{
	om_str_add_n(str, text, strlen(text));
}

void om_str_addf(struct om_str *str, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(NULL, 0, format, ap);
	va_end(ap);
	if (n <= 0 || !reserve(str, (size_t)n))
		return;
	va_start(ap, format);
	(void)vsnprintf(str->s + str->len, (size_t)n + 1, format, ap);
	va_end(ap);
	str->len += (size_t)n;
}

static bool is_plain_shell(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-+=:,@%";

	return *text && text[strspn(text, plain)] == '\0';
}

static bool is_printable(unsigned char c)
{
	return c >= 0x20 && c <= 0x7e;
}

void om_str_add_shell(struct om_str *str, const char *text)
{
	bool printable = true;

	if (is_plain_shell(text)) {
		om_str_add(str, text);
		return;
	}
	for (const char *p = text; *p; p++)
		printable = printable && is_printable((unsigned char)*p);
	om_str_add(str, printable ? "'" : "$'");
	for (const char *p = text; *p; p++) {
		if (!is_printable((unsigned char)*p))
			om_str_addf(str, "\\x%02x", (unsigned char)*p);
		else if (*p == '\'')
			om_str_add(str, printable ? "'\\''" : "\\'");
		else if (*p == '\\' && !printable)
			om_str_add(str, "\\\\");
		else
			om_str_add_n(str, p, 1);
	}
	om_str_add(str, "'");
}

void om_str_cut(struct om_str *str, size_t len)
{
	if (len >= str->len)
		return;
	str->len = len;
	str->s[len] = '\0';
}

const char *om_str_get(const struct om_str *str)
{
	return str->s ? str->s : "";
}

char *om_str_take(struct om_str *str)
{
	char *s = str->s;

	if (str->err < 0) {
		om_str_free(str);
		return NULL;
	}
	if (!s)
		s = strdup("");
	*str = (struct om_str){ 0 };
	return s;
}

void om_str_free(struct om_str *str)
{
	if (!str)
		return;
	free(str->s);
	*str = (struct om_str){ 0 };
}

char *om_asprintf(const char *format, ...)
{
	char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	return n < 0 ? NULL : text;
}

static size_t escape(char *buf, size_t size, const char *text, size_t bytes,
		     const char *also)
{
	size_t used = 0;

	for (size_t i = 0; i < bytes && used + 5 <= size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (is_printable(c) && !strchr(also, c))
			buf[used++] = (char)c;
		else
			used += (size_t)snprintf(buf + used, size - used, "\\x%02x", c);
	}
	buf[used] = '\0';
	return used;
}

char *om_quote(char buf[static OM_QUOTE_SIZE], const char *text)
{
	size_t length = strlen(text);
	size_t shown = length > QUOTED_BYTES ? QUOTED_BYTES : length;
	size_t used;

	buf[0] = '"';
	used = 1 + escape(buf + 1, OM_QUOTE_SIZE - 40, text, shown, "\"\\");
	if (shown < length)
		(void)snprintf(buf + used, OM_QUOTE_SIZE - used, "...(+%zu)\"",
			       length - shown);
	else
		(void)snprintf(buf + used, OM_QUOTE_SIZE - used, "\"");
	return buf;
}

char *om_bare(char *buf, size_t size, const char *text)
{
	(void)escape(buf, size, text, strlen(text), "");
	return buf;
}

static int digit_value(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : 99;
}

int om_parse_number(const char *text, int base, unsigned long long max,
		    unsigned long long *ret_value)
{
	unsigned long long value = 0;

	if (!*text)
		return -EINVAL;
	for (const char *p = text; *p; p++) {
		int digit = digit_value(*p);

		if (digit >= base)
			return -EINVAL;
		if (value > (max - (unsigned)digit) / (unsigned)base)
			return -ERANGE;
		value = value * (unsigned)base + (unsigned)digit;
	}
	*ret_value = value;
	return 0;
}

bool om_streq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

const char *om_startswith(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}
