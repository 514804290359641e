"""moe-exp cache: what runs share on disk."""

from pathlib import Path

import click


@click.command()
@click.option("--clear", type=click.Choice(["stages", "simulated", "inspected", "all"]), help="Remove this part.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=None,
    help="The cache folder; by default the project's own.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document (docs/json.md).")
def cache(clear: str | None, folder: Path | None, as_json: bool) -> None:
    """Show what the cache holds, or clear a part of it."""
    from moe_exp.cache.stages import clear as remove
    from moe_exp.cache.stages import is_cache, measure
    from moe_exp.experiment.project import find_project, read_cache_folder

    folder = folder or read_cache_folder(find_project(Path.cwd()))
    meaning = {"simulated": "simulated spectra", "inspected": "checks of files", "stages": "results that runs share"}
    if clear and folder.exists() and not is_cache(folder):
        raise click.BadParameter(f"{folder} is no cache that a run made: nothing was removed.", param_hint="--folder")
    if clear:
        remove(folder, meaning if clear == "all" else [clear])
    sizes = {part: measure(folder / part) for part in meaning}
    if as_json:
        from moe_exp.cli.as_json import print_json

        parts = [{"part": part, "n_files": n_files, "bytes": size} for part, (n_files, size) in sizes.items()]
        print_json("cache", {"folder": str(folder), "parts": parts})
        return
    click.echo(folder)
    for part, what in meaning.items():
        n_files, size = sizes[part]
        click.echo(f"  {part:<10} {size / 1e9:8.2f} GB  {n_files:5d} files  {what}")
