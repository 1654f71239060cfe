# SPDX-License-Identifier: Apache-2.0
"""Every command of the control socket that this server has."""

import time
from collections.abc import Iterator

from control.conf.dynamic import ActiveConfiguration
from control.ctl import server_commands, zone_dnssec, zone_status
from control.ctl.command import Command
from control.server.conf_commands import ConfCommands
from control.server.dnssec.service import Dnssec
from control.server.journal_command import JournalCommand
from control.server.keeper import Keeper
from control.server.operations import Operations
from control.server.reloading import Reloading
from control.server.replication.service import Replication
from control.server.transactions import Transactions
from control.server.zone_actions import ForgetMembers, ZoneActions
from control.server.zone_edits import ZoneEdits
from control.server.zone_state import state_reader


def make_commands(
    active: ActiveConfiguration,
    keeper: Keeper,
    transactions: Transactions,
    reloading: Reloading,
    operations: Operations,
    forget_members: ForgetMembers,
    replication: Replication,
    dnssec: Dnssec,
) -> Iterator[Command]:
    """Yield the commands."""
    yield from server_commands.commands(operations)
    yield from operations.commands()
    states = state_reader(keeper.scheduler, keeper.loop.time, time.time)
    yield zone_status.command(keeper.directory, states, time.time)
    actions = ZoneActions(keeper, transactions, replication, forget_members, lambda: active.config.keystores.values())
    yield from actions.commands()
    yield from dnssec.commands(keeper.directory).commands()
    yield zone_dnssec.command(keeper.directory, dnssec.reporting.report)
    yield from replication.commands(keeper.directory).commands()
    yield from ZoneEdits(keeper, transactions).commands()
    yield from JournalCommand(keeper).commands()
    yield from ConfCommands(active, transactions, reloading, keeper.log).commands()
