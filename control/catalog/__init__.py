# SPDX-License-Identifier: Apache-2.0
"""Catalog zones (RFC 9432): what their contents say, what changes with them, and contents that are made here."""
