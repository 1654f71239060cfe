# SPDX-License-Identifier: Apache-2.0
"""The control socket: Knot's wire protocol, the server that speaks it, and the client of xdpdnsctl."""
