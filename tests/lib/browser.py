"""A headless Chromium, driven by chromedriver through the W3C's WebDriver protocol: JSON over HTTP.

Each look at the page waits until it shows what is asked for; elements are named by CSS selectors, and by the text they show.
It runs as an ordinary user with a profile of its own below t.folder. https://www.w3.org/TR/webdriver2/
"""
import base64
import json
import os
import subprocess
import time
import urllib.error
import urllib.request

from harness import PATIENCE_SECONDS, check, eventually
from mailhost import as_user, free_port, give, has_program

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of an element's id, section 11
ENTER = "\ue007"
CLICK_SECONDS = 5  # after which a click is taken as lost
# The elements that can be seen, and whose text has the words asked for.
VISIBLE = """const [selector, words] = arguments;
return [...document.querySelectorAll(selector)].filter(one => one.getClientRects().length
    && getComputedStyle(one).visibility != 'hidden' && (one.innerText || one.value || '').includes(words));"""


class Refused(AssertionError):
    """What the browser answers to a command that it can't do, such as a click on something covered."""


class Browser:
    """One window, ended with the test; `last.png` in t.folder shows what it was when a test failed."""

    def __init__(self, t):
        for program in ("chromium", "chromedriver"):
            check(has_program(program), f"{program} is missing; contrib/packages/test lists it")
        self.folder = os.path.join(t.folder, "browser")
        os.makedirs(self.folder)
        give(self.folder)
        self.base = None
        port = free_port()
        self.at = f"http://127.0.0.1:{port}"
        with open(os.path.join(self.folder, "log"), "wb") as log:
            # A session of its own: Chromium's processes are ended with it.
            self.process = subprocess.Popen(["chromedriver", f"--port={port}"], cwd=self.folder, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env={**os.environ, "HOME": self.folder, "TMPDIR": self.folder},
                                            start_new_session=True, **as_user())
        t.cleanup(self.stop)
        eventually(lambda: self._ask("GET", "/status")["ready"], "chromedriver answers")
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1400,1000",
                            "--no-first-run", "--lang=en", "--disable-background-networking",
                            f"--user-data-dir={self.folder}/profile"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "unhandledPromptBehavior": "accept",
                  "goog:loggingPrefs": {"browser": "ALL"}}
        started = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base = "/session/" + started["sessionId"]

    def _ask(self, method, path, data=None):
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(self.at + path, body, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise Refused(f"{value['error']}: {value['message'].splitlines()[0]}") from error

    def stop(self):
        try:
            if self.base:
                self.screenshot(os.path.join(os.path.dirname(self.folder), "last.png"))
                self._ask("DELETE", self.base)
        finally:
            self.process.terminate()
            self.process.wait(30)

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self._ask("GET", self.base + "/screenshot")))

    def open(self, url):
        self._ask("POST", self.base + "/url", {"url": url})

    def script(self, text, *arguments):
        """Runs JavaScript as the body of a function, in the frame that is looked at; returns what it returns."""
        return self._ask("POST", self.base + "/execute/sync", {"script": text, "args": list(arguments)})

    def visible(self, selector, words=""):
        return self.script(VISIBLE, selector, words)

    def wait(self, selector, words="", seconds=PATIENCE_SECONDS):
        """The first such element that can be seen."""
        return eventually(lambda: self.visible(selector, words), f"the page shows {selector} {words}", seconds)[0]

    def wait_gone(self, selector, words=""):
        eventually(lambda: not self.visible(selector, words), f"the page shows {selector} {words} no more")

    def _until_done(self, action, what):
        """Repeats what fails while the page still moves: an element that is covered, or was made anew."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return action()
            except Refused as error:
                check(time.monotonic() < end, f"{what}: {error}")
                time.sleep(0.1)

    def click(self, selector, words=""):
        self._until_done(lambda: self._element("click", self.wait(selector, words), {}), f"click on {selector} {words}")

    def click_until(self, selector, shown):
        """Clicks until something is shown by it: a page that is still busy may let a click pass."""
        def try_once():
            if not self.visible(shown):
                self.click(selector)
                eventually(lambda: self.visible(shown), f"a click on {selector} shows {shown}", CLICK_SECONDS)
            return True
        eventually(try_once, f"clicks on {selector} show {shown}")

    def write(self, selector, text):
        """Replaces what a field holds, key by key."""
        def type_anew():
            field = self.wait(selector)
            self._element("clear", field, {})
            self._element("value", field, {"text": text})
        self._until_done(type_anew, f"typing into {selector}")

    def press(self, selector, keys):
        """Types into a field what it has not yet."""
        self._until_done(lambda: self._element("value", self.wait(selector), {"text": keys}), f"typing into {selector}")

    def choose(self, selector, value):
        """Chooses from a list by the value that the page's form sends."""
        def choose_option():
            found = self.script("return document.querySelector(arguments[0])", f'{selector} option[value="{value}"]')
            check(found, f"{selector} has no choice {value}")
            self._element("click", found, {})
        self.wait(selector)
        self._until_done(choose_option, f"choice of {value} in {selector}")

    def _element(self, command, element, data):
        return self._ask("POST", f"{self.base}/element/{element[ELEMENT]}/{command}", data)

    def enter_frame(self, selector):
        """From here on, elements are those of a frame within what is looked at now."""
        self._until_done(lambda: self._ask("POST", self.base + "/frame", {"id": self.wait(selector)}), f"frame {selector}")

    def leave_frames(self):
        self._ask("POST", self.base + "/frame", {"id": None})

    def forget(self):
        """Removes the cookies of the page's site, as a new visitor has none."""
        self._ask("DELETE", self.base + "/cookie")

    def complaints(self):
        """What scripts of the page wrote as errors."""
        return [entry["message"] for entry in self._ask("POST", self.base + "/se/log", {"type": "browser"})
                if entry["level"] == "SEVERE"]
