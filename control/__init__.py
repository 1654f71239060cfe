# SPDX-License-Identifier: Apache-2.0
"""The control plane: configuration, zone store, updates, the server around the engine, and its tools."""
