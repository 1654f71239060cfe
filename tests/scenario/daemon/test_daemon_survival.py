# SPDX-License-Identifier: Apache-2.0
"""Killed processes under a steady load of queries."""

import time

from tests.support.daemon import DaemonUnderTest, Load, is_alive, kill_process, wait_for


def test_control_plane_killed(daemon: DaemonUnderTest) -> None:
    """kill -9 of the control plane loses no answer, and the next daemon adopts the engine."""
    daemon.start()
    engine = daemon.engine_pid()
    with Load(daemon.port).running() as load:
        time.sleep(0.3)
        daemon.kill()
        time.sleep(0.5)
        daemon.start()
        time.sleep(0.3)
    print(f"{load.sent} queries, {load.lost} lost")
    assert load.lost == 0
    assert load.sent > 100
    assert daemon.engine_pid() == engine
    assert f"engine adopted, PID {engine}" in daemon.logged()
    assert daemon.address_of(tcp=True) == "192.0.2.2"


def test_adopted_engine_gets_updates(daemon: DaemonUnderTest) -> None:
    """What the next daemon loads is answered by the engine it adopted."""
    daemon.start()
    daemon.kill()
    daemon.write_zone("example.com", 2, "192.0.2.9")
    daemon.start()
    wait_for(lambda: daemon.address_of() == "192.0.2.9", "the new zone over UDP")
    assert daemon.address_of(tcp=True) == "192.0.2.9"


def test_engine_killed(daemon: DaemonUnderTest) -> None:
    """kill -9 of the engine is healed at once; the longest gap is printed."""
    daemon.start()
    engine = daemon.engine_pid()
    with Load(daemon.port).running() as load:
        time.sleep(0.3)
        kill_process(engine)
        daemon.expect(f"engine, PID {engine}, ended, starting it again")
        wait_for(daemon.answers, "an answer")
        time.sleep(0.5)
    print(f"{load.sent} queries, {load.lost} lost, longest gap {1000 * load.longest_gap_s:.0f} ms")
    assert daemon.engine_pid() != engine
    assert daemon.address_of() == "192.0.2.2"
    assert daemon.address_of(tcp=True) == "192.0.2.2"


def test_updates_after_the_engine_was_killed(daemon: DaemonUnderTest) -> None:
    """Zones loaded after an engine was killed are answered by the new one."""
    daemon.start()
    kill_process(daemon.engine_pid())
    wait_for(daemon.answers, "an answer")
    daemon.write_zone("example.com", 2, "192.0.2.10")
    daemon.reload()
    assert daemon.address_of() == "192.0.2.10"


def test_adopted_engine_killed(daemon: DaemonUnderTest) -> None:
    """An engine that was adopted is healed like one that was started."""
    daemon.start()
    daemon.kill()
    daemon.start()
    engine = daemon.engine_pid()
    kill_process(engine)
    wait_for(lambda: not is_alive(engine), "the engine's end")
    wait_for(daemon.answers, "an answer")
    assert daemon.engine_pid() != engine


def test_other_specification(daemon: DaemonUnderTest) -> None:
    """An engine of another specification is replaced, not adopted."""
    daemon.start()
    engine = daemon.engine_pid()
    daemon.kill()
    daemon.server_items = ["listen: 127.0.0.2@" + str(daemon.port)]
    daemon.write_config("example.com")
    daemon.start()
    assert daemon.engine_pid() != engine
    assert not is_alive(engine)
