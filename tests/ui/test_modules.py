"""JavaScript modules: joined in the order of their imports, consistent with one another, and fit for a linter."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ui.components.modules import EXPORT, IMPORT, bundle

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "ui").rglob("*.js"))
DECLARED = re.compile(r"^export (?:async )?(?:function|class|const) (\w+)", re.MULTILINE)


def entries():
    """The modules that Streamlit is given: those with a default export."""
    return [path for path in FILES if "export default" in path.read_text("utf-8")]


def exports(path):
    return set(DECLARED.findall(path.read_text("utf-8")))


def imports(path):
    return [
        ({name.strip() for name in names.split(",")}, (path.parent / target).resolve())
        for names, target in IMPORT.findall(path.read_text("utf-8"))
    ]


def test_what_is_imported_stands_first_and_once(tmp_path):
    (tmp_path / "base.js").write_text("export const ONE = 1;\n")
    (tmp_path / "left.js").write_text('import { ONE } from "./base.js";\nexport function left() { return ONE; }\n')
    (tmp_path / "right.js").write_text('import { ONE } from "./base.js";\nexport class Right { one = ONE; }\n')
    main = tmp_path / "main.js"
    main.write_text(
        'import { left } from "./left.js";\nimport { Right } from "./right.js";\nexport default [left, Right];\n'
    )
    assert bundle(main) == (
        "const ONE = 1;\n\nfunction left() { return ONE; }\n\nclass Right { one = ONE; }\n\nexport default [left, Right];\n"
    )


def test_every_import_is_exported_there_and_every_export_is_imported():
    wanted = {path: set() for path in FILES}
    for path in FILES:
        for names, target in imports(path):
            assert names <= exports(target), f"{path.name} imports from {target.name}"
            wanted[target] |= names
    for path in FILES:
        assert exports(path) == wanted[path], path.name


def test_a_bundle_keeps_no_import_and_one_export():
    for path in entries():
        script = bundle(path)
        assert re.findall(r"^(?:import|export)\b.*", script, re.MULTILINE) == re.findall(
            r"^export default .*", path.read_text("utf-8"), re.MULTILINE
        )
        assert not EXPORT.search(script)


@pytest.mark.parametrize("path", entries(), ids=lambda path: path.stem)
def test_a_bundle_is_one_module_in_which_no_name_is_declared_twice(path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed, which would parse the scripts")
    check = subprocess.run(
        [node, "--input-type=module", "--check", "-"], input=bundle(path), text=True, capture_output=True, check=False
    )
    assert check.returncode == 0, check.stderr


def test_the_linter_finds_nothing():
    eslint = shutil.which("eslint") or shutil.which(str(ROOT / "node_modules" / ".bin" / "eslint"))
    if eslint is None:
        pytest.skip("eslint is not installed (npm install eslint), which would find names that nobody imports")
    check = subprocess.run([eslint, "ui"], cwd=ROOT, text=True, capture_output=True, check=False)
    assert check.returncode == 0, check.stdout + check.stderr
