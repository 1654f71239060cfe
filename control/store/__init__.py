# SPDX-License-Identifier: Apache-2.0
"""The zone store: one LMDB environment that is the truth about zones."""
