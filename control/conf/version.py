# SPDX-License-Identifier: Apache-2.0
"""The program's name, version and configuration file; reading installed metadata would cost a third of the start-up."""

PROGRAM = "pyxdp_dns"
VERSION = "0.1.0"
DEFAULT_CONFIG = "/etc/xdpdns/knot.conf"
