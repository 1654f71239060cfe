# SPDX-License-Identifier: Apache-2.0
"""A daemon whose catalogs are on zone files, and their members too."""

from pathlib import Path

from tests.support.catalogs import catalog_text
from tests.support.daemon import wait_for
from tests.support.driven import Driven

MEMBER = """\
@ 60 SOA ns hostmaster 1 3600 600 86400 60
@ 60 NS ns
from 60 TXT {template}
"""
CATALOG = """\
  - domain: cat.test
    catalog-role: interpret
    catalog-template: [one, two]
"""


class Cataloguer(Driven):
    """A daemon with catalog zones; templates `one` and `two` have zone files of their own."""

    def configure(self, zones: str = CATALOG, templates: str = "") -> None:
        """Write the configuration."""
        self.write_config()
        text = self.config.read_text() + f"template:\n  - id: default\n    storage: {self.base}\n"
        for name in ("one", "two"):
            (self.base / name).mkdir(exist_ok=True)
            text += f"  - id: {name}\n    storage: {self.base / name}\n{templates}"
        self.config.write_text(f"{text}zone:\n  - domain: example.com\n{zones}")

    def member_file(self, zone: str, template: str = "one") -> Path:
        """Write the zone file of a member."""
        path = self.base / template / f"{zone}.zone"
        path.write_text(MEMBER.format(template=template))
        return path

    def catalog_file(self, *members: str, name: str = "cat.test", serial: int = 1) -> None:
        """Write the zone file of a catalog."""
        (self.base / f"{name}.zone").write_text(catalog_text(*members, serial=serial))

    def edit(self, *edits: tuple[str, ...], zone: str = "cat.test") -> str | None:
        """Change a catalog in one transaction; return why that was refused."""
        self.do("zone-begin", zone=zone)
        for verb, *words in edits:
            items = dict(zip(("owner", "type", "data"), words, strict=False))
            if verb == "set":
                items["ttl"] = "0"
            self.do(f"zone-{verb}", zone=zone, **items)
        refusal = self.refusal_or_none("zone-commit", zone=zone)
        if refusal is not None:
            self.do("zone-abort", zone=zone)
        return refusal

    def template_of(self, zone: str) -> str | None:
        """Return the template whose file a zone was loaded from; None when it is not answered for."""
        answer = self.ask(f"from.{zone}", "TXT").answer
        return str(answer[0][0]).strip('"') if answer else None

    def serves(self, zone: str, template: str | None = "one") -> None:
        """Wait until a zone is answered as loaded from the file of a template; None: until it is not."""
        wait_for(lambda: self.template_of(zone) == template, f"{zone} from {template}")

    def catalogs(self) -> dict[str, str]:
        """Return what zone-status shows of catalogs, by zone."""
        rows = self.do("zone-status", filters="c")
        return {row.zone or "": row.data or "" for row in rows if row.data != "-"}

    def records(self, zone: str) -> set[str]:
        """Return the records of a zone without its SOA."""
        rows = self.do("zone-read", zone=zone)
        return {f"{row.owner} {row.ttl} {row.type} {row.data}" for row in rows if row.type != "SOA"}
