"""Fields: what a class and its bases declare, in whatever order and wherever the class was defined."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zaohua.core.errors import ZaohuaError
from zaohua.core.params import Between, check_fields, fields_of, make_fields

HEADER = """
import dataclasses
import typing
import typing as t
from typing import Annotated, ClassVar, Literal
from zaohua.core.params import Between, Sampling, make_fields

class Root:
    rate: Annotated[float, Between(above=0)] = 1.0
    '''How fast.'''
    size: int = 8
    '''How large.'''

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        make_fields(cls)

make_fields(Root)
"""
FUTURE = "from __future__ import annotations\n"
Define = Callable[[str], ModuleType]


@pytest.fixture(params=["types as objects", "types as strings"])
def define(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Define]:
    """What imports a text as a module behind HEADER, with and without the future import."""
    made = []

    def make(text: str) -> ModuleType:
        path = tmp_path / f"defined_{len(made)}.py"
        path.write_text((FUTURE if "strings" in request.param else "") + HEADER + textwrap.dedent(text))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = sys.modules[path.stem] = importlib.util.module_from_spec(spec)
        made.append(path.stem)
        spec.loader.exec_module(module)
        return module

    yield make
    for name in made:
        del sys.modules[name]


def defaults(cls: type) -> dict[str, Any]:
    """The defaults by what a form shows, which are those of an instance."""
    found = {name: field.default for name, field in fields_of(cls).items()}
    assert vars(cls()) == found
    return found


def test_a_field_is_declared_once(define: Define) -> None:
    module = define("""
        class Model(Root):
            size = 16
            kind: Literal["a", "b"] = "a"
            '''Which of
            two.'''
            width: Annotated[int, Between(1, 9), Sampling] | None = None
        """)
    fields = fields_of(module.Model)
    assert defaults(module.Model) == {"rate": 1.0, "size": 16, "kind": "a", "width": None}
    assert [field.help for field in fields.values()] == ["How fast.", "How large.", "Which of two.", ""]
    assert fields["rate"].type is float and fields["rate"].bounds == Between(above=0)
    assert fields["width"].bounds == Between(1, 9)
    assert module.Model(size=3).size == 3 and root_is_unchanged(module)
    with pytest.raises(TypeError, match="colour"):
        module.Model(colour=1)
    with pytest.raises(TypeError, match="positional"):
        module.Model(1)
    with pytest.raises(ZaohuaError, match="Model: kind must be|unknown value of Model's kind: 'c'"):
        check_fields(module.Model(kind="c"))


def test_a_marker_says_which_samples_a_field_affects(define: Define) -> None:
    module = define("""
        class Model(Root):
            steps: Annotated[int, Sampling] = 1
            vocoder: Annotated[bool, Sampling(modality="sounds")] = True
            probes: Annotated[int, Between(1), Sampling(scores=True)] = 1
        """)
    fields = fields_of(module.Model)
    assert [name for name, field in fields.items() if field.sampling] == ["steps", "vocoder", "probes"]
    for modality, affecting in (("images", ["steps"]), ("sounds", ["steps", "vocoder"])):
        assert [name for name, field in fields.items() if field.affects_samples(modality)] == affecting


def root_is_unchanged(module: ModuleType) -> bool:
    return defaults(module.Root) == {"rate": 1.0, "size": 8}


def test_the_order_of_bases_hides_no_default(define: Define) -> None:
    module = define("""
        class Family(Root):
            rate = 2.0
            depth: int = 3

        class Mixin(Root):
            extra: bool = True

        class FamilyFirst(Family, Mixin): ...
        class MixinFirst(Mixin, Family): ...
        """)
    expected = {"rate": 2.0, "size": 8, "depth": 3, "extra": True}
    assert defaults(module.FamilyFirst) == defaults(module.MixinFirst) == expected


def test_a_plain_mixin_states_defaults_and_fields(define: Define) -> None:
    module = define("""
        class Faster:
            rate = 0.5
            '''How fast it learns.'''
            laps: Annotated[int, Between(1)] = 4
            '''How often.'''

        class Family(Root):
            rate = 2.0

        class Fast(Faster, Family): ...
        class Slow(Family, Faster): ...
        """)
    assert defaults(module.Fast) == {"rate": 0.5, "size": 8, "laps": 4}
    assert defaults(module.Slow) == {"rate": 2.0, "size": 8, "laps": 4}, "the nearest that states one, as Python has it"
    assert [fields_of(module.Fast)[name].help for name in ("rate", "laps")] == ["How fast it learns.", "How often."]
    assert fields_of(module.Fast)["laps"].bounds == Between(1)


def test_the_type_is_that_of_the_nearest_class_that_annotates_it(define: Define) -> None:
    module = define("""
        class Plain(Root): ...
        class Narrow(Root):
            size: Annotated[int, Between(1, 4)] = 2
        class Model(Plain, Narrow):
            size = 3
        """)
    assert fields_of(module.Model)["size"].bounds == Between(1, 4)
    assert defaults(module.Model)["size"] == 3
    with pytest.raises(ZaohuaError, match="Model: size must be between 1 and 4, not 8"):
        check_fields(module.Model(size=8))


def test_class_variables_and_fitted_state_are_no_fields(define: Define) -> None:
    module = define("""
        class Model(Root):
            one: ClassVar[int] = 1
            two: typing.ClassVar = 2
            three: t.ClassVar[int] = 3
            _hidden: int = 4
            fitted_: int
            ClassVariable: int = 5
        """)
    assert list(fields_of(module.Model)) == ["rate", "size", "ClassVariable"]


def test_a_class_variable_fixes_a_parents_field(define: Define) -> None:
    module = define("""
        class Fixed(Root):
            size: ClassVar[int] = 1
        class Child(Fixed):
            depth: int = 2
        """)
    assert list(fields_of(module.Fixed)) == ["rate"] and list(fields_of(module.Child)) == ["rate", "depth"]
    assert module.Child().size == 1
    with pytest.raises(TypeError, match="size"):
        module.Child(size=2)


def test_a_field_without_a_default_is_told(define: Define) -> None:
    with pytest.raises(ZaohuaError, match="Model: width has no default"):
        define("class Model(Root):\n    width: int\n")
    with pytest.raises(ZaohuaError, match="Model: width has no default"):
        define("class Model(Root):\n    width: int = dataclasses.field()\n")
    module = define(
        "class Abstract:\n    width: int\nclass Wide:\n    width = 4\nclass Model(Abstract, Wide, Root): ...\n"
    )
    assert defaults(module.Model)["width"] == 4


def test_a_default_may_be_made_anew_for_each(define: Define) -> None:
    module = define("""
        class Model(Root):
            sizes: list = dataclasses.field(default_factory=list)
            depth: int = dataclasses.field(default=4)
        class Child(Model):
            rate = 3.0
        """)
    assert module.Model.depth == module.Child.depth == module.Child().depth == 4
    one, other = module.Child(), module.Child()
    assert one.sizes == [] and one.sizes is not other.sizes and one.rate == 3.0


def test_a_constructor_of_ones_own_stays(define: Define) -> None:
    module = define("""
        class Model(Root):
            def __init__(self, text):
                self.text = text
        class Child(Model):
            depth: int = 2
        """)
    assert module.Model("x").text == "x"
    assert module.Child(depth=4).depth == 4 and [f.name for f in dataclasses.fields(module.Child)][-1] == "depth"


CELL = """
class Model(Root):
    width: Annotated[int, Between(1), Sampling] = 4
    '''How wide.'''
"""


@pytest.mark.parametrize("future", ["", FUTURE])
@pytest.mark.parametrize("name", ["no module at all", "a module without a file", "this file"])
def test_classes_without_source_have_fields_without_help(future: str, name: str) -> None:
    """As of a notebook's cell, of a prompt, of stdin and of `exec`."""
    scope: dict[str, Any] = {} if name.startswith("no") else {"__name__": __name__ if "file" in name[:9] else name}
    exec(compile(future + HEADER.strip() + CELL, "a cell", "exec", dont_inherit=True), scope)
    model = scope["Model"]
    assert defaults(model) == {"rate": 1.0, "size": 8, "width": 4}
    assert fields_of(model)["width"].bounds == Between(1) and fields_of(model)["width"].sampling
    assert all(field.help == "" for field in fields_of(model).values())


def test_a_type_that_cannot_be_read_is_told() -> None:
    scope: dict[str, Any] = {"Root": _Root}
    exec(FUTURE + "class Model(Root):\n    width: Nowhere = 4\n", scope)
    with pytest.raises(ZaohuaError, match="Model: the type of a field can't be read, name 'Nowhere' is not defined"):
        fields_of(scope["Model"])


class _Root:
    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        make_fields(cls)


def test_help_is_not_taken_from_a_class_of_the_same_name_elsewhere() -> None:
    """The file that an executed text claims to be from has other classes in its place."""
    scope: dict[str, Any] = {"__name__": __name__, "Root": _Root}
    exec("\n\nclass Other(Root):\n    width: int = 4\n    'How wide.'\n", scope)
    assert fields_of(scope["Other"])["width"].help == ""


def test_a_type_may_be_defined_later(define: Define) -> None:
    module = define("""
        class Model(Root):
            kind: "Annotated[Later | None, Between(1)]" = None
        Later = int
        """)
    assert fields_of(module.Model)["kind"].bounds == Between(1)
    check_fields(module.Model(kind=2))
    with pytest.raises(ZaohuaError, match="kind must be int or None, not 'x'"):
        check_fields(module.Model(kind="x"))
