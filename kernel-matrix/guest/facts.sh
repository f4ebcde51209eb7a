#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Prints what overmount finds out about this kernel, as the file that it can read again.
set -eu

# The table that probe prints as well is for people.
overmount probe --load-modules --save /tmp/facts.yaml >/dev/null
cat /tmp/facts.yaml
