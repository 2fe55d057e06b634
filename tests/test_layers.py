"""The layers of the source tree: who may import whom, and what trusted code does not contain.

    constructions.machines -> constructions.transformer -> constructions.turing -> verify.arithmetic, verify.solver
    -> verify -> certificates -> api, trial -> certificates.command_line -> exactformer itself

Each may import itself and what stands before it; the checker imports nothing of ours but itself.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import exactformer

ROOT = Path(exactformer.__file__).parent
CHECKER = "exactformer.certificates.checker"
LAYERS = (
    (
        "exactformer.constructions.machines",
        "exactformer.constructions.contextual",
        "exactformer.constructions.theory",
        "exactformer.constructions.behaviour",
        "exactformer.constructions.html",
    ),
    ("exactformer.constructions.transformer",),
    (
        "exactformer.constructions.turing",
        "exactformer.constructions.ngram",
        "exactformer.constructions.subleq",
        "exactformer.constructions.imported",
        "exactformer.constructions.lookups",
    ),
    ("exactformer.verify.arithmetic", "exactformer.verify.solver"),
    ("exactformer.verify",),
    ("exactformer.certificates",),
    ("exactformer.api", "exactformer.results", "exactformer.trial"),
    ("exactformer.certificates.command_line",),
    ("exactformer",),
)
MAY_ALSO_IMPORT = {
    ("exactformer.certificates.command_line.asking", CHECKER),
    ("exactformer.certificates.command_line.check", CHECKER),
    ("exactformer.certificates.command_line.report", CHECKER),
    ("exactformer.certificates.reports.page.exact_network", CHECKER),
    ("exactformer.certificates.reports.page.kernel", CHECKER),
    ("exactformer.api", CHECKER),
    ("exactformer.results", CHECKER),
    ("exactformer.trial", CHECKER),
    ("exactformer.certificates.theory_certificate", CHECKER),
    ("exactformer.certificates.certify_all", CHECKER),
    ("exactformer.certificates.shapes", CHECKER),
    ("exactformer.certificates.sweep_all", CHECKER),
    ("exactformer.certificates.command_line.certify", CHECKER),
    ("exactformer.certificates.batch.work", CHECKER),
    ("exactformer.certificates.requests", CHECKER),
    ("exactformer.certificates.sequences.search", CHECKER),
    ("exactformer.certificates.kernels.inputs", CHECKER),
    ("exactformer.certificates.words.search", CHECKER),
    ("exactformer.certificates.words.setting", CHECKER),
    ("exactformer.certificates.words.unfinished", CHECKER),
    ("exactformer.certificates.words.explanation", CHECKER),
    ("exactformer.certificates.words.certificate", CHECKER),
    ("exactformer.certificates.command_line.verify", CHECKER),
    ("exactformer.certificates.subjects", CHECKER),
    ("exactformer.certificates.kernels.files", CHECKER),
    ("exactformer.certificates.kernels.search", CHECKER),
    ("exactformer.certificates.kernels.script", CHECKER),
    ("exactformer.certificates.kernels.certificate", CHECKER),
    ("exactformer.certificates.reports.kernels", CHECKER),
    ("exactformer.certificates.command_line.kernel", CHECKER),
}
"""The command ``check`` hands over to the checker; the API, too, and theories are read nowhere else. What is claimed of
all inputs is proved by the kernel when a certificate is made and when it is checked: its errors are those of both.
"""


def sources() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    found = {}
    for part in ("constructions", "verify", "certificates", ""):
        for path in sorted((ROOT / part).rglob("*.py") if part else ROOT.glob("*.py")):
            parts = ("exactformer", *path.relative_to(ROOT).with_suffix("").parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


SOURCES = sources()


@cache
def tree_of(module: str) -> ast.Module:
    """Not parsed before a test asks."""
    return ast.parse(SOURCES[module].read_text(encoding="utf-8"))


def inside(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def imports(module: str, tree: ast.Module) -> set[str]:
    """The modules that a module imports, anywhere in it; ``from a import b`` is a.b where that is a module."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                depth = node.level - (SOURCES[module].name == "__init__.py")
                above = module.split(".")[: -depth or None]
                base = ".".join([*above, *([node.module] if node.module else [])])
            names = {f"{base}.{alias.name}" for alias in node.names}
            found |= (names & set(SOURCES)) or {base}
    return found


@cache
def graph() -> dict[str, set[str]]:
    """From each module to those that it imports."""
    return {module: imports(module, tree_of(module)) for module in SOURCES}


def layer_of(module: str) -> int | None:
    """The last layer that names the module or a package around it, the most precise name first."""
    named = [
        (len(package), number) for number, layer in enumerate(LAYERS) for package in layer if inside(module, package)
    ]
    return max(named)[1] if named else None


def ours(modules: Iterable[str]) -> Iterator[str]:
    for module in modules:
        if module.split(".")[0] in ("exactformer", "tests", "benchmarks"):
            yield module


def violations(graph: dict[str, set[str]]) -> list[tuple[str, str]]:
    """(importer, imported) wherever an import goes against the order of the layers."""
    wrong = []
    for module, imported in graph.items():
        for other in ours(imported):
            if (module, CHECKER) in MAY_ALSO_IMPORT and inside(other, CHECKER):
                continue
            if inside(module, CHECKER) or inside(other, CHECKER):
                allowed = inside(module, CHECKER) and inside(other, CHECKER)
            else:
                mine, theirs = layer_of(module), layer_of(other)
                allowed = mine is not None and theirs is not None and theirs <= mine
            if not allowed:
                wrong.append((module, other))
    return wrong


def test_all_imports_go_down_the_layers() -> None:
    assert len(SOURCES) > 50
    assert violations(graph()) == []


BACKWARDS = {
    "machines import the transformer": (
        "exactformer.constructions.machines.run",
        "exactformer.constructions.transformer.gadgets",
    ),
    "the transformer imports the construction": (
        "exactformer.constructions.transformer.network",
        "exactformer.constructions.turing.cot",
    ),
    "a construction imports a proof": ("exactformer.constructions.turing.cot", "exactformer.verify.separation"),
    "arithmetic imports the forward pass": (
        "exactformer.verify.arithmetic.softmax",
        "exactformer.verify.hardmax.forward",
    ),
    "the solver facade imports what uses it": ("exactformer.verify.solver", "exactformer.verify.separation"),
    "a proof imports the document": ("exactformer.verify.assessment", "exactformer.certificates.document"),
    "the emitter imports the command line": (
        "exactformer.certificates.certify",
        "exactformer.certificates.command_line.main",
    ),
    "the emitter imports the checker": (
        "exactformer.certificates.certify",
        "exactformer.certificates.checker.document",
    ),
    "the checker imports the emitter": ("exactformer.certificates.checker.replay", "exactformer.certificates.document"),
    "the checker imports a construction": (
        "exactformer.certificates.checker.replay",
        "exactformer.constructions.machines.run",
    ),
    "another command imports the checker": (
        "exactformer.certificates.command_line.run",
        "exactformer.certificates.checker.replay",
    ),
    "the product imports its tests": ("exactformer.verify.assessment", "tests.machine_table"),
}


@pytest.mark.parametrize("title", BACKWARDS)
def test_an_import_that_goes_up_is_noticed(title: str) -> None:
    module, imported = BACKWARDS[title]
    assert violations({**graph(), module: graph()[module] | {imported}}) == [(module, imported)]


def test_modules_do_not_import_each_other_in_circles() -> None:
    list(TopologicalSorter(graph()).static_order())
    with pytest.raises(CycleError):
        list(
            TopologicalSorter(
                {**graph(), "exactformer.verify.arithmetic.formats": {"exactformer.verify.arithmetic.softmax"}}
            ).static_order()
        )


def test_every_module_belongs_to_a_layer() -> None:
    outside = [module for module in SOURCES if layer_of(module) is None]
    assert outside == []
    assert layer_of("exactformer.verify.solver") == 3
    assert layer_of("exactformer.verify.hardmax.forward") == 4


def tops(graph: dict[str, set[str]], module: str) -> set[str]:
    """The top-level packages a module imports."""
    return {name.split(".")[0] for name in graph[module]}


def test_the_checker_imports_the_standard_library_and_numpy_only() -> None:
    modules = [module for module in SOURCES if inside(module, CHECKER)]
    foreign = {top for module in modules for top in tops(graph(), module)} - set(sys.stdlib_module_names)
    assert foreign <= {"numpy", "exactformer"}


def test_only_the_solver_facade_imports_the_solver() -> None:
    assert [module for module in SOURCES if "z3" in tops(graph(), module)] == ["exactformer.verify.solver"]


def test_only_the_standard_library_and_declared_dependencies_are_imported() -> None:
    declared = {"click", "mpmath", "numpy", "yaml", "rich", "scipy", "sympy", "z3"}
    optional = {  # package: its extra is asked for where it is used
        "distributed": ["exactformer.certificates.cluster"],
        "matplotlib": ["exactformer.certificates.command_line.plots"],
        "onnx": ["exactformer.certificates.export.onnx_export"],
        "safetensors": ["exactformer.certificates.export.templates.model"],
        "torch": ["exactformer.certificates.export.templates.model"],
    }
    for package, users in optional.items():
        assert [module for module in SOURCES if package in tops(graph(), module)] == users
    imported = {top for module in SOURCES for top in tops(graph(), module)} - set(optional)
    assert imported - set(sys.stdlib_module_names) - {"exactformer"} == declared


TRUSTED = [module for module in SOURCES if inside(module, "exactformer.verify") or inside(module, CHECKER)]
TIME_LIMITS = {("exactformer.verify.solver", "budget_seconds"), ("exactformer.verify.separation", "budget_seconds")}
"""Arguments whose default may be a float: how long the solver may think, which decides nothing but Unknown."""
INTEGER_MATHEMATICS = {"ceil", "comb", "factorial", "floor", "gcd", "isqrt", "lcm", "perm", "prod"}


def time_limits(module: str, tree: ast.AST) -> set[ast.AST]:
    """The defaults of the arguments in TIME_LIMITS."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            arguments = [*node.args.posonlyargs, *node.args.args]
            defaults = zip(arguments[len(arguments) - len(node.args.defaults) :], node.args.defaults, strict=True)
            found |= {default for argument, default in defaults if (module, argument.arg) in TIME_LIMITS}
    return found


def floats(module: str, tree: ast.AST) -> Iterator[str]:
    """Float and complex literals, and what makes floats: conversions, numpy's types, functions of math."""
    allowed = time_limits(module, tree)
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float() | complex()) if node not in allowed:
                yield f"{module}:{node.lineno}: {ast.unparse(node)}"
            case ast.Call(func=ast.Name(id="float" | "complex")):
                yield f"{module}:{node.lineno}: {ast.unparse(node)}"
            case ast.Attribute(attr=name) if name.startswith(("float", "double", "half", "single", "longdouble")):
                yield f"{module}:{node.lineno}: {ast.unparse(node)}"
            case ast.Attribute(value=ast.Name(id="math"), attr=name) if name not in INTEGER_MATHEMATICS:
                yield f"{module}:{node.lineno}: {ast.unparse(node)}"
            case ast.ImportFrom(module="math", names=names) if {n.name for n in names} - INTEGER_MATHEMATICS:
                yield f"{module}:{node.lineno}: {ast.unparse(node)}"


def asserts(module: str, tree: ast.AST) -> list[str]:
    """Assert statements: python -O leaves them out, so nothing may rest on them."""
    return [f"{module}:{node.lineno}" for node in ast.walk(tree) if isinstance(node, ast.Assert)]


@pytest.mark.parametrize("module", TRUSTED)
def test_trusted_code_has_no_floats_and_no_assert(module: str) -> None:
    assert list(floats(module, tree_of(module))) == []
    assert asserts(module, tree_of(module)) == []


def test_every_time_limit_that_is_listed_exists() -> None:
    limits = {module for module, _ in TIME_LIMITS for _ in time_limits(module, tree_of(module))}
    assert limits == {module for module, _ in TIME_LIMITS}


FLOATS = {
    "a literal": "x = 1.5",
    "an exponent": "x = 1e3",
    "an imaginary number": "x = 2j",
    "a conversion": "x = float(y)",
    "an array's type": "x = np.zeros(3, np.float64)",
    "a method of an array's type": "x = y.astype(np.half)",
    "a logarithm": "x = math.log2(y)",
    "a logarithm by name": "from math import exp, isqrt",
    "a default that is not a time limit": "def f(tolerance: float = 0.1): ...",
}


@pytest.mark.parametrize("title", FLOATS)
def test_a_float_in_trusted_code_is_noticed(title: str) -> None:
    assert len(list(floats("exactformer.verify.solver", ast.parse(FLOATS[title])))) == 1


def test_what_is_no_float_is_left_alone() -> None:
    text = '"""A docstring with 1.5 and float(x)."""\nimport math\ny: float = 3\nz = math.gcd(6, 4)\n'
    assert list(floats("exactformer.verify.solver", ast.parse(text))) == []
    limit = "def f(budget_seconds: float = 60.0): ..."
    assert list(floats("exactformer.verify.solver", ast.parse(limit))) == []
    assert len(list(floats("exactformer.verify.assessment", ast.parse(limit)))) == 1


def test_an_assert_is_noticed() -> None:
    assert asserts("exactformer.verify.solver", ast.parse("def f(x):\n    assert x\n")) == [
        "exactformer.verify.solver:2"
    ]
