# SPDX-License-Identifier: Apache-2.0
"""Messages on the wire, as far as the control plane reads and writes them itself."""
