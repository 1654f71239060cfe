# SPDX-License-Identifier: Apache-2.0
"""What zones have to do with other servers while the daemon runs: runners of events, handlers of requests."""
