/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See record.h.
 */
#include "probe/record.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/yaml.h"

/* --- Writing ------------------------------------------------------------------------- */

static const char head[] =
	"# What the kernel of one machine can do for mount namespaces, found by trying it:\n"
	"#     overmount probe --save FILE\n"
	"# With this file, a plan for that machine can be made on any other one:\n"
	"#     overmount plan --facts FILE PROFILE\n"
	"# It may be edited by hand.  The order is free, a fact that is left out is unknown,\n"
	"# and `overlay.ro: \"no\"` is short for a fact with nothing but a state.  The states\n"
	"# are \"yes\", \"no\" and \"unknown\", in quotes: many readers of YAML take a plain yes\n"
	"# or no for a boolean.\n";

static void add_text(struct om_str *out, const char *key, const char *text)
{
	om_str_addf(out, "%s: ", key);
	om_yaml_add_quoted(out, text);
	om_str_add(out, "\n");
}

static void add_fact(struct om_str *out, enum om_fact_id id, const struct om_fact *fact)
{
	const struct om_fact_info *info = om_fact_info(id);

	om_str_addf(out, "  # %c%s?\n", toupper((unsigned char)info->question[0]),
		    info->question + 1);
	om_str_addf(out, "  %s:\n", info->name);
	add_text(out, "    state", om_tristate_name(fact->state));
	if (fact->value[0])
		add_text(out, "    value", fact->value);
	if (fact->evidence[0])
		add_text(out, "    evidence", fact->evidence);
}

int om_record_write(const struct om_record *record, struct om_str *out)
{
	om_str_add(out, head);
	om_str_add(out, "schema: " OM_RECORD_SCHEMA "\n");
	add_text(out, "kernel", record->kernel);
	add_text(out, "version", record->version);
	add_text(out, "machine", record->machine);
	om_str_add(out, "facts:\n");
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		add_fact(out, (enum om_fact_id)i, &record->facts.fact[i]);
	return out->err;
}

/* --- Reading ------------------------------------------------------------------------- */

struct reader {
	struct om_yaml yaml;
	struct om_record *record;
	om_fact_set seen;
};

enum top_key { TOP_SCHEMA, TOP_KERNEL, TOP_VERSION, TOP_MACHINE, TOP_FACTS, _TOP_MAX };
static const char *const top_names[] = { "schema",  "kernel", "version",
					 "machine", "facts",  NULL };

enum fact_key { FACT_STATE, FACT_VALUE, FACT_EVIDENCE, _FACT_KEY_MAX };
static const char *const fact_key_names[] = { "state", "value", "evidence", NULL };

/* Where something stands: FIELD, facts.FACT or facts.FACT.FIELD. */
struct place {
	const char *fact;  /* NULL outside of the facts */
	const char *field; /* NULL for the fact itself; both NULL for the document */
};

/* The name that people know the place by, NULL for the document. */
static const char *place_name(const struct place *place)
{
	return place->field ? place->field : place->fact;
}

/* what is the word that is wrong, NULL for the document. */
static int fail_at(struct reader *r, const yaml_event_t *at, const struct place *place,
		   const char *what, const char *reason)
{
	char fact[100] = "", key[100] = "", field[256];

	if (place->fact)
		om_bare(fact, sizeof(fact), place->fact);
	if (place->field)
		om_bare(key, sizeof(key), place->field);
	(void)snprintf(field, sizeof(field), "%s%s%s%s", place->fact ? "facts." : "",
		       fact, place->fact && place->field ? "." : "", key);
	return om_yaml_fail(&r->yaml, at, place_name(place) ? field : NULL,
			    what ? OM_Q(what) : NULL, reason);
}

/* A value must be a text, and there. */
static int check_text(struct reader *r, const yaml_event_t *event,
		      const struct place *place)
{
	const char *bad = om_yaml_scalar_bad(event);

	if (!bad && om_yaml_is_null(event))
		bad = "expected a string, found nothing";
	return bad ? fail_at(r, event, place, place_name(place), bad) : 0;
}

/* Copies the text that is due, if it fits. */
static int read_text(struct reader *r, const struct place *place, char *buf, size_t size)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	char reason[64];
	int rc = om_yaml_next(&r->yaml, &event);

	if (rc == 0)
		rc = check_text(r, &event, place);
	if (rc < 0)
		return rc;
	if (strlen(om_yaml_text(&event)) >= size) {
		(void)snprintf(reason, sizeof(reason), "longer than %zu bytes", size - 1);
		return fail_at(r, &event, place, om_yaml_text(&event), reason);
	}
	strcpy(buf, om_yaml_text(&event));
	return 0;
}

static int take_state(struct reader *r, const yaml_event_t *event,
		      const struct place *place, enum om_tristate *ret)
{
	int rc = check_text(r, event, place);

	if (rc == 0 && om_tristate_parse(om_yaml_text(event), ret) < 0)
		return fail_at(r, event, place, om_yaml_text(event),
			       "unknown state, want yes, no or unknown");
	return rc;
}

static int read_state(struct reader *r, const struct place *place, enum om_tristate *ret)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	int rc = om_yaml_next(&r->yaml, &event);

	return rc < 0 ? rc : take_state(r, &event, place, ret);
}

/*
 * The index of a key among names, which NULL ends, marked in *seen.  -EINVAL for one that
 * is not there or comes twice.  fact is NULL for keys of the document.
 */
static int find_key(struct reader *r, const yaml_event_t *event, const char *fact,
		    const char *const *names, unsigned *seen)
{
	const char *bad = om_yaml_scalar_bad(event);
	struct place place = { fact, NULL };
	char reason[96] = "unknown key, want ";

	if (bad)
		return fail_at(r, event, &place, place_name(&place), bad);
	place.field = om_yaml_text(event);
	for (int i = 0; names[i]; i++) {
		size_t used = strlen(reason);

		if (om_streq(place.field, names[i])) {
			if (*seen & 1u << i)
				return fail_at(r, event, &place, place.field,
					       "the key is given twice");
			*seen |= 1u << i;
			return i;
		}
		(void)snprintf(reason + used, sizeof(reason) - used, "%s%s",
			       i == 0	      ? ""
			       : names[i + 1] ? ", "
					      : " or ",
			       names[i]);
	}
	return fail_at(r, event, &place, place.field, reason);
}

static int read_fact_value(struct reader *r, enum fact_key key, enum om_fact_id id)
{
	struct om_fact *fact = &r->record->facts.fact[id];
	const struct place place = { om_fact_name(id), fact_key_names[key] };

	switch (key) {
	case FACT_STATE:
		return read_state(r, &place, &fact->state);
	case FACT_VALUE:
		return read_text(r, &place, fact->value, sizeof(fact->value));
	case FACT_EVIDENCE:
		return read_text(r, &place, fact->evidence, sizeof(fact->evidence));
	case _FACT_KEY_MAX:
		break;
	}
	return -EINVAL;
}

/* The value of a fact: a map, or in short its state. */
static int read_fact(struct reader *r, const yaml_event_t *name, enum om_fact_id id)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	const struct place place = { om_fact_name(id), NULL };
	unsigned seen = 0;
	const char *bad;
	int rc = om_yaml_next(&r->yaml, &event);

	if (rc < 0)
		return rc;
	if (event.type == YAML_SCALAR_EVENT)
		return take_state(r, &event, &place, &r->record->facts.fact[id].state);
	bad = om_yaml_map_bad(&event);
	if (bad)
		return fail_at(r, &event, &place, place.fact, bad);
	for (;;) {
		_cleanup_event_ yaml_event_t key = { 0 };

		rc = om_yaml_next_key(&r->yaml, &key);
		if (rc == 0)
			break;
		if (rc > 0)
			rc = find_key(r, &key, place.fact, fact_key_names, &seen);
		if (rc >= 0)
			rc = read_fact_value(r, (enum fact_key)rc, id);
		if (rc < 0)
			return rc;
	}
	if (!(seen & 1u << FACT_STATE))
		return fail_at(r, name, &place, place.fact, "no state is given");
	return 0;
}

/* How much of two words differs between what they start with and what they end in. */
static size_t difference(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), shorter = n < m ? n : m;
	size_t front = 0, back = 0;

	while (front < shorter && a[front] == b[front])
		front++;
	while (back < shorter - front && a[n - 1 - back] == b[m - 1 - back])
		back++;
	return (n > m ? n : m) - front - back;
}

static int fail_fact_name(struct reader *r, const yaml_event_t *event, const char *name)
{
	const char *nearest = NULL;
	size_t least = 4;
	int rc = fail_at(r, event, &(struct place){ name, NULL }, name, "unknown fact");

	for (size_t i = 0; i < _OM_FACT_MAX; i++) {
		const char *known = om_fact_name((enum om_fact_id)i);
		size_t d = difference(name, known);

		if (d < least) {
			least = d;
			nearest = known;
		}
	}
	if (nearest)
		om_error_fix(r->yaml.e, "did you mean \"%s\"?", nearest);
	return rc;
}

static int read_fact_pair(struct reader *r, const yaml_event_t *event)
{
	const char *bad = om_yaml_scalar_bad(event), *name;
	const struct place parent = { NULL, "facts" };
	enum om_fact_id id;

	if (bad)
		return fail_at(r, event, &parent, parent.field, bad);
	name = om_yaml_text(event);
	id = om_fact_by_name(name);
	if (id == _OM_FACT_MAX)
		return fail_fact_name(r, event, name);
	if (r->seen & OM_FACT_BIT(id))
		return fail_at(r, event, &(struct place){ name, NULL }, name,
			       "the fact is given twice");
	r->seen |= OM_FACT_BIT(id);
	return read_fact(r, event, id);
}

static int read_facts(struct reader *r)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	const struct place place = { NULL, "facts" };
	const char *bad;
	int rc = om_yaml_next(&r->yaml, &event);

	/* Nothing is left when somebody has taken every fact out. */
	if (rc < 0 || om_yaml_is_null(&event))
		return rc;
	bad = om_yaml_map_bad(&event);
	if (bad)
		return fail_at(r, &event, &place, place.field, bad);
	for (;;) {
		_cleanup_event_ yaml_event_t key = { 0 };

		rc = om_yaml_next_key(&r->yaml, &key);
		if (rc <= 0)
			return rc;
		rc = read_fact_pair(r, &key);
		if (rc < 0)
			return rc;
	}
}

static int read_schema(struct reader *r)
{
	_cleanup_event_ yaml_event_t event = { 0 };
	const struct place place = { NULL, top_names[TOP_SCHEMA] };
	int rc = om_yaml_next(&r->yaml, &event);

	if (rc == 0)
		rc = check_text(r, &event, &place);
	if (rc < 0 || om_streq(om_yaml_text(&event), OM_RECORD_SCHEMA))
		return rc;
	return fail_at(r, &event, &place, om_yaml_text(&event),
		       "unknown schema, want " OM_RECORD_SCHEMA);
}

static int read_top_value(struct reader *r, enum top_key key)
{
	struct om_record *record = r->record;
	const struct place place = { NULL, top_names[key] };

	switch (key) {
	case TOP_SCHEMA:
		return read_schema(r);
	case TOP_KERNEL:
		return read_text(r, &place, record->kernel, sizeof(record->kernel));
	case TOP_VERSION:
		return read_text(r, &place, record->version, sizeof(record->version));
	case TOP_MACHINE:
		return read_text(r, &place, record->machine, sizeof(record->machine));
	case TOP_FACTS:
		return read_facts(r);
	case _TOP_MAX:
		break;
	}
	return -EINVAL;
}

/* The outermost map; *seen gets a bit for each key. */
static int read_top(struct reader *r, unsigned *seen)
{
	_cleanup_event_ yaml_event_t top = { 0 };
	const char *bad;
	int rc = om_yaml_top(&r->yaml, &top);

	if (rc <= 0)
		return rc;
	bad = om_yaml_map_bad(&top);
	if (bad)
		return om_yaml_fail(&r->yaml, &top, NULL, NULL, bad);
	for (;;) {
		_cleanup_event_ yaml_event_t key = { 0 };

		rc = om_yaml_next_key(&r->yaml, &key);
		if (rc == 0)
			return om_yaml_end(&r->yaml);
		if (rc > 0)
			rc = find_key(r, &key, NULL, top_names, seen);
		if (rc >= 0)
			rc = read_top_value(r, (enum top_key)rc);
		if (rc < 0)
			return rc;
	}
}

static int read_record(struct reader *r)
{
	/* What is missing everywhere is missing at the start. */
	const yaml_event_t start = { 0 };
	const struct place schema = { NULL, top_names[TOP_SCHEMA] };
	unsigned seen = 0;
	int rc = read_top(r, &seen);

	if (rc < 0)
		return rc;
	if (!(seen & 1u << TOP_SCHEMA))
		return fail_at(r, &start, &schema, schema.field,
			       "the key is missing, want schema: " OM_RECORD_SCHEMA);
	for (size_t i = 0; i < _OM_FACT_MAX; i++)
		if (!(r->seen & OM_FACT_BIT(i)))
			om_facts_set(&r->record->facts, (enum om_fact_id)i, OM_UNKNOWN,
				     NULL, "not recorded");
	return 0;
}

static void clear(struct om_record *record)
{
	memset(record, 0, sizeof(*record));
	om_facts_init(&record->facts);
}

int om_record_read(const char *file, const char *text, size_t size, struct om_record *ret,
		   struct om_error *e)
{
	struct reader r = { .record = ret };
	int rc;

	clear(ret);
	rc = om_yaml_open(&r.yaml, file, text, size, e);
	if (rc == 0)
		rc = read_record(&r);
	om_yaml_close(&r.yaml);
	if (rc < 0)
		clear(ret);
	return rc;
}
