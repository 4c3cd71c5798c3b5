"""Where a spec comes from: files, text, overlays, settings, variables; and that everything wrong is told at once."""

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.spec_samples import minimal, only_problem, problems, service_principal, with_databricks_auth
from unity_mirror.errors import SpecError, SpecProblem
from unity_mirror.spec import ExistingAuth, KeyVaultSecret, ServicePrincipalAuth, load_spec

ROOT = Path(__file__).parents[2]
TEXT = """
catalog: sales
databricks: {workspace: "https://adb-1234567890123456.7.azuredatabricks.net"}
fabric: {workspace: Sales Analytics}
"""


@pytest.mark.parametrize("name", ["sales", "hr"])
def test_the_examples_are_valid(name: str) -> None:
    assert load_spec(ROOT / "examples" / f"{name}.yaml").catalog == name


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
def test_files_text_and_mappings_give_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"spec{suffix}"
    path.write_text(TEXT if suffix == ".yaml" else json.dumps(minimal(), indent="\t"), encoding="utf-8")
    expected = load_spec(minimal())
    assert load_spec(path) == load_spec(str(path)) == load_spec(TEXT) == load_spec(json.dumps(minimal())) == expected


def test_a_dumped_spec_loads_again() -> None:
    spec = load_spec(with_databricks_auth(service_principal()))
    assert load_spec(spec.model_dump(mode="json")) == spec


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    problem = only_problem(str(tmp_path / "none.yaml"))
    assert problem.path.endswith("none.yaml")
    assert "No such file" in problem.message


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_bytes(b"catalog: \xff\xfe")
    assert "UTF-8" in only_problem(str(path)).message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("catalog: sales\nfabric: {workspace: [\n", "line 3, column 1"),
        ("catalog: sales\n\tfabric: x\n", "line 2, column 1"),
        ("catalog: sales\nselect: {include: [*.x]}\n", "line 2, column 21"),
        ("catalog: sales\nfabric: *here\n", "line 2, column 9"),
        ("catalog: a\nfabric: 1\ncatalog: b\n", "line 3, column 1: the key 'catalog' is given twice (first in line 1)"),
        ("fabric:\n  workspace: a\n  workspace: b\n", "'workspace' is given twice"),
        ('{"catalog": "a", "catalog": "b"}', "'catalog' is given twice"),
        ("? [a]\n: b\n", "plain text"),
        ("a: 1\n---\nb: 2\n", "line 2"),
        ("- a\n- b\n", "not a mapping"),
        ("\n", "nothing in it"),
        ("catalog: 2026-13-45\n", "quotes"),
        ("catalog: !!python/name:os.system\n", "line 1"),
        ("catalog: a\x00b\n", "character"),
        ("catalog: a\nfabric:\n\tworkspace: b\n", "never with tabs"),
        ("catalog: a\n---\ncatalog: b\n", "a file holds one spec"),
        ("catalog: a\n2024: b\n", "line 2, column 1: the key '2024' isn't text to YAML (put it in quotes)"),
        ("catalog: a\non: b\n", "the key 'on' isn't text"),
        ('catalog: "\\ud800"\n', "half of a character"),
        ('{"catalog": "\\ud800"}', "half of a character"),
    ],
)
def test_syntax_errors_say_where(text: str, message: str) -> None:
    assert message in str(only_problem(text))


def test_an_unquoted_star_is_told_to_be_quoted() -> None:
    assert all("quotes" in only_problem(f"select: {{include: [{star}]}}\n").hint for star in ("*", "*.x", "*x"))


def test_json_errors_say_where(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text('{"catalog": "a",\n"b": }', encoding="utf-8")
    assert "line 2, column 6" in str(only_problem(str(path)))
    path.write_text('{"catalog": "a", "catalog": "b"}', encoding="utf-8")
    assert "given twice" in str(only_problem(str(path)))


def _bomb() -> str:
    names = "abcdefgh"
    return "a: &a [x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in pairwise(names)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (_bomb(), "more than 1,000,000 values"),
        ("select: &s\n  include: *s\n", "nested too deeply"),
        ("a: " + "[" * 3000 + "]" * 3000 + "\n", "nested too deeply"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "nested too deeply"),
    ],
)
def test_what_grows_without_end_is_refused(text: str, message: str) -> None:
    assert message in only_problem(text).message


def test_a_number_of_json_can_have_too_many_digits(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text('{"catalog": ' + "9" * 5000 + "}", encoding="utf-8")
    assert "too many digits" in only_problem(str(path)).message


def test_each_problem_is_told_with_the_line_where_it_can_be_mended(tmp_path: Path) -> None:
    spec, overlay = tmp_path / "spec.yaml", tmp_path / "prod.yaml"
    spec.write_text(
        f"{TEXT.strip()}\nselect:\n  include:\n  - '*'\n  - a.b.c\nlakehouse: {{nam: x}}\n", encoding="utf-8"
    )
    overlay.write_text("auto_sync: true\nfabric:\n  wrkspace: Prod\n", encoding="utf-8")
    found = {each.path: str(each) for each in problems(str(spec), overlays=[overlay], sets=["on_failure=stop"])}
    assert found["select.include[1]"].startswith("select.include[1] (line 7): the pattern")
    assert found["lakehouse.name"] == "lakehouse.name (line 8): this is required"
    assert found["fabric.wrkspace"].startswith(f"fabric.wrkspace ({overlay}, line 3): this key is unknown")
    assert found["on_failure"].startswith("on_failure (--set on_failure): this is not one of the possible values")


def test_lines_of_json_are_told_too(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps({**minimal(), "selekt": {}}, indent=2), encoding="utf-8")
    assert only_problem(str(path)).line == 9
    path.write_text(json.dumps({**minimal(), "selekt": {}}, indent="\t"), encoding="utf-8")
    assert only_problem(str(path)).line == (9 if yaml.__with_libyaml__ else 0)  # PyYAML's own reader takes no tabs


@pytest.mark.parametrize("fault", ["", "catalog: again\n", "fabric: [\n", "7: x\n", "lakehouse: *none\n"])
def test_a_large_spec_is_read_as_a_small_one_is(fault: str) -> None:
    """By another loader, and in no time; what is wrong is told in the same words, with its line."""
    groups = "\n".join(f"    group-{number}: 44440000-0000-4000-8000-{number:012x}" for number in range(5_000))
    small, large = (f"{TEXT}access:\n  groups:\n{each}\n" for each in ("    group-0: 4444", groups))
    if fault:
        [told], [expected] = only(large + fault), only(small + fault)
        assert re.sub(r"line \d+", "", told.message) == re.sub(r"line \d+", "", expected.message)
        assert told.hint == expected.hint
    else:
        access = load_spec(large).access
        assert access is not None
        assert len(access.groups) == 5_000


def only(text: str) -> list[SpecProblem]:
    with pytest.raises(SpecError) as refused:
        load_spec(text)
    return list(refused.value.problems)


def test_syntax_errors_do_not_repeat_the_text() -> None:
    found = str(only_problem("secret: 'hunter2-literal\n"))
    assert "hunter2" not in found


def test_overlays_merge_mappings_and_replace_lists(tmp_path: Path) -> None:
    base = minimal(select={"include": ["a.*", "b.*"], "exclude": ["a.x"]}, lakehouse={"name": "lake"})
    overlay = tmp_path / "prod.yaml"
    overlay.write_text("select: {include: [c.*]}\nlakehouse: null\nfabric: {item_name: prod}\n", encoding="utf-8")
    spec = load_spec(base, overlays=[overlay, {"auto_sync": False}])
    assert spec.select.include == ("c.*",)
    assert spec.select.exclude == ("a.x",)
    assert spec.lakehouse is None
    assert (spec.fabric.workspace, spec.fabric.item_name) == ("Sales Analytics", "prod")
    assert not spec.auto_sync
    assert base["lakehouse"] == {"name": "lake"}


def test_an_overlay_can_say_another_kind_of_sign_in_or_another_place_of_a_secret() -> None:
    base = with_databricks_auth(service_principal())
    vault = {"key_vault": {"connection": "vault", "secret_name": "sales"}}
    kept = load_spec(base, overlays=[{"databricks": {"connection": {"auth": {"secret": vault}}}}])
    auth = kept.databricks.connection.auth
    assert isinstance(auth, ServicePrincipalAuth)
    assert isinstance(auth.secret, KeyVaultSecret)
    assert auth.secret.key_vault.secret_name == "sales"
    renamed = load_spec(
        base, [{"databricks": {"connection": {"auth": {"secret": vault}}}}],
        ["databricks.connection.auth.secret.key_vault.secret_name=dev"],
    ).databricks.connection.auth  # fmt: skip
    assert isinstance(renamed, ServicePrincipalAuth)
    assert isinstance(renamed.secret, KeyVaultSecret)
    assert (renamed.secret.key_vault.connection, renamed.secret.key_vault.secret_name) == ("vault", "dev")
    reused = load_spec(base, sets=["databricks.connection.auth={kind: existing}"])
    assert isinstance(reused.databricks.connection.auth, ExistingAuth)


def test_settings_have_yaml_types_and_win_over_overlays() -> None:
    sets = [
        "auto_sync=false",
        "select.include=[a.*, b.*]",
        "fabric.workspace=Test",
        "lakehouse.name=l",
        "catalog='123'",
    ]
    spec = load_spec(minimal(), overlays=[{"fabric": {"workspace": "Overlay"}}], sets=sets)
    assert not spec.auto_sync
    assert spec.select.include == ("a.*", "b.*")
    assert spec.fabric.workspace == "Test"
    assert spec.lakehouse is not None
    assert spec.catalog == "123"


@pytest.mark.parametrize(
    ("setting", "path", "message"),
    [
        ("fabric.workspace", "--set", "path=value"),
        ("=x", "--set", "path=value"),
        ("a..b=x", "a..b", "path=value"),
        ("catalog.name=x", "catalog", "not a mapping"),
        ("catalog=[x", "--set catalog", "line 1"),
        ("fabric.workspac=x", "fabric.workspac", "unknown"),
    ],
)
def test_settings_that_cannot_be(setting: str, path: str, message: str) -> None:
    problem = only_problem(minimal(), sets=[setting])
    assert (problem.path, message in problem.message) == (path, True), problem


def test_a_secret_set_on_the_command_line_is_not_repeated() -> None:
    for setting in (
        "databricks.connection.auth.secret=hunter2",
        "databricks.connection.auth.secret=[hunter2",
        "hunter2",
    ):
        found = problems(with_databricks_auth(service_principal()), sets=[setting])
        assert found
        assert "hunter2" not in "".join(map(str, found))


def test_variables_are_replaced_in_all_text_but_secrets() -> None:
    source = with_databricks_auth(service_principal(tenant_id="${TENANT}"))
    source["fabric"]["workspace"] = "Sales ${STAGE} $${STAGE} $5"
    source["select"] = {"include": ["${SCHEMA}.*"]}
    environ = {"TENANT": "72f988bf-0000-4000-8000-00000000c0de", "STAGE": "test ${NOT}", "SCHEMA": "orders"}
    spec = load_spec(source, environ=environ)
    assert spec.fabric.workspace == "Sales test ${NOT} ${STAGE} $5"
    assert spec.select.include == ("orders.*",)


def test_no_variable_comes_from_the_process_itself() -> None:
    assert only_problem(minimal(catalog="${PATH}")).path == "catalog"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${STAGE}", "STAGE is not set"),
        ("a ${", "isn't a ${NAME}"),
        ("${a-b}", "isn't a ${NAME}"),
        ("${}", "isn't a ${NAME}"),
    ],
)
def test_variables_that_cannot_be_replaced(text: str, message: str) -> None:
    problem = only_problem(minimal(fabric={"workspace": text}))
    assert problem.path == "fabric.workspace"
    assert message in problem.message
    listed = only_problem(minimal(select={"include": ["*", f"{text}.*"]}))
    assert listed.path == "select.include[1]"


def test_secrets_take_no_variables() -> None:
    problem = only_problem(with_databricks_auth(service_principal(secret={"env": "${NAME}"})), environ={"NAME": "A"})
    assert problem.path == "databricks.connection.auth.secret.env"


def test_a_document_that_contains_itself_is_refused() -> None:
    assert any("nested too deeply" in problem.message for problem in problems("catalog: &a [*a]\n"))


def test_everything_wrong_is_told_at_once() -> None:
    source: dict[str, Any] = minimal(
        catalog="a b", fabric={"workspace": "${STAGE}", "itemname": "x"}, auto_sync="perhaps"
    )
    with pytest.raises(SpecError) as refused:
        load_spec(source)
    assert {problem.path for problem in refused.value.problems} == {
        "catalog",
        "fabric.workspace",
        "fabric.itemname",
        "auto_sync",
    }
    assert refused.value.__context__ is None, "pydantic's error holds the whole input"


def test_unreadable_parts_are_told_together(tmp_path: Path) -> None:
    found = problems("catalog: [\n", overlays=[tmp_path / "none.yaml"], sets=["nothing"])
    assert len(found) == 3
