# SPDX-License-Identifier: Apache-2.0
"""Imports run downwards only, and one module alone touches each compiled extension."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"pyxdp_dns"}),
    frozenset({"control.errors", "control.clock", "control.journal"}),
    frozenset({"control.conf", "control.log", "control.wire", "control.store"}),
    frozenset({"control.access", "control.catalog"}),
    frozenset({"control.update", "control.zonefile", "control.sign", "control.keys"}),
    frozenset({"control.transfer", "control.ddns", "control.events"}),
    frozenset({"control.server", "control.ctl"}),
    frozenset({"control.tools"}),
)
"""Lowest first. A package may import what is in its own layer or below."""

SEAMS = ("pyxdp_dns.native", "pyxdp_dns.signing_native")

MODULES = sorted(path for package in ("pyxdp_dns", "control") for path in (ROOT / package).rglob("*.py"))


def dotted_name(path: Path) -> str:
    """Return the import name of a module file."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> int | None:
    """Return the index of the layer a module belongs to; None when no layer names it."""
    for index, packages in enumerate(LAYERS):
        if any(module == package or module.startswith(f"{package}.") for package in packages):
            return index
    return None


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of everything the module imports, also inside functions."""
    module = dotted_name(path)
    package = module if path.stem == "__init__" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=dotted_name)
def test_imports_run_downwards(path: Path) -> None:
    """No module imports from a layer above its own, and each belongs to a layer."""
    module = dotted_name(path)
    if module == "control":
        assert not list(imports_of(path)), "control/__init__.py imports nothing: whatever it imports, every layer would"
        return
    own = layer_of(module)
    assert own is not None, f"{module} is in no layer: add its package to LAYERS in {Path(__file__).name}"
    for line, name in imports_of(path):
        if name.split(".")[0] in {"pyxdp_dns", "control"}:
            other = layer_of(name)
            assert other is not None, f"{path}:{line}: imports {name}, which is in no layer"
            assert other <= own, f"{path}:{line}: imports {name} from a layer above"


@pytest.mark.parametrize("path", MODULES, ids=dotted_name)
@pytest.mark.parametrize("extension", ["native", "signing"])
def test_one_module_imports_the_extension(path: Path, extension: str) -> None:
    """Only pyxdp_dns.native and pyxdp_dns.signing_native import the compiled extensions, each its own."""
    seam = {"native": "pyxdp_dns.native", "signing": "pyxdp_dns.signing_native"}[extension]
    users = [line for line, name in imports_of(path) if name.startswith(f"pyxdp_dns._{extension}")]
    assert not users or dotted_name(path) == seam, f"{path}:{users}"


@pytest.mark.parametrize("path", MODULES, ids=dotted_name)
def test_control_does_not_use_the_seam(path: Path) -> None:
    """The control plane uses the classes of pyxdp_dns, never ffi or lib."""
    if dotted_name(path).startswith("control"):
        assert [name for _, name in imports_of(path) if name.startswith(SEAMS)] == []
