# SPDX-License-Identifier: Apache-2.0
"""DNSSEC keys: what they are, what state they are in, where they are kept, and how they are rolled over."""
