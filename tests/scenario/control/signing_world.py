# SPDX-License-Identifier: Apache-2.0
"""What both servers begin with in the battery of DNSSEC: zones that are signed in several ways, and one that is not."""

from tests.scenario.control.duel_world import PLAIN

CONFIG = """\
server:
    rundir: {base}/run
    listen: {address}
    udp-workers: 1
    background-workers: 1
    identity: one
control:
    listen: {base}/run/control.sock
log:
  - target: stderr
    any: info
database:
    storage: {base}/db
    journal-db-max-size: 64M
policy:
  - id: two
    dnskey-ttl: 300
    zone-max-ttl: 3600
  - id: one
    single-type-signing: on
    nsec3: on
    nsec3-iterations: 0
    nsec3-salt-length: 0
    dnskey-ttl: 300
    zone-max-ttl: 3600
  - id: none
    manual: on
template:
  - id: default
    storage: {base}/zones
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
  - id: signed
    storage: {base}/zones
    zonefile-sync: -1
    zonefile-load: difference-no-serial
    journal-content: all
    dnssec-signing: on
    dnssec-policy: two
zone:
  - domain: example.com
    template: signed
  - domain: single.test
    template: signed
    dnssec-policy: one
  - domain: keyless.test
    template: signed
    dnssec-policy: none
  - domain: plain.test
  - domain: written.test
    zonefile-sync: 0
    zonefile-load: whole
    journal-content: changes
"""

FILES = {
    f"zones/{name}.zone": PLAIN for name in ("example.com", "single.test", "keyless.test", "plain.test", "written.test")
}
