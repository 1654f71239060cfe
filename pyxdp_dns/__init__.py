# SPDX-License-Identifier: Apache-2.0
"""The engine seen from Python: the native seam, filter loading, NIC queries, the engine process, counters."""
