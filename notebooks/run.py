#!/usr/bin/env python3
"""Runs the notebooks on a result; an exception in a cell is a failure. The committed notebooks have no outputs: this makes them anew.

    tests/python.sh notebooks/run.py RESULT.h5                what CI does
    tests/python.sh notebooks/run.py RESULT.h5 --save DIR     leaves the executed notebooks there, and every picture as a PNG file
"""
import base64
import os
import pathlib
import sys

import nbformat
from nbclient import NotebookClient

HERE = pathlib.Path(__file__).resolve().parent


def pictures(notebook):
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                yield base64.b64decode(output["data"]["image/png"])


def main(result, folder=None):
    os.environ["INFINITILE_RESULT"] = str(pathlib.Path(result).resolve())
    for path in sorted(HERE.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        assert not any(cell.get("outputs") for cell in notebook.cells), f"{path.name} is committed with outputs: clear them"
        NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(HERE)}}).execute()
        drawn = list(pictures(notebook))
        assert drawn, f"{path.name} draws nothing"
        print(f"{path.name}: {len(drawn)} pictures")
        print(notebook.cells[-1].outputs[0].text)
        if folder:
            folder.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, folder / path.name)
            for i, picture in enumerate(drawn, 1):
                (folder / f"{path.stem}-{i}.png").write_bytes(picture)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 4):
        sys.exit(__doc__)
    main(sys.argv[1], pathlib.Path(sys.argv[3]) if len(sys.argv) == 4 else None)
