/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * diff/ against two other ways to say what it does, on random profiles: a reference that
 * compares each entry with each other one until nothing changes, and a model of what a mount
 * means, in which an updated namespace must be worth what a fresh one is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "diff/diff.h"

#define MAX 9
#define RUNS 100000
#define NOWHERE MAX

static uint64_t state_of_random;

static unsigned pick(unsigned n)
{
	state_of_random ^= state_of_random << 13;
	state_of_random ^= state_of_random >> 7;
	state_of_random ^= state_of_random << 17;
	return (unsigned)(state_of_random >> 33) % n;
}

/* --- random profiles -------------------------------------------------------------------- */

struct set {
	struct om_entry entries[MAX];
	char paths[2 * MAX][16];
	struct om_profile p;
};

static const char *random_path(char buf[static 16])
{
	unsigned depth = 1 + pick(3);

	for (unsigned i = 0; i < depth; i++) {
		buf[2 * i] = '/';
		buf[2 * i + 1] = (char)('a' + pick(3));
	}
	buf[2 * depth] = '\0';
	return buf;
}

static bool has_target(const struct set *set, const char *target)
{
	for (size_t i = 0; i < set->p.n; i++)
		if (strcmp(set->entries[i].target, target) == 0)
			return true;
	return false;
}

static void choose_spec(struct om_entry *entry)
{
	static const enum om_entry_kind kinds[] = { OM_ENTRY_BIND_DIR, OM_ENTRY_BIND_DIR,
						    OM_ENTRY_BIND_FILE, OM_ENTRY_TMPFS,
						    OM_ENTRY_SYMLINK };

	entry->kind = kinds[pick(5)];
	entry->symlink = pick(2) ? "/x" : "/y";
	entry->attr = pick(4) ? 0 : OM_ATTR_RDONLY;
	entry->recursive = pick(2);
}

static void add(struct set *set)
{
	size_t n = set->p.n;
	struct om_entry *entry = &set->entries[n];
	const char *target;

	if (n == MAX)
		return;
	target = random_path(set->paths[2 * n]);
	if (has_target(set, target))
		return;
	*entry = (struct om_entry){ .target = target,
				    .id = target,
				    .source = random_path(set->paths[2 * n + 1]),
				    .type = "none",
				    .options = "" };
	choose_spec(entry);
	set->p.n++;
}

static void start(struct set *set)
{
	*set = (struct set){ 0 };
	set->p.entries = set->entries;
}

/* The strings of to must be its own. */
static void copy(struct set *to, const struct set *from)
{
	*to = *from;
	to->p.entries = to->entries;
	for (size_t i = 0; i < to->p.n; i++) {
		struct om_entry *entry = &to->entries[i];

		entry->target = memcpy(to->paths[2 * i], from->entries[i].target,
				       strlen(from->entries[i].target) + 1);
		entry->source = memcpy(to->paths[2 * i + 1], from->entries[i].source,
				       strlen(from->entries[i].source) + 1);
		entry->id = entry->target;
	}
}

static void drop(struct set *set)
{
	struct set all;
	size_t gone = pick((unsigned)set->p.n);

	copy(&all, set);
	memmove(&all.entries[gone], &all.entries[gone + 1],
		(all.p.n - gone - 1) * sizeof(*all.entries));
	all.p.n--;
	copy(set, &all);
}

static void swap(struct set *set)
{
	struct set all;
	size_t a = pick((unsigned)set->p.n), b = pick((unsigned)set->p.n);
	struct om_entry entry;

	copy(&all, set);
	entry = all.entries[a];
	all.entries[a] = all.entries[b];
	all.entries[b] = entry;
	copy(set, &all);
}

static void mutate(struct set *set, bool moves)
{
	switch (pick(moves ? 4 : 3)) {
	case 0:
		add(set);
		break;
	case 1:
		if (set->p.n)
			drop(set);
		break;
	case 2:
		if (set->p.n)
			choose_spec(&set->entries[pick((unsigned)set->p.n)]);
		break;
	default:
		if (set->p.n)
			swap(set);
	}
}

static void make_mimics(struct set *set)
{
	for (size_t i = 0; i < set->p.n; i++) {
		struct om_entry *entry = &set->entries[i];

		if (pick(3))
			continue;
		entry->synthetic = true;
		entry->kind = OM_ENTRY_TMPFS;
		entry->needed_by = pick(8) ? set->entries[pick((unsigned)set->p.n)].id
					   : NULL;
	}
}

static void choose(struct set *old, struct set *new, bool mimics)
{
	bool moves = pick(2);

	start(old);
	for (unsigned n = pick(MAX + 1); n > 0; n--)
		add(old);
	copy(new, old);
	for (unsigned n = pick(4); n > 0; n--)
		mutate(new, moves);
	if (!moves) {
		om_profile_sort(&old->p);
		om_profile_sort(&new->p);
	}
	if (mimics)
		make_mimics(old);
}

/* --- the reference ---------------------------------------------------------------------- */

static bool on_the_way(const char *up, const char *path)
{
	size_t n = strlen(up);

	return strncmp(up, path, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

static bool meets(const char *a, const char *b)
{
	return on_the_way(a, b) || on_the_way(b, a);
}

static bool is_bind(const struct om_entry *e)
{
	return e->kind == OM_ENTRY_BIND_DIR || e->kind == OM_ENTRY_BIND_FILE;
}

static bool passes(const struct om_entry *later, const struct om_entry *earlier)
{
	return meets(later->target, earlier->target) ||
	       (is_bind(later) && meets(later->source, earlier->target));
}

static size_t find(const struct om_profile *p, const char *target)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->entries[i].target, target) == 0)
			return i;
	return NOWHERE;
}

struct reference {
	const struct om_profile *old, *new;
	size_t new_of[MAX + 1], old_of[MAX + 1];
	bool keep[MAX];
};

static void match(struct reference *r)
{
	for (size_t j = 0; j < r->new->n; j++)
		r->old_of[j] = NOWHERE;
	for (size_t i = 0; i < r->old->n; i++) {
		size_t j = find(r->new, r->old->entries[i].target);

		if (j != NOWHERE &&
		    r->old->entries[i].synthetic != r->new->entries[j].synthetic)
			j = NOWHERE;
		r->new_of[i] = j;
		if (j != NOWHERE)
			r->old_of[j] = i;
	}
}

static bool may_stay(const struct reference *r, size_t i)
{
	const struct om_entry *e = &r->old->entries[i];
	size_t j = r->new_of[i];

	if (e->synthetic)
		return e->needed_by && find(r->new, e->needed_by) != NOWHERE &&
		       find(r->new, e->target) == NOWHERE;
	return j != NOWHERE && !om_entry_difference(e, &r->new->entries[j]);
}

static bool is_fresh(const struct reference *r, size_t m)
{
	return r->old_of[m] == NOWHERE || !r->keep[r->old_of[m]];
}

static bool mimic_stays(const struct reference *r, size_t i)
{
	const struct om_entry *e = &r->old->entries[i];
	size_t j = find(r->new, e->needed_by);

	for (size_t k = 0; k < i; k++)
		if (passes(e, &r->old->entries[k]) && !r->keep[k])
			return false;
	for (size_t m = 0; m < j; m++)
		if (on_the_way(r->new->entries[m].target, e->target) && is_fresh(r, m) &&
		    (r->old_of[m] == NOWHERE || r->old_of[m] < i))
			return false;
	return true;
}

static bool stays(const struct reference *r, size_t i)
{
	const struct om_entry *e = &r->old->entries[i];
	size_t j = r->new_of[i];

	for (size_t k = 0; k < i; k++)
		if (passes(e, &r->old->entries[k]) &&
		    (!r->keep[k] || (r->new_of[k] != NOWHERE && r->new_of[k] > j)))
			return false;
	for (size_t m = 0; m < j; m++) {
		const struct om_entry *other = &r->new->entries[m];

		if (!passes(e, other) &&
		    !(is_bind(other) && meets(other->source, e->target)))
			continue;
		if (is_fresh(r, m) || r->old_of[m] > i)
			return false;
	}
	return true;
}

static void refer(struct reference *r)
{
	bool again = true;

	match(r);
	for (size_t i = 0; i < r->old->n; i++)
		r->keep[i] = may_stay(r, i);
	while (again) {
		again = false;
		for (size_t i = 0; i < r->old->n; i++)
			if (r->keep[i] &&
			    !(r->new_of[i] == NOWHERE ? mimic_stays(r, i) : stays(r, i)))
				again = !(r->keep[i] = false);
	}
}

/* --- what a mount means ------------------------------------------------------------------ */

struct present {
	const struct om_entry *entry;
	uint64_t meaning;
};

static uint64_t mix(uint64_t h)
{
	h = (h ^ h >> 31) * 0x9e3779b97f4a7c15u;
	return (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
}

static uint64_t add_text(uint64_t h, const char *text)
{
	while (*text)
		h = mix(h ^ (unsigned char)*text++);
	return h;
}

/* What it asks for, with the worth of all that is there where it passes. */
static uint64_t meaning(const struct om_entry *e, const struct present *there, size_t n)
{
	uint64_t h = mix(e->kind * 64u + e->attr * 2 + e->recursive), sum = 0;

	h = add_text(h, e->target);
	if (is_bind(e))
		h = add_text(h, e->source);
	if (e->kind == OM_ENTRY_SYMLINK)
		h = add_text(h, e->symlink);
	/* What does not meet each other may come in any order. */
	for (size_t i = 0; i < n; i++)
		if (passes(e, there[i].entry))
			sum += mix(there[i].meaning);
	return mix(h ^ sum);
}

static void mount_all(const struct om_profile *p, struct present *there)
{
	for (size_t i = 0; i < p->n; i++)
		there[i] = (struct present){ &p->entries[i],
					     meaning(&p->entries[i], there, i) };
}

/* Is a namespace in which keep stays and the rest is done worth what a fresh one is? */
static bool is_worth_it(const struct reference *r)
{
	struct present before[MAX], fresh[MAX], there[2 * MAX];
	size_t n = 0;

	mount_all(r->old, before);
	mount_all(r->new, fresh);
	for (size_t i = 0; i < r->old->n; i++)
		if (r->keep[i])
			there[n++] = before[i];
	for (size_t j = 0; j < r->new->n; j++) {
		const struct om_entry *e = &r->new->entries[j];

		if (!is_fresh(r, j)) {
			if (before[r->old_of[j]].meaning != fresh[j].meaning)
				return false;
			continue;
		}
		there[n] = (struct present){ e, meaning(e, there, n) };
		if (there[n++].meaning != fresh[j].meaning)
			return false;
	}
	return true;
}

/* As who compares paths alone: an entry goes when it or what it lies upon changes. */
static void by_paths(struct reference *r)
{
	match(r);
	for (size_t i = 0; i < r->old->n; i++) {
		r->keep[i] = may_stay(r, i);
		for (size_t k = 0; k < i; k++)
			if (!r->keep[k] && on_the_way(r->old->entries[k].target,
						      r->old->entries[i].target))
				r->keep[i] = false;
	}
}

/* --- tests -------------------------------------------------------------------------------- */

static void tell(const struct om_profile *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		print_message("# %s: %s %s %s kind %d attr %u%s %s\n", name,
			      p->entries[i].source, p->entries[i].target,
			      p->entries[i].symlink, (int)p->entries[i].kind,
			      p->entries[i].attr,
			      p->entries[i].synthetic ? " synthetic" : "",
			      p->entries[i].needed_by ? p->entries[i].needed_by : "");
}

/* Reads back who is kept, and checks the order of what is said. */
static void read_diff(const struct om_diff *diff, struct reference *r)
{
	size_t old_left = r->old->n, new_seen = 0;

	match(r);
	for (size_t c = 0; c < diff->changes.n; c++) {
		const struct om_change *change = &diff->changes.v[c];
		size_t i = change->old ? (size_t)(change->old - r->old->entries) : 0;

		if (change->act == OM_DIFF_UNDO) {
			assert_true(i < old_left && new_seen == 0);
			old_left = i;
			r->keep[i] = false;
		} else if (change->act == OM_DIFF_KEEP) {
			r->keep[i] = true;
		}
		if (change->act != OM_DIFF_UNDO && change->new)
			assert_ptr_equal(change->new, &r->new->entries[new_seen++]);
	}
	assert_int_equal(new_seen, r->new->n);
}

static void compare(bool mimics, size_t *kept, size_t *undone)
{
	struct set old, new;
	struct om_diff diff;

	for (unsigned run = 0; run < RUNS; run++) {
		struct reference want = { .old = &old.p, .new = &new.p }, got = want;

		choose(&old, &new, mimics);
		refer(&want);
		assert_int_equal(om_diff_make(&old.p, &new.p, NULL, &diff, NULL), 0);
		read_diff(&diff, &got);
		if (memcmp(want.keep, got.keep, old.p.n * sizeof(bool)) != 0 ||
		    (!mimics && !is_worth_it(&got))) {
			tell(&old.p, "old");
			tell(&new.p, "new");
			print_message("# run %u\n", run);
			fail();
		}
		*kept += diff.n[OM_DIFF_KEEP];
		*undone += diff.n[OM_DIFF_UNDO];
		om_diff_done(&diff);
	}
}

static void test_against_reference(void **state)
{
	size_t kept = 0, undone = 0;

	(void)state;
	state_of_random = 0x5eed;
	compare(false, &kept, &undone);
	print_message("# %u updates: %zu entries kept, %zu undone\n", RUNS, kept, undone);
	assert_true(kept > RUNS && undone > RUNS);
}

static void test_mimics_against_reference(void **state)
{
	size_t kept = 0, undone = 0;

	(void)state;
	state_of_random = 0x31415926;
	compare(true, &kept, &undone);
	assert_true(kept > RUNS && undone > RUNS);
}

/* Control: comparing paths alone leaves something stale, and the model sees it. */
static void test_control_paths_alone(void **state)
{
	size_t stale = 0, differs = 0;

	(void)state;
	state_of_random = 0x5eed;
	for (unsigned run = 0; run < RUNS / 10; run++) {
		struct set old, new;
		struct reference r = { .old = &old.p, .new = &new.p }, want = r;

		choose(&old, &new, false);
		by_paths(&r);
		refer(&want);
		stale += !is_worth_it(&r);
		differs += memcmp(want.keep, r.keep, old.p.n * sizeof(bool)) != 0;
	}
	print_message("# control: %zu of %u stale\n", stale, RUNS / 10);
	assert_true(stale > 100);
	assert_true(differs >= stale);
}

/* What is said of an update to the same is that everything stays. */
static void test_same(void **state)
{
	(void)state;
	state_of_random = 0x0ddba11;
	for (unsigned run = 0; run < RUNS / 10; run++) {
		struct set old, new;
		struct om_diff diff;

		choose(&old, &new, false);
		assert_int_equal(om_diff_make(&new.p, &new.p, NULL, &diff, NULL), 0);
		assert_int_equal(diff.n[OM_DIFF_KEEP], new.p.n);
		assert_int_equal(diff.changes.n, new.p.n);
		om_diff_done(&diff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_reference),
		cmocka_unit_test(test_mimics_against_reference),
		cmocka_unit_test(test_control_paths_alone),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests_name("diff-random", tests, NULL, NULL);
}
