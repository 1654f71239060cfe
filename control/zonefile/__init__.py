# SPDX-License-Identifier: Apache-2.0
"""Zone contents as text: records from and to the control socket, zone files, ZONEMD, checks of whole zones."""
