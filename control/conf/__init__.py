# SPDX-License-Identifier: Apache-2.0
"""Configuration: the knot.conf format, its schema, and the typed, immutable result."""
