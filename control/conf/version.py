# SPDX-License-Identifier: Apache-2.0
"""The program: name, version, where its configuration is. Installed metadata would be slow to read."""

PROGRAM = "pyxdp_dns"
VERSION = "0.1.0"
DEFAULT_CONFIG = "/etc/xdpdns/knot.conf"
DEFAULT_CONFDB = "/var/lib/xdpdns/confdb"
