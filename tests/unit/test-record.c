/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * probe/record and base/yaml: what is written is read back, what people edit is understood,
 * and what is wrong is refused with its place.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/str.h"
#include "base/yaml.h"
#include "probe/record.h"

#define SCHEMA "schema: overmount.facts/1\n"

/* --- Helpers ------------------------------------------------------------------------- */

/* What differs, or NULL. */
static const char *differing(const struct om_record *a, const struct om_record *b)
{
	if (strcmp(a->kernel, b->kernel) != 0)
		return "kernel";
	if (strcmp(a->version, b->version) != 0)
		return "version";
	if (strcmp(a->machine, b->machine) != 0)
		return "machine";
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		const struct om_fact *x = &a->facts.fact[i], *y = &b->facts.fact[i];

		if (x->state != y->state || strcmp(x->value, y->value) != 0 ||
		    strcmp(x->evidence, y->evidence) != 0)
			return om_fact_name((enum om_fact_id)i);
	}
	return NULL;
}

static void write_record(const struct om_record *record, struct om_str *out)
{
	assert_int_equal(om_record_write(record, out), 0);
	assert_non_null(out->s);
}

static void read_back(const char *text, struct om_record *ret)
{
	struct om_error e = { 0 };

	if (om_record_read("r.yaml", text, strlen(text), ret, &e) != 0)
		fail_msg("%s: %s in:\n%s", e.where, e.message, text);
	assert_int_equal(e.kind, OM_ERR_NONE);
}

/* Writes and reads; what is read must be want, and writing that must give the same bytes. */
static void round_trip(const struct om_record *record, const struct om_record *want)
{
	static struct om_record again;
	struct om_str first = { 0 }, second = { 0 };
	const char *difference;

	write_record(record, &first);
	memset(&again, 0x5a, sizeof(again));
	read_back(om_str_get(&first), &again);
	difference = differing(&again, want);
	if (difference)
		fail_msg("%s differs in:\n%s", difference, om_str_get(&first));
	write_record(&again, &second);
	assert_string_equal(om_str_get(&second), om_str_get(&first));
	om_str_free(&first);
	om_str_free(&second);
}

/* xorshift64: the same numbers everywhere. */
static uint64_t random_state = 0x6f7665726d6f756e;

static unsigned random_below(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)((random_state >> 11) % n);
}

/* Pieces of text, and what they are after writing and reading.  NULL: the same. */
static const struct {
	const char *text;
	const char *want;
} pieces[] = {
	{ "\"", NULL },
	{ "'", NULL },
	{ "\\", NULL },
	{ ": ", NULL },
	{ " #", NULL },
	{ "# ", NULL },
	{ "- ", NULL },
	{ "? ", NULL },
	{ "%", NULL },
	{ "&a *a", NULL },
	{ "!!str ", NULL },
	{ "{[,]}", NULL },
	{ "---\n", NULL },
	{ "...\n", NULL },
	{ " ", NULL },
	{ "   ", NULL },
	{ "\t", NULL },
	{ "\n", NULL },
	{ "\r\n", NULL },
	{ "\n\n", NULL },
	{ "yes", NULL },
	{ "no", NULL },
	{ "null", NULL },
	{ "~", NULL },
	{ "1e3", NULL },
	{ "0x7f", NULL },
	{ "\\x41", NULL },
	{ "\x01\x02\x1b[2J", NULL },
	{ "\x7f", NULL },
	{ "\xc3\xbc", NULL },	      /* U+00FC */
	{ "\xc2\x85", NULL },	      /* U+0085, a line break of YAML */
	{ "\xe2\x80\xa8", NULL },     /* U+2028, another one */
	{ "\xef\xbb\xbf", NULL },     /* U+FEFF */
	{ "\xef\xbf\xbf", NULL },     /* U+FFFF */
	{ "\xf0\x9f\x98\x80", NULL }, /* U+1F600 */
	{ "\xf4\x8f\xbf\xbf", NULL }, /* U+10FFFF, the last one */
	{ "\xff", "?" },
	{ "\x80", "?" },
	{ "\xc3x", "?x" },
	{ "\xe2\x82x", "??x" },
	{ "\xf0\x9f\x98x", "???x" },
	{ "\xc0\xaf", "??" },		/* overlong */
	{ "\xe0\x80\xaf", "???" },	/* overlong */
	{ "\xed\xa0\x80", "???" },	/* a surrogate */
	{ "\xf4\x90\x80\x80", "????" }, /* beyond Unicode */
	{ "\xf8\x88\x80\x80\x80", "?????" },
	{ "overlay of two directories", NULL },
	{ "mount_setattr(2): EINVAL", NULL },
};

/* Fills text and want, of the same size, with pieces; nearly always few. */
static void random_text(char *text, char *want, size_t size)
{
	unsigned n = random_below(50) == 0 ? 300 : random_below(5);

	text[0] = want[0] = '\0';
	while (n-- > 0) {
		size_t i = random_below(ARRAY_SIZE(pieces)), used = strlen(text);

		if (used + strlen(pieces[i].text) >= size)
			continue;
		strcpy(text + used, pieces[i].text);
		strcpy(want + used, pieces[i].want ? pieces[i].want : pieces[i].text);
	}
}

static void random_record(struct om_record *record, struct om_record *want)
{
	memset(record, 0, sizeof(*record));
	memset(want, 0, sizeof(*want));
	random_text(record->kernel, want->kernel, sizeof(want->kernel));
	random_text(record->version, want->version, sizeof(want->version));
	random_text(record->machine, want->machine, sizeof(want->machine));
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		struct om_fact *fact = &record->facts.fact[i];
		struct om_fact *wanted = &want->facts.fact[i];

		fact->state = wanted->state = (enum om_tristate)random_below(3);
		fact->fleeting = random_below(2);
		random_text(fact->value, wanted->value, sizeof(fact->value));
		random_text(fact->evidence, wanted->evidence, sizeof(fact->evidence));
	}
}

/* --- Writing ------------------------------------------------------------------------- */

static void test_as_written(void **state)
{
	static const char start[] =
		"schema: overmount.facts/1\n"
		"kernel: \"6.1.0\"\n"
		"version: \"#1 SMP \\\"quoted\\\"\"\n"
		"machine: \"\"\n"
		"facts:\n"
		"  # Can a mount be cloned without being attached?\n"
		"  mount-api.open-tree:\n"
		"    state: \"yes\"\n"
		"    value: \"a\\\\b\\n\\x09\\xfc\\u20ac\\U0001f600?\"\n"
		"    evidence: \"# : '\"\n"
		"  # Can a file system be mounted without being attached?\n"
		"  mount-api.fsopen:\n"
		"    state: \"unknown\"\n"
		"  # ";
	static struct om_record record;
	struct om_str out = { 0 };
	const char *body;

	(void)state;
	strcpy(record.kernel, "6.1.0");
	strcpy(record.version, "#1 SMP \"quoted\"");
	om_facts_init(&record.facts);
	om_facts_set(&record.facts, OM_FACT_OPEN_TREE, OM_YES,
		     "a\\b\n\t\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\xff", "# : '");
	write_record(&record, &out);
	body = strstr(om_str_get(&out), "\nschema");
	assert_non_null(body);
	assert_int_equal(strncmp(om_str_get(&out), "# ", 2), 0);
	assert_memory_equal(body + 1, start, sizeof(start) - 1);
	/* Lines of printable ASCII, whatever the values hold. */
	for (const char *p = om_str_get(&out); *p; p++)
		assert_true(*p == '\n' || (*p >= 0x20 && *p <= 0x7e));
	om_str_free(&out);
}

/* --- Round trips --------------------------------------------------------------------- */

static void test_every_piece_everywhere(void **state)
{
	static struct om_record record, want;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		const char *text = pieces[i].text;
		const char *after = pieces[i].want ? pieces[i].want : text;

		memset(&record, 0, sizeof(record));
		memset(&want, 0, sizeof(want));
		strcpy(record.kernel, text);
		strcpy(want.kernel, after);
		strcpy(record.version, text);
		strcpy(want.version, after);
		strcpy(record.machine, text);
		strcpy(want.machine, after);
		for (size_t k = 0; k < _OM_FACT_MAX; k++) {
			strcpy(record.facts.fact[k].value, text);
			strcpy(want.facts.fact[k].value, after);
			strcpy(record.facts.fact[k].evidence, text);
			strcpy(want.facts.fact[k].evidence, after);
		}
		round_trip(&record, &want);
	}
}

/* Each byte, alone and in company, in texts that are as long as they can be. */
static void test_every_byte(void **state)
{
	static struct om_record record, want;

	(void)state;
	for (int c = 1; c < 256; c++) {
		struct om_fact *fact = &record.facts.fact[OM_FACT_LSM];
		struct om_fact *wanted = &want.facts.fact[OM_FACT_LSM];
		int after = c < 0x80 ? c : '?';

		memset(fact->value, c, sizeof(fact->value) - 1);
		memset(wanted->value, after, sizeof(fact->value) - 1);
		memset(fact->evidence, 'e', sizeof(fact->evidence) - 1);
		fact->evidence[100] = (char)c;
		memcpy(wanted->evidence, fact->evidence, sizeof(fact->evidence));
		wanted->evidence[100] = (char)after;
		round_trip(&record, &want);
	}
}

static void test_random_records(void **state)
{
	static struct om_record record, want;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		random_record(&record, &want);
		round_trip(&record, &want);
	}
}

/* The comparison above is worth something: it sees every single change. */
static void test_control_differences_are_seen(void **state)
{
	static struct om_record record, want, other;

	(void)state;
	random_record(&want, &record);
	assert_null(differing(&record, &record));
	other = record;
	other.kernel[0] ^= 1;
	assert_string_equal(differing(&record, &other), "kernel");
	other = record;
	other.version[0] ^= 1;
	assert_string_equal(differing(&record, &other), "version");
	other = record;
	other.machine[0] ^= 1;
	assert_string_equal(differing(&record, &other), "machine");
	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		const char *name = om_fact_name((enum om_fact_id)i);
		struct om_fact *fact = &other.facts.fact[i];

		other = record;
		fact->state = (fact->state + 1) % 3;
		assert_string_equal(differing(&record, &other), name);
		other = record;
		fact->value[0] ^= 1;
		assert_string_equal(differing(&record, &other), name);
		other = record;
		fact->evidence[0] ^= 1;
		assert_string_equal(differing(&record, &other), name);
	}
}

/* --- Edited by hand ------------------------------------------------------------------ */

static void test_edited_by_hand(void **state)
{
	static const struct {
		const char *text;
		enum om_tristate overlay;
		const char *value;
		const char *evidence;
	} cases[] = {
		{ SCHEMA, OM_UNKNOWN, "", "not recorded" },
		{ SCHEMA "facts:\n", OM_UNKNOWN, "", "not recorded" },
		{ SCHEMA "facts: {}\n", OM_UNKNOWN, "", "not recorded" },
		{ SCHEMA "facts:\n  overlay.ro: \"no\"\n", OM_NO, "", "" },
		{ SCHEMA "facts:\n  overlay.ro: no\n", OM_NO, "", "" },
		{ SCHEMA "facts:\n  'overlay.ro': 'yes'\n", OM_YES, "", "" },
		{ SCHEMA "facts:\n  overlay.ro: yes # tried\n", OM_YES, "", "" },
		{ SCHEMA "facts: {overlay.ro: unknown}\n", OM_UNKNOWN, "", "" },
		{ SCHEMA "facts:\n  overlay.ro:\n    state: yes\n", OM_YES, "", "" },
		{ SCHEMA "facts: {overlay.ro: {state: \"yes\", value: 2}}", OM_YES, "2",
		  "" },
		{ SCHEMA "facts:\n  overlay.ro:\n    evidence: it's so\n    value: \"\"\n"
			 "    state: \"no\"\n",
		  OM_NO, "", "it's so" },
		{ SCHEMA "facts:\n  overlay.ro:\n    evidence: \"null\"\n    value: '~'\n"
			 "    state: \"no\"\n",
		  OM_NO, "~", "null" },
		{ SCHEMA
		  "facts:\n  overlay.ro:\n    evidence: |\n      two\n      lines\n"
		  "    state: \"no\"\n",
		  OM_NO, "", "two\nlines\n" },
		{ SCHEMA
		  "facts:\n  overlay.ro:\n    evidence: f\xc3\xbcr\n    state: no\n",
		  OM_NO, "", "f\xc3\xbcr" },
		{ "facts:\n  overlay.ro: \"no\"\nmachine: m\nkernel: 6.10\n"
		  "version: '#1'\n" SCHEMA,
		  OM_NO, "", "" },
		{ "# said\n---\n'schema': \"overmount.facts/1\"\n"
		  "facts:\n  overlay.ro: \"no\"\n...\n",
		  OM_NO, "", "" },
		{ "{schema: overmount.facts/1, facts: {overlay.ro: no}}", OM_NO, "", "" },
		{ "schema: overmount.facts/1\r\nfacts:\r\n  overlay.ro: no\r\n", OM_NO,
		  "", "" },
	};
	static struct om_record record;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct om_fact *fact = &record.facts.fact[OM_FACT_OVERLAY_RO];
		const struct om_fact *left_out = &record.facts.fact[OM_FACT_LSM];

		read_back(cases[i].text, &record);
		assert_int_equal(fact->state, cases[i].overlay);
		assert_string_equal(fact->value, cases[i].value);
		assert_string_equal(fact->evidence, cases[i].evidence);
		assert_int_equal(left_out->state, OM_UNKNOWN);
		assert_string_equal(left_out->evidence, "not recorded");
		round_trip(&record, &record);
	}
}

static void test_order_is_free(void **state)
{
	static struct om_record record;

	(void)state;
	read_back("facts:\n  overlay.ro: \"no\"\n  openat2: \"yes\"\n  lsm.list:\n"
		  "    value: a,b\n    state: \"yes\"\n"
		  "machine: m\nkernel: 6.10\nversion: '#1'\n" SCHEMA,
		  &record);
	assert_string_equal(record.kernel, "6.10");
	assert_string_equal(record.version, "#1");
	assert_string_equal(record.machine, "m");
	assert_int_equal(record.facts.fact[OM_FACT_OPENAT2].state, OM_YES);
	assert_int_equal(record.facts.fact[OM_FACT_OVERLAY_RO].state, OM_NO);
	assert_string_equal(record.facts.fact[OM_FACT_LSM].value, "a,b");
}

/* --- Refused ------------------------------------------------------------------------- */

static const char *told(const char *text, size_t size)
{
	static struct om_record record, empty;
	static char line[2048];
	struct om_error e = { 0 };
	int rc = om_record_read("r.yaml", text, size, &record, &e);

	if (rc == 0)
		return "accepted";
	assert_int_equal(rc, -EINVAL);
	assert_int_equal(e.kind, OM_ERR_INPUT);
	assert_int_equal(e.err, -EINVAL);
	/* Nothing of what was read so far is left. */
	om_facts_init(&empty.facts);
	assert_null(differing(&record, &empty));
	(void)snprintf(line, sizeof(line), "%s: %s%s%s", e.where, e.message,
		       e.fix[0] ? "; fix: " : "", e.fix);
	for (const char *p = line; *p; p++)
		assert_true(*p >= 0x20 && *p <= 0x7e);
	return line;
}

/* WHERE is LINE:COLUMN: FIELD; the rest of the line is the same for all. */
static const struct {
	const char *text;
	const char *where;
	const char *message;
	const char *fix;
} refused[] = {
	/* The document. */
	{ "", "1:1: schema",
	  "\"schema\": the key is missing, want schema: overmount.facts/1", NULL },
	{ "# nothing\n", "1:1: schema",
	  "\"schema\": the key is missing, want schema: overmount.facts/1", NULL },
	{ "null\n", "1:1: schema",
	  "\"schema\": the key is missing, want schema: overmount.facts/1", NULL },
	{ "facts:\n", "1:1: schema",
	  "\"schema\": the key is missing, want schema: overmount.facts/1", NULL },
	{ "just words\n", "1:1", "the YAML document: expected a map at the top", NULL },
	{ "- a\n", "1:1", "the YAML document: expected a map at the top", NULL },
	{ "&a\n" SCHEMA, "1:1", "the YAML document: anchors are not supported", NULL },
	{ "!!map\n" SCHEMA, "1:1", "the YAML document: tags are not supported", NULL },
	{ SCHEMA "---\n" SCHEMA, "2:1", "the YAML document: more than one document",
	  NULL },
	{ "null\n---\n" SCHEMA, "2:1", "the YAML document: more than one document",
	  NULL },
	{ SCHEMA "facts: [\n", "2:8: facts", "\"facts\": expected a map, found a list",
	  NULL },
	{ SCHEMA "facts:\n\toverlay.ro: no\n", "3:1",
	  "the YAML document: found character that cannot start any token",
	  "indent with blanks, not with tabs" },
	{ SCHEMA "kernel: \"open\n", "3:1",
	  "the YAML document: found unexpected end of stream", NULL },
	{ SCHEMA "# \xc3\xbc\nkernel: \xc3\xbc\xff\n", "3:10",
	  "the YAML document: invalid leading UTF-8 octet", NULL },
	{ SCHEMA "kernel: a\x01\n", "2:10",
	  "the YAML document: control characters are not allowed", NULL },
	{ SCHEMA "kernel: \"\\q\"\n", "2:10",
	  "the YAML document: found unknown escape character", NULL },
	/* Keys of the document. */
	{ SCHEMA "colour: red\n", "2:1: colour",
	  "\"colour\": unknown key, want schema, kernel, version, machine or facts",
	  NULL },
	{ "name: app\nlayout: {}\n", "1:1: name",
	  "\"name\": unknown key, want schema, kernel, version, machine or facts", NULL },
	{ SCHEMA "\"a\\e[2J\": red\n", "2:1: a\\x1b[2J",
	  "\"a\\x1b[2J\": unknown key, want schema, kernel, version, machine or facts",
	  NULL },
	{ SCHEMA "[a]: red\n", "2:1",
	  "the YAML document: expected a string, found a list", NULL },
	{ SCHEMA "? {a: b}\n: red\n", "2:3",
	  "the YAML document: expected a string, found a map", NULL },
	{ SCHEMA "&k kernel: a\n", "2:1", "the YAML document: anchors are not supported",
	  NULL },
	{ SCHEMA "!!str kernel: a\n", "2:1", "the YAML document: tags are not supported",
	  NULL },
	{ SCHEMA "<<: {kernel: a}\n", "2:1: <<",
	  "\"<<\": unknown key, want schema, kernel, version, machine or facts", NULL },
	{ SCHEMA "kernel: a\nkernel: b\n", "3:1: kernel",
	  "\"kernel\": the key is given twice", NULL },
	{ SCHEMA SCHEMA, "2:1: schema", "\"schema\": the key is given twice", NULL },
	{ SCHEMA "facts:\nmachine: m\nfacts:\n", "4:1: facts",
	  "\"facts\": the key is given twice", NULL },
	/* Their values. */
	{ "schema: overmount.facts/2\n", "1:9: schema",
	  "\"overmount.facts/2\": unknown schema, want overmount.facts/1", NULL },
	{ "schema: overmount.plan/1\n", "1:9: schema",
	  "\"overmount.plan/1\": unknown schema, want overmount.facts/1", NULL },
	{ "schema:\n", "1:8: schema", "\"schema\": expected a string, found nothing",
	  NULL },
	{ "schema: [overmount.facts/1]\n", "1:9: schema",
	  "\"schema\": expected a string, found a list", NULL },
	{ "schema: overmount.facts/1000000000000000000000000000000000000000000000000000\n",
	  "1:9: schema",
	  "\"overmount.facts/1000000000000000000000000000000000000000000000000000\": unknown schema, want overmount.facts/1",
	  NULL },
	{ SCHEMA "kernel:\n", "2:8: kernel",
	  "\"kernel\": expected a string, found nothing", NULL },
	{ SCHEMA "kernel: {a: b}\n", "2:9: kernel",
	  "\"kernel\": expected a string, found a map", NULL },
	{ SCHEMA "kernel: &a x\nmachine: *a\n", "2:9: kernel",
	  "\"kernel\": anchors are not supported", NULL },
	{ SCHEMA "machine: *a\n", "2:10: machine",
	  "\"machine\": aliases are not supported", NULL },
	{ SCHEMA "machine: !!str x\n", "2:10: machine",
	  "\"machine\": tags are not supported", NULL },
	{ SCHEMA "machine: \"a\\0b\"\n", "2:10: machine",
	  "\"machine\": NUL character in a string", NULL },
	{ SCHEMA
	  "kernel: 12345678901234567890123456789012345678901234567890123456789012345\n",
	  "2:9: kernel",
	  "\"12345678901234567890123456789012345678901234567890123456789012345\": longer than 64 bytes",
	  NULL },
	{ SCHEMA "facts: yes\n", "2:8: facts",
	  "\"facts\": expected a map, found a string", NULL },
	{ SCHEMA "facts: [overlay.ro]\n", "2:8: facts",
	  "\"facts\": expected a map, found a list", NULL },
	{ SCHEMA "facts: &a {}\n", "2:8: facts", "\"facts\": anchors are not supported",
	  NULL },
	{ SCHEMA "facts: *a\n", "2:8: facts", "\"facts\": aliases are not supported",
	  NULL },
	/* Facts. */
	{ SCHEMA "facts:\n  overlay.or: yes\n", "3:3: facts.overlay.or",
	  "\"overlay.or\": unknown fact", "did you mean \"overlay.ro\"?" },
	{ SCHEMA "facts:\n  overlay-ro: yes\n", "3:3: facts.overlay-ro",
	  "\"overlay-ro\": unknown fact", "did you mean \"overlay.ro\"?" },
	{ SCHEMA "facts:\n  Openat2: yes\n", "3:3: facts.Openat2",
	  "\"Openat2\": unknown fact", "did you mean \"openat2\"?" },
	{ SCHEMA "facts:\n  overlay: yes\n", "3:3: facts.overlay",
	  "\"overlay\": unknown fact", "did you mean \"overlay.ro\"?" },
	{ SCHEMA "facts:\n  \"\": yes\n", "3:3: facts.", "\"\": unknown fact", NULL },
	{ SCHEMA "facts:\n  [overlay.ro]: yes\n", "3:3: facts",
	  "\"facts\": expected a string, found a list", NULL },
	{ SCHEMA "facts:\n  <<: *a\n", "3:3: facts.<<", "\"<<\": unknown fact", NULL },
	{ SCHEMA "facts:\n  overlay.ro: yes\n  openat2: no\n  overlay.ro: yes\n",
	  "5:3: facts.overlay.ro", "\"overlay.ro\": the fact is given twice", NULL },
	{ SCHEMA "facts:\n  overlay.ro: maybe\n", "3:15: facts.overlay.ro",
	  "\"maybe\": unknown state, want yes, no or unknown", NULL },
	{ SCHEMA "facts:\n  overlay.ro: Yes\n", "3:15: facts.overlay.ro",
	  "\"Yes\": unknown state, want yes, no or unknown", NULL },
	{ SCHEMA "facts:\n  overlay.ro: true\n", "3:15: facts.overlay.ro",
	  "\"true\": unknown state, want yes, no or unknown", NULL },
	{ SCHEMA "facts:\n  overlay.ro: \"\"\n", "3:15: facts.overlay.ro",
	  "\"\": unknown state, want yes, no or unknown", NULL },
	{ SCHEMA "facts:\n  overlay.ro: \"yes\\0\"\n", "3:15: facts.overlay.ro",
	  "\"overlay.ro\": NUL character in a string", NULL },
	{ SCHEMA "facts:\n  overlay.ro: \"yes \"\n", "3:15: facts.overlay.ro",
	  "\"yes \": unknown state, want yes, no or unknown", NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n", "3:14: facts.overlay.ro",
	  "\"overlay.ro\": expected a string, found nothing", NULL },
	{ SCHEMA "facts:\n  overlay.ro: [yes]\n", "3:15: facts.overlay.ro",
	  "\"overlay.ro\": expected a map, found a list", NULL },
	{ SCHEMA "facts:\n  overlay.ro: {}\n", "3:3: facts.overlay.ro",
	  "\"overlay.ro\": no state is given", NULL },
	{ SCHEMA "facts:\n  overlay.ro: &a {state: yes}\n", "3:15: facts.overlay.ro",
	  "\"overlay.ro\": anchors are not supported", NULL },
	{ SCHEMA "facts:\n  overlay.ro: &a yes\n  openat2: *a\n",
	  "3:15: facts.overlay.ro", "\"overlay.ro\": anchors are not supported", NULL },
	{ SCHEMA "facts:\n  overlay.ro: !!bool yes\n", "3:15: facts.overlay.ro",
	  "\"overlay.ro\": tags are not supported", NULL },
	/* What a fact holds. */
	{ SCHEMA "facts:\n  overlay.ro:\n    value: 2\n", "3:3: facts.overlay.ro",
	  "\"overlay.ro\": no state is given", NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n    stat: yes\n", "4:5: facts.overlay.ro.stat",
	  "\"stat\": unknown key, want state, value or evidence", NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n    fleeting: true\n",
	  "4:5: facts.overlay.ro.fleeting",
	  "\"fleeting\": unknown key, want state, value or evidence", NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n    [state]: yes\n", "4:5: facts.overlay.ro",
	  "\"overlay.ro\": expected a string, found a list", NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n    state: yes\n    state: yes\n",
	  "5:5: facts.overlay.ro.state", "\"state\": the key is given twice", NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n    state: 1\n", "4:12: facts.overlay.ro.state",
	  "\"1\": unknown state, want yes, no or unknown", NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n    state:\n", "4:11: facts.overlay.ro.state",
	  "\"state\": expected a string, found nothing", NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n    state: [yes]\n",
	  "4:12: facts.overlay.ro.state", "\"state\": expected a string, found a list",
	  NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n    state: yes\n    value:\n",
	  "5:11: facts.overlay.ro.value", "\"value\": expected a string, found nothing",
	  NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n    state: yes\n    value: ~\n",
	  "5:12: facts.overlay.ro.value", "\"value\": expected a string, found nothing",
	  NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n    state: yes\n    value: {a: b}\n",
	  "5:12: facts.overlay.ro.value", "\"value\": expected a string, found a map",
	  NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n    state: yes\n    evidence: *a\n",
	  "5:15: facts.overlay.ro.evidence", "\"evidence\": aliases are not supported",
	  NULL },
	{ SCHEMA "facts:\n  overlay.ro:\n    state: yes\n    evidence: \"\\0\"\n",
	  "5:15: facts.overlay.ro.evidence", "\"evidence\": NUL character in a string",
	  NULL },
};

static void test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		const char *got = told(refused[i].text, strlen(refused[i].text));
		char want[512];

		(void)snprintf(want, sizeof(want), "r.yaml:%s: cannot read %s%s%s",
			       refused[i].where, refused[i].message,
			       refused[i].fix ? "; fix: " : "",
			       refused[i].fix ? refused[i].fix : "");
		if (strcmp(got, want) != 0)
			fail_msg("case %zu:\n%s\ngives: %s\nwant:  %s", i,
				 refused[i].text, got, want);
	}
}

static void test_too_long(void **state)
{
	static const struct {
		const char *key;
		size_t fits;
		const char *want;
	} cases[] = {
		{ "value", 127, "longer than 127 bytes" },
		{ "evidence", 255, "longer than 255 bytes" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[512], filler[300], want[700];

		for (size_t n = cases[i].fits; n <= cases[i].fits + 1; n++) {
			memset(filler, 'x', n);
			filler[n] = '\0';
			(void)snprintf(text, sizeof(text),
				       SCHEMA "facts:\n  overlay.ro:\n    state: yes\n"
					      "    %s: %s\n",
				       cases[i].key, filler);
			(void)snprintf(want, sizeof(want),
				       "r.yaml:5:%zu: facts.overlay.ro.%s: cannot read "
				       "%s: %s",
				       strlen(cases[i].key) + 7, cases[i].key,
				       OM_Q(filler), cases[i].want);
			assert_string_equal(told(text, strlen(text)),
					    n == cases[i].fits ? "accepted" : want);
		}
	}
}

/* Bytes that C strings cannot hold, depth and size. */
static void test_limits(void **state)
{
	static const char nul[] = SCHEMA "kernel: a\0b\n";
	char deep[512] = SCHEMA "kernel: ";
	char *big = malloc(OM_MAX_YAML_SIZE + 1);

	(void)state;
	assert_string_equal(told(nul, sizeof(nul) - 1),
			    "r.yaml:2:10: cannot read the YAML document: control "
			    "characters are not allowed");
	/* A list is refused where it starts, however deep it goes. */
	memset(deep + strlen(deep), '[', 200);
	assert_string_equal(told(deep, strlen(deep)),
			    "r.yaml:2:9: kernel: cannot read \"kernel\": expected a "
			    "string, found a list");
	assert_non_null(big);
	memset(big, '\n', OM_MAX_YAML_SIZE + 1);
	memcpy(big, SCHEMA, sizeof(SCHEMA) - 1);
	assert_string_equal(told(big, OM_MAX_YAML_SIZE), "accepted");
	assert_string_equal(told(big, OM_MAX_YAML_SIZE + 1),
			    "r.yaml: cannot read the YAML document: larger than 1 MiB");
	free(big);
}

/* Depth is counted where nodes are skipped, too: that is what keeps libyaml's stack small. */
static void test_depth(void **state)
{
	(void)state;
	for (unsigned depth = OM_MAX_YAML_DEPTH; depth <= OM_MAX_YAML_DEPTH + 1;
	     depth++) {
		char text[2 * OM_MAX_YAML_DEPTH + 3] = "";
		struct om_error e = { 0 };
		struct om_yaml y;
		int rc;

		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		assert_int_equal(om_yaml_open(&y, "f", text, strlen(text), &e), 0);
		/* The start of the stream, that of the document, and the list. */
		rc = om_yaml_skip(&y);
		if (rc == 0)
			rc = om_yaml_skip(&y);
		if (rc == 0)
			rc = om_yaml_skip(&y);
		if (rc == 0)
			rc = om_yaml_end(&y);
		om_yaml_close(&y);
		assert_int_equal(rc, depth > OM_MAX_YAML_DEPTH ? -EINVAL : 0);
		assert_string_equal(e.where, rc ? "f:1:65" : "");
		assert_string_equal(e.message,
				    rc ? "cannot read the YAML document: nested deeper "
					 "than 64 levels"
				       : "");
	}
}

/* An error need not be asked for. */
static void test_without_error(void **state)
{
	static struct om_record record;

	(void)state;
	assert_int_equal(om_record_read("r.yaml", "a", 1, &record, NULL), -EINVAL);
}

/*
 * Damage in any place is refused in one line, or what was read is a record like any other.
 * The small set of bytes makes damage that still looks like YAML.
 */
static void test_damaged(void **state)
{
	static const char bytes[] = "\n \t:#\"'\\-?[]{},&*!|>%@`~<.0yn\x01\xc3\xff";
	static struct om_record record, want;
	size_t accepted = 0, told_off = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		struct om_str text = { 0 };
		unsigned edits = 1 + random_below(3);

		if (i % 100 == 0)
			random_record(&record, &want);
		write_record(&record, &text);
		while (edits-- > 0)
			text.s[random_below((unsigned)text.len)] =
				bytes[random_below(sizeof(bytes))];
		if (strcmp(told(text.s, text.len), "accepted") == 0) {
			struct om_error e = { 0 };

			assert_int_equal(
				om_record_read("r.yaml", text.s, text.len, &want, &e), 0);
			round_trip(&want, &want);
			accepted++;
		} else {
			told_off++;
		}
		om_str_free(&text);
	}
	/* Both happen, or the test would prove little. */
	assert_true(accepted > 100);
	assert_true(told_off > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_written),
		cmocka_unit_test(test_every_piece_everywhere),
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_random_records),
		cmocka_unit_test(test_control_differences_are_seen),
		cmocka_unit_test(test_edited_by_hand),
		cmocka_unit_test(test_order_is_free),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_without_error),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
