# SPDX-License-Identifier: LGPL-2.1-or-later
"""The engine of the kernel matrix; kernel-matrix/run and compare are its commands."""
