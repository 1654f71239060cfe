# SPDX-License-Identifier: Apache-2.0
"""Who may do what: TSIG (RFC 8945) and access rules. Sans-I/O."""
