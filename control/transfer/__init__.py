# SPDX-License-Identifier: Apache-2.0
"""Zone transfers: state machines without I/O, and the client that talks to other servers."""
