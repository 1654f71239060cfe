# SPDX-License-Identifier: Apache-2.0
"""Queries per second over TCP: `dnsperf` with 20 connections and queries pipelined on each."""

import sys

from bench import udp

if __name__ == "__main__":
    sys.exit(udp.main("tcp"))
