# SPDX-License-Identifier: Apache-2.0
"""The programs: xdpdnsd and xdpdnsctl."""
