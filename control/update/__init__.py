# SPDX-License-Identifier: Apache-2.0
"""The one door for change: differences, semantic checks, and moving a zone from one version to the next."""
