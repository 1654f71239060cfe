# SPDX-License-Identifier: Apache-2.0
"""Builds the cffi extensions; everything else is in pyproject.toml."""

from setuptools import setup

setup(cffi_modules=["pyxdp_dns/build_native.py:ffibuilder", "pyxdp_dns/build_native.py:signing_builder"])
