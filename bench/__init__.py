# SPDX-License-Identifier: Apache-2.0
"""Every performance claim as a runnable comparison: `python -m bench`, or one module of it alone."""
