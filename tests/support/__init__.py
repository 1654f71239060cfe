# SPDX-License-Identifier: Apache-2.0
"""What several tests share: network namespaces, peers, readers of fixtures."""
