# SPDX-License-Identifier: Apache-2.0
"""Events, commands and reports of zones that are signed here."""
