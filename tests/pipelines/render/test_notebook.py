import ast
import json
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pipelines.render.notebook import render_notebook
from pipelines.render.notebook_code import chart_cell, fact_cell, literal, mapping_literal
from tieout.errors import InvalidInput, TieoutError

NASTY = st.lists(
    st.sampled_from(['"', "'", '"""', "'''", "\\", "\n", "\r", "\u2028", "\x00", "{", "}", "#", ")", "import os", ";",
                     "<script>", "![x](http://y)", "[x](javascript:y)", "$", "`", "```", "\ud800", "%%bash", "!ls",
                     "\n%ls"])
    | st.text(max_size=5),
    max_size=8,
).map("".join)  # fmt: skip


def notebook(case):
    return nbformat.reads(render_notebook(case.report, case.rows, case.pages), as_version=4)


def execute(case, folder):
    """Run the notebook as `jupyter execute` does, away from this checkout, without the outputs it came with."""
    path = folder / "report.ipynb"
    bare = notebook(case)
    for cell in bare.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(bare, path)
    command = [sys.executable, "-c", "from nbclient.cli import main; main()", "--inplace", path.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=240, check=False)
    return done, nbformat.read(path, as_version=4)


def printed(notebook_):
    return "".join(
        output.get("text", "") for cell in notebook_.cells if cell.cell_type == "code" for output in cell.outputs
    )


def test_it_runs_top_to_bottom_elsewhere_and_reproduces_every_number(case, tmp_path):
    done, ran = execute(case, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "8 of 8 computed numbers reproduced" in printed(ran)
    images = [
        o for cell in ran.cells if cell.cell_type == "code" for o in cell.outputs if "image/png" in o.get("data", {})
    ]
    assert len(images) == 2
    source = "".join(cell.source for cell in ran.cells if cell.cell_type == "code")
    assert "tieout" not in source


def test_the_stored_outputs_are_what_a_run_prints(case, tmp_path):
    _, ran = execute(case, tmp_path)
    assert printed(notebook(case)) == printed(ran)


def test_a_changed_row_makes_its_cell_fail(case, tmp_path):
    text = render_notebook(case.report, case.rows, case.pages)
    path = tmp_path / "report.ipynb"
    path.write_text(text.replace("0.0779378760418461", "0.0779378760999999"), encoding="utf-8")
    code = "\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Net sales growth: computed" in done.stderr


def test_rows_that_do_not_reproduce_a_fact_stop_the_rendering(case):
    wrong = replace(case.report.ledger.facts[0], value=Decimal("0.08"))
    ledger = replace(case.report.ledger, facts=(wrong, *case.report.ledger.facts[1:]))
    with pytest.raises(TieoutError, match=r"Net sales growth.*does not reproduce"):
        render_notebook(replace(case.report, ledger=ledger), case.rows)


def test_missing_rows_stop_the_rendering_with_the_facts_name(case):
    with pytest.raises(TieoutError, match="Net sales growth"):
        render_notebook(case.report, {"bars": case.rows["bars"]})


def test_it_says_what_it_needs_and_what_it_is_about(case):
    made = notebook(case)
    assert "pip install duckdb pyarrow matplotlib" in made.cells[0].source
    about = made.metadata["tieout"]
    assert about["run_id"] == case.report.run_id
    assert about["as_of"] == "2024-11-29"
    assert about["snapshots"] == ["bars@3", "figures@4"]
    assert "revenue, margins" in about["question"]


def test_rows_in_another_order_give_the_same_file(helpers, case):
    again = helpers.build()
    rows = {name: table.take(list(reversed(range(table.num_rows)))) for name, table in again.rows.items()}
    assert render_notebook(again.report, rows, again.pages) == render_notebook(case.report, case.rows, case.pages)


def test_parameters_are_bound_and_never_part_of_the_sql(case):
    cells = [cell.source for cell in notebook(case).cells if cell.cell_type == "code" and "check(" in cell.source]
    facts = [source for source in cells if source.startswith("sql =")]
    assert len(facts) == 8
    assert all("parameters = {" in source for source in facts)
    assert any("'ticker': 'AAPL'" in source and "$ticker" in source for source in facts)


@given(NASTY)
def test_a_literal_is_one_expression_that_gives_the_value_back(text):
    assert ast.literal_eval(literal(text)) == text
    assert ast.literal_eval(mapping_literal({"a": text, "b": [text, 1, None, True]})) == {
        "a": text,
        "b": [text, 1, None, True],
    }


@given(NASTY)
def test_no_text_adds_a_statement_to_a_cell(case, text):
    fact = replace(case.report.ledger.facts[0], id=text, name=text, unit=text, sql=text, parameters={text: text})
    kinds = [type(node).__name__ for node in ast.parse(fact_cell(fact)).body]
    assert kinds == ["Assign", "Assign", "Expr"]
    assert not any(line.lstrip().startswith(("%", "!")) for line in fact_cell(fact).split("\n"))
    chart = replace(case.report.draft.sections[0].charts[0], title=text, sql=text, unit=text, parameters={text: text})
    assert [type(node).__name__ for node in ast.parse(chart_cell(chart)).body] == ["Assign", "Assign", "Expr"]


@given(NASTY)
@settings(max_examples=15, deadline=None)
def test_hostile_text_renders_as_nothing_but_text(case, text):
    claims = tuple(replace(claim, text=text, numbers=()) for claim in case.report.draft.answer)
    draft = replace(case.report.draft, title=text, answer=claims, notes=(text,))
    made = render_notebook(replace(case.report, draft=draft, question=text), case.rows)
    made.encode()
    parser = MarkdownIt("gfm-like", {"linkify": False, "html": True})
    for cell in nbformat.reads(made, as_version=4).cells:
        if cell.cell_type == "markdown":
            for token in parser.parse(cell.source):
                for child in (token, *(token.children or ())):
                    assert child.type not in ("html_block", "image", "link_open")
                    assert child.type != "html_inline" or child.content in ("<span>", "</span>")


def test_a_parameter_without_a_literal_is_refused():
    with pytest.raises(InvalidInput, match="type object"):
        literal(object())


def test_the_file_is_valid_json_with_fixed_cell_ids(case):
    made = json.loads(render_notebook(case.report, case.rows))
    assert [cell["id"] for cell in made["cells"]] == [f"cell-{n:04d}" for n in range(len(made["cells"]))]
