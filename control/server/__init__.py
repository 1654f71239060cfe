# SPDX-License-Identifier: Apache-2.0
"""The daemon: life cycle, the engine's supervision, zone loading, TCP and the hand-off channel."""
