"""The page of `lmgen serve`, in a real browser and by keyboard alone. A screenshot is left in artefacts/."""

import re
import shutil
import subprocess

import pytest

from conftest import ROOT, serving

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="apt install chromium chromium-driver"),
]


@pytest.fixture(scope="module")
def server(mini_folder):
    with serving("-m", mini_folder, stderr=subprocess.DEVNULL) as (address, _):
        yield address


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=900,1300"):
        options.add_argument(f"--{argument}")
    driver = webdriver.Chrome(options, Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, server):
    browser.get(server)
    wait_until(lambda: len(elements(browser, "#surprisal .word")) == 3 and elements(browser, "#bars button"))
    return browser


def elements(browser, selector):
    return browser.find_elements("css selector", selector)


def text(browser, name):
    return browser.execute_script(f"return document.getElementById('{name}').textContent")


def wait_until(reached):
    from selenium.common.exceptions import StaleElementReferenceException
    from selenium.webdriver.support.wait import WebDriverWait

    replaced = [StaleElementReferenceException]  # by a newer answer, meanwhile
    WebDriverWait(None, 30, 0.05, replaced).until(lambda _: reached())


def keyboard(browser):
    from selenium.webdriver.common.action_chains import ActionChains

    return ActionChains(browser)


def tab_to(browser, name):
    """Go on with the tabulator key until an element has the focus."""
    from selenium.webdriver.common.keys import Keys

    for _ in range(40):
        if browser.switch_to.active_element.get_attribute("id") == name:
            return
        keyboard(browser).send_keys(Keys.TAB).perform()
    raise AssertionError(f"the keyboard does not reach {name}")


def test_what_the_model_thinks_of_a_text_is_shown(page):
    words = elements(page, "#surprisal .word")

    assert [word.text for word in words] == ["The", "old", "man"]
    assert re.fullmatch(r"\d+\.\d\d bits", words[1].get_attribute("title"))
    assert elements(page, "#bars .share")[0].text.endswith("%")


def test_a_text_is_written_and_taken_over_by_keyboard(page):
    from selenium.webdriver.common.keys import Keys

    tab_to(page, "prefix")
    keyboard(page).send_keys(Keys.END, " and").key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(
        Keys.CONTROL
    ).perform()
    wait_until(lambda: page.find_element("id", "keep").is_enabled())
    written = text(page, "continuation")
    assert written.startswith("The old man and ")
    assert elements(page, "#continuation .word")
    folder = ROOT / "artefacts"
    folder.mkdir(exist_ok=True)
    page.save_screenshot(str(folder / "serve.png"))

    tab_to(page, "keep")
    keyboard(page).send_keys(Keys.ENTER).perform()

    wait_until(lambda: page.find_element("id", "prefix").get_attribute("value") == written)


def test_a_likely_word_is_added_by_its_bar(page):
    word = page.execute_script(
        "const bar = document.querySelector('#bars button'); bar.click(); return bar.querySelector('span').textContent"
    )

    wait_until(lambda: page.find_element("id", "prefix").get_attribute("value") == f"The old man {word}")
    wait_until(lambda: elements(page, "#surprisal .word")[-1].text == word)


def test_what_the_server_refuses_is_told(page):
    page.execute_script("document.getElementById('words').value = 99999; document.getElementById('words').max = ''")

    page.find_element("id", "write").click()

    wait_until(lambda: "max_tokens must be from" in text(page, "said"))


def test_dark_mode_is_dark(page):
    def background():
        return page.execute_script("return getComputedStyle(document.body).backgroundColor")

    colours = []
    for scheme in ("light", "dark"):
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        colours.append(sum(map(int, re.findall(r"\d+", background())[:3])))
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    assert colours[0] > 600
    assert colours[1] < 150


def test_no_other_address_is_asked(page, server):
    asked = set(
        re.findall(r'"url":"(https?://[^/"]+)', " ".join(entry["message"] for entry in page.get_log("performance")))
    )

    assert asked <= {server}
