# SPDX-License-Identifier: Apache-2.0
"""Dynamic update (RFC 2136): reading messages, and what they make of a zone."""
