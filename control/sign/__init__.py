# SPDX-License-Identifier: Apache-2.0
"""Zones signed and validated: RFC 4033 to 4035, 5155, 6840, 9077, 9276."""
