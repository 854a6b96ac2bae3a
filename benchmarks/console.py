"""The longest tasks of the console in Chromium while calls arrive: 5,000 in ten seconds."""

import shutil
import threading
import time
from collections.abc import Iterator

from playwright.sync_api import sync_playwright

from benchmarks import report
from benchmarks.report import Table
from mockcvp import MockCVP

CALLS, SECONDS = 5000, 10
_OBSERVE = """() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((entry) => entry.duration)))
        .observe({ type: "longtask" });
}"""


def _call(cvp: MockCVP) -> None:
    with cvp.client(headers={"Accept": "application/json"}) as client:
        began = time.perf_counter()
        for number in range(CALLS):
            client.get("version" if number % 2 else "nothing")
            time.sleep(max(0.0, began + number * SECONDS / CALLS - time.perf_counter()))


def tables() -> Iterator[Table]:
    """Yield the number of tasks of over 50 ms, and the longest."""
    program = shutil.which("chromium")
    columns = ("page", "tasks over 50 ms", "the longest (ms)")
    title = f"The console in Chromium during {CALLS} calls in {SECONDS} s"
    if program is None:
        yield Table("console", title, columns, [], notes=("Chromium is missing.",))
        return
    with MockCVP() as cvp, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(ignore_https_errors=True)
        page.goto(f"{cvp.admin_url}/console/")
        page.get_by_text("Live").wait_for()
        page.evaluate(_OBSERVE)
        caller = threading.Thread(target=_call, args=[cvp])
        caller.start()
        while caller.is_alive():
            page.wait_for_timeout(200)
        page.get_by_text(f"{CALLS:,} calls").wait_for()
        tasks: list[float] = page.evaluate("window.tasks")
        browser.close()
    yield Table("console", title, columns, [("Calls", float(len(tasks)), max(tasks, default=0.0))])


if __name__ == "__main__":
    report.show(tables())
