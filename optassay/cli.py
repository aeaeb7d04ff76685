"""The ``optassay`` command. Sub-commands come from entry points, so the core knows nothing of the floors above."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import Any

GROUP = "optassay.commands"


def _lazy_group() -> Any:
    import click

    class LazyGroup(click.Group):
        """Loads a sub-command's module only when it is asked for, so that ``--help`` answers at once."""

        def list_commands(self, ctx: click.Context) -> list[str]:
            return sorted(point.name for point in entry_points(group=GROUP))

        def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
            found = [point for point in entry_points(group=GROUP) if point.name == name]
            return found[0].load() if found else None

        def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
            if args and args[0] not in self.list_commands(ctx):
                from difflib import get_close_matches

                near = get_close_matches(args[0], self.list_commands(ctx), n=1, cutoff=0.4)
                hint = f" Did you mean {near[0]!r}?" if near else f" Known are {', '.join(self.list_commands(ctx))}."
                raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
            return super().resolve_command(ctx, args)

        def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
            # Importing every command for its help text would cost a second; the entry point carries the name only.
            rows = [(name, SHORT_HELP.get(name, "")) for name in self.list_commands(ctx)]
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    return LazyGroup


SHORT_HELP = {
    "check": "Judge the claims of the papers and write the ledger.",
    "figures": "Regenerate the figures that are stale, and the gallery.",
    "site": "Write the static site: claims, figures, errata, documentation.",
    "train": "Train networks with the optimizers, as an experiment file says.",
}


def command() -> Any:
    """The click group of the ``optassay`` command."""
    import click

    from . import __version__

    @click.group(cls=_lazy_group(), context_settings={"help_option_names": ["-h", "--help"]})
    @click.version_option(__version__, prog_name="optassay")
    def optassay() -> None:
        """An assay for the theory of stochastic optimizers: figures to regenerate, claims to judge."""

    return optassay


def main() -> None:
    """Console script: exit code 2 and one line for a usage error, 130 for Ctrl-C, no traceback for either."""
    import click

    try:
        code = command().main(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        code = 2
    except click.exceptions.Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        print("interrupted: everything finished so far is kept", file=sys.stderr)
        code = 130
    sys.exit(code if isinstance(code, int) else 0)
