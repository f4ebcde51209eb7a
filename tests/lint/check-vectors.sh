#!/usr/bin/env bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Each vector of snapd's own tests is a test of ours, by its number, and docs/snapd-vectors.md
# says which: a comment that names one is no test, nor is a test that nobody runs.
. "$(dirname "$0")/lib.sh" || exit 99

table=docs/snapd-vectors.md
# There are no V18, V19 and V59.
wanted() { seq 1 17; seq 20 58; seq 60 89; seq 105 110; }

# Prints the numbers in the names of the tests of a C file, and of the rows of its tables.
names_in_c() {
	"$CC" -fpreprocessed -dD -E -P "$1" | grep -oE \
		'(cmocka_unit_test[a-z_]*|WITH_ROOT)\(test_[A-Za-z0-9_]+|"V[0-9]+[":,]' |
		grep -oE 'V[0-9]+'
}

# The same of a script: functions that are vectors, and what its results say.
names_in_sh() {
	sed -E '/^[[:space:]]*#/d; /(^|[[:space:]])skip "/d' "$1" |
		grep -oE '^V[0-9]+\(\)|(is|ok|not_ok) "V[0-9]+' | grep -oE 'V[0-9]+'
}

names_in() {
	case $1 in
	*.c) names_in_c "$1" ;;
	*.sh) names_in_sh "$1" ;;
	esac
}

# Where the table's word for a test is.
file_of() { find tests/unit tests/integration -name "$1.c" -o -name "$1.sh"; }

# Prints what is wrong with the vectors, by the table $1.
offences() {
	local n rows test file
	while read -r n; do
		rows=$(grep -E "^\| V$n \|" "$1")
		[ "$(grep -c . <<<"$rows")" = 1 ] || { echo "V$n: not one row in $1"; continue; }
		for test in $(cut -d'|' -f4 <<<"$rows" | tr ',' ' '); do
			file=$(file_of "$test")
			[ -n "$file" ] || { echo "V$n: no test $test"; continue; }
			names_in "$file" | grep -qx "V$n" || echo "V$n: not in $file"
		done
		[ -n "${test:-}" ] || echo "V$n: no test is named"
		test=
	done < <(wanted)
}

# Prints the vectors that a file names.
kept() { [ "$(names_in "$1" | tr '\n' ' ')" = "$2" ] || echo "$1: $(names_in "$1" | tr '\n' ' ')"; }

cat >"$lint_tmp/bad.c" <<'END'
/* V20 */
static void test_V21(void **state) { }	// V22
static const char *const rows[] = { "V23", "V24: more", "no V25" };
	cmocka_unit_test(test_V26_V27_more),
END
cat >"$lint_tmp/bad.sh" <<'END'
# V20
is "V21: seen" "$(V22)" V23 # V24
skip "V25: not seen" "why"
V26() {
END
lint_check "only what is run counts, in C" kept "$lint_tmp/bad.c" "V23 V24 V26 V27 "
lint_check "and in scripts" kept "$lint_tmp/bad.sh" "V21 V26 "
grep -vE '^\| V64 ' $table >"$lint_tmp/less.md"
sed -E 's/^(\| V64 \|[^|]*\|)[^|]*/\1 test-diff /' $table >"$lint_tmp/other.md"
lint_control "a vector that is not in the table" offences "$lint_tmp/less.md"
lint_control "a test that does not have it" offences "$lint_tmp/other.md"
lint_check "$(wanted | grep -c .) vectors are tests" offences $table
lint_done
