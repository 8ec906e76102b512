"""What was found in a run is collected, whatever folders the run has."""

import pytest

from hil_tests.reports.findings import Findings


def test_a_run_of_folders_with_plugins_of_their_own_has_it_too() -> None:
    plugins = pytest.PytestPluginManager()
    found, of_another_folder = Findings(), object()
    for plugin in (found, of_another_folder):
        plugins.register(plugin)
    called = plugins.subset_hook_caller("pytest_runtest_logreport", [of_another_folder])
    assert [one.plugin for one in called.get_hookimpls()] == [found]
