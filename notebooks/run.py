#!/usr/bin/env python3
"""Runs a notebook on its results; an exception in a cell is a failure. The committed notebooks have no outputs: this makes them anew.

    tests/python.sh notebooks/run.py NOTEBOOK RESULT.h5...                what CI does: digits, or digits_convolutional with its two results
    tests/python.sh notebooks/run.py NOTEBOOK RESULT.h5... --save DIR     leaves the executed notebook there, and every picture as a PNG file
"""
import argparse
import base64
import os
import pathlib

import nbformat
from nbclient import NotebookClient

HERE = pathlib.Path(__file__).resolve().parent


def pictures(notebook):
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                yield base64.b64decode(output["data"]["image/png"])


def main(name, results, folder):
    os.environ["INFINITILE_RESULT"] = ":".join(str(pathlib.Path(result).resolve()) for result in results)
    path = HERE / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), f"{path.name} is committed with outputs: clear them"
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}).execute()
    drawn = list(pictures(notebook))
    assert drawn, f"{path.name} draws nothing"
    print(f"{path.name}: {len(drawn)} pictures")
    print("".join(output.text for output in notebook.cells[-1].outputs if output.output_type == "stream"))
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, folder / path.name)
        for i, picture in enumerate(drawn, 1):
            (folder / f"{path.stem}-{i}.png").write_bytes(picture)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("notebook", help="digits, for example")
    options.add_argument("results", nargs="+", help="result.h5 of each run that it reads")
    options.add_argument("--save", type=pathlib.Path, metavar="DIR")
    given = options.parse_args()
    main(given.notebook, given.results, given.save)
