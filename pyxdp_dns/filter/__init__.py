# SPDX-License-Identifier: Apache-2.0
"""The XDP filter: loading it (BCC), where it is pinned, what its counters say.

`load` brings LLVM into the process; long-lived processes use `load_in_child`, which has the same arguments and result.
"""

from pyxdp_dns.filter.child import load_in_child
from pyxdp_dns.filter.loader import load, unload, unload_all
from pyxdp_dns.filter.status import FilterStatus, directory, find_filter, list_filters

__all__ = ["FilterStatus", "directory", "find_filter", "list_filters", "load", "load_in_child", "unload", "unload_all"]
