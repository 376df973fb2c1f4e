"""How long a run of the tests will still take, on the terminal or in a log."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest

_CACHED = "sophia/seconds_of_tests"
_LOG_EVERY_S = 30.0
_REPORTING_S = 0.01  # what a test that does nothing takes


class Progress:
    """Says after tests how many are over and how long the others will take.

    A test counts for the seconds that it took the last time, as pytest's cache remembers them, and
    a new one for the mean of the others. On a terminal one line is written over and over; in a log
    there is one every tenth of the run, and after half a minute.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._cache = getattr(config, "cache", None)
        self._known: dict[str, float] = self._cache.get(_CACHED, {}) if self._cache else {}
        self._left: dict[str, float] = {}
        self._seconds: dict[str, float] = {}
        self._num_tests, self._num_failed, self._tenth = 0, 0, 0

    def _begin(self, names: Iterable[str]) -> None:
        if self._num_tests == 0:  # every worker collects the same
            mean = sum(self._known.values()) / len(self._known) if self._known else 1.0
            self._left = {name: self._known.get(name, mean) + _REPORTING_S for name in names}
            self._num_tests, self._all = len(self._left), sum(self._left.values())
            self._began = self._written = time.monotonic()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._begin(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._begin(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid
        self._seconds[name] = self._seconds.get(name, 0.0) + report.duration
        self._num_failed += report.failed
        if report.when == "teardown":
            self._left.pop(name, None)
            self._write()

    def _write(self) -> None:
        left, now = sum(self._left.values()), time.monotonic()
        seconds = (now - self._began) * left / max(self._all - left, 1e-9)
        failed = f", {self._num_failed} failed" if self._num_failed else ""
        over = self._num_tests - len(self._left)
        text = f"{over} of {self._num_tests} tests{failed}, about {_clock(seconds)} left"
        reporter = self._config.pluginmanager.getplugin("terminalreporter")
        tenth = int(10 * over / self._num_tests)
        if reporter.isatty:
            reporter.write(f"\r\x1b[K{text}" + ("" if self._left else "\n"))
        elif tenth > self._tenth or now - self._written > _LOG_EVERY_S:
            self._tenth, self._written = tenth, now
            begun = self._config.get_terminal_writer().width_of_current_line  # with an F, say
            reporter.write(("\n" if begun else "") + text + "\n", flush=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        if report.passed and self._config.option.verbose <= 0:
            return ("passed" if report.when == "call" else "", "", "")  # no dots beside the lines
        return None

    def pytest_sessionfinish(self) -> None:
        if self._cache:
            self._cache.set(_CACHED, self._known | self._seconds)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


def pytest_configure(config: pytest.Config) -> None:
    """Let the process that reports to the user say it; the workers report to that one."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Progress(config))
