"""Every event is whole: a module with its SPEC, a test of its name, and a sample."""

import importlib
from pathlib import Path

import pytest

import sync_worker.events
from shared.body import read_body
from sync_worker.events import EventSpec, specs

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "fixtures" / "events"
MODULES = sorted(path.stem for path in Path(sync_worker.events.__file__).parent.glob("[a-z]*.py"))


def spec_of(module: str) -> EventSpec:
    found = importlib.import_module(f"sync_worker.events.{module}").SPEC
    assert isinstance(found, EventSpec)
    return found


@pytest.mark.parametrize("module", MODULES)
def test_an_event_has_spec_test_and_sample(module: str):
    """Whoever adds an event adds all three; the module is named after what it is about."""
    spec = spec_of(module)
    assert module.endswith(spec.change or spec.event)
    assert (HERE / f"test_{module}.py").is_file()
    samples = [read_body(path.read_bytes()) for path in SAMPLES.glob("*.xml")]
    assert (spec.event, spec.change) in {(sample.event, sample.change) for sample in samples}


@pytest.mark.parametrize("module", MODULES)
def test_an_event_is_found_under_its_own_name(module: str):
    """Names are matched without case, so the SPEC's are in small letters; no module hides another."""
    spec = spec_of(module)
    assert (spec.event, spec.change) == (spec.event.lower(), spec.change.lower())
    assert specs()[spec.event, spec.change] is spec


def test_every_event_is_acted_upon_once():
    """Two modules of one (event, change) would silently replace each other."""
    assert len(specs()) == len(MODULES) > 0


def test_every_test_here_belongs_to_an_event():
    """A test whose event went away tests nothing."""
    assert {path.stem for path in HERE.glob("test_*.py")} == {"test_completeness", *(f"test_{m}" for m in MODULES)}
