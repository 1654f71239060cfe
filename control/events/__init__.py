# SPDX-License-Identifier: Apache-2.0
"""Zone events: what is to be done to which zone and when, and the state of each zone while the daemon runs."""
