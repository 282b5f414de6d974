"""Settings: read from the environment, checked at once, told in plain words."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from config.problems import ConfigError
from config.settings import Settings, load_settings, variables
from tests.fakes import REQUIRED

pytestmark = pytest.mark.usefixtures("own_environment")

SECRETS = ("the-secret-of-livekit", "the-secret-of-deepgram", "the-secret-of-openai", "the-secret-of-cartesia")


def load(changes: Mapping[str, str] | None = None, *, without: tuple[str, ...] = ()) -> Settings:
    """Load from the smallest environment, changed."""
    os.environ.clear()
    os.environ.update({**REQUIRED, **(changes or {})})
    for name in without:
        del os.environ[name]
    return load_settings()


def problems(changes: Mapping[str, str] | None = None, *, without: tuple[str, ...] = ()) -> list[str]:
    """What is wrong with that environment."""
    with pytest.raises(ConfigError) as caught:
        load(changes, without=without)
    return caught.value.problems


def test_smallest_environment_is_enough() -> None:
    """Everything but addresses and keys has a default."""
    settings = load()
    assert settings.services.livekit_agent_name == "sighted"
    assert settings.vision.source == "auto"
    assert settings.worker.max_jobs == 10


def test_values_come_from_the_environment() -> None:
    """Each type is read from text."""
    settings = load(
        {
            "VISION__SOURCE": "screen",
            "VISION__MAX_FRAME_AGE_S": "3.5",
            "UPLOADS__MAX_BYTES": "5000",
            "TURN__PREEMPTIVE": "false",
            "LLM__TEMPERATURE": "0.2",
            "AGENT__GREETING": "Hello, I can see you.",
        }
    )
    assert settings.vision.source == "screen"
    assert settings.vision.max_frame_age_s == 3.5
    assert settings.uploads.max_bytes == 5000
    assert settings.turn.preemptive is False
    assert settings.llm.temperature == 0.2
    assert settings.agent.greeting == "Hello, I can see you."


def test_empty_environment_lists_every_required_variable() -> None:
    """All at once, each with what it is for."""
    os.environ.clear()
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert [problem.split(":")[0] for problem in caught.value.problems] == list(REQUIRED)
    assert all(": not set. " in problem for problem in caught.value.problems)
    assert "LIVEKIT_API_KEY: not set. API key of the LiveKit server." in caught.value.problems


def test_every_problem_of_every_group_is_listed_at_once() -> None:
    """Nobody has to start the worker five times to learn of five mistakes."""
    found = problems(
        {
            "LIVEKIT_URL": "livekit.example.com",
            "VISION__QUALITY": "200",
            "WORKER__MAX_JOBS": "many",
            "LOG__LEVEL": "chatty",
            "VISION__QUALITYY": "75",
        },
        without=("CARTESIA_API_KEY",),
    )
    assert [problem.split(":")[0] for problem in found] == [
        "LIVEKIT_URL",
        "CARTESIA_API_KEY",
        "VISION__QUALITY",
        "WORKER__MAX_JOBS",
        "LOG__LEVEL",
        "VISION__QUALITYY",
    ]


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("VISION__QUALITY", "200", "VISION__QUALITY: found '200', which should be less than or equal to 100"),
        (
            "VISION__LOOK_TIMEOUT_MS",
            "-1",
            "VISION__LOOK_TIMEOUT_MS: found '-1', which should be greater than or equal to 0",
        ),
        ("LOG__LEVEL", "chatty", "LOG__LEVEL: found 'chatty', which should be 'debug', 'info', 'warning' or 'error'"),
        (
            "LIVEKIT_URL",
            "livekit.example.com",
            "LIVEKIT_URL: found 'livekit.example.com'. Address of the LiveKit server, `ws://` or `wss://`.",
        ),
        ("WORKER__MAX_LOAD", "1", "WORKER__MAX_LOAD: found '1', which should be less than 1"),
        ("UPLOADS__FROM", "all", "UPLOADS__FROM: found 'all', which should be 'caller' or 'room'"),
        (
            "UPLOADS__MAX_HELD_BYTES",
            "5000000",
            "UPLOADS__MAX_HELD_BYTES: found '5000000', which should not be less than UPLOADS__MAX_BYTES",
        ),
    ],
)
def test_problem_is_told_in_plain_words(name: str, value: str, sentence: str) -> None:
    """The variable, what was found, what is allowed."""
    assert problems({name: value}) == [sentence]


@pytest.mark.parametrize(
    ("name", "value"),
    [("WORKER__MAX_JOBS", "many"), ("TURN__PREEMPTIVE", "perhaps"), ("VISION__MAX_FRAME_AGE_S", "nan")],
)
def test_value_of_a_wrong_type_is_named_and_shown(name: str, value: str) -> None:
    """The reader sees their own text again."""
    [problem] = problems({name: value})
    assert problem.startswith(f"{name}: found '{value}', which ")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("", ()),
        ("a.png https://example.com/b.jpg", ("a.png", "https://example.com/b.jpg")),
        ('["a picture.png", "data:image/png;base64,AAAA"]', ("a picture.png", "data:image/png;base64,AAAA")),
    ],
)
def test_images_are_words_or_a_json_list(value: str, found: tuple[str, ...]) -> None:
    """A path with a space needs the list."""
    assert load({"AGENT__IMAGES": value}).agent.images == found


@pytest.mark.parametrize(
    "value",
    ["http://example.com/a.png", "https://user:secret@example.com/a.png", "data:image/png;base64,!", '["a.png"'],
)
def test_image_that_cannot_be_is_named_but_not_repeated_whole(value: str) -> None:
    """A data URL is megabytes long, and an address may hold a password."""
    [problem] = problems({"AGENT__IMAGES": value + "x" * 10_000})
    assert problem.startswith("AGENT__IMAGES: ")
    assert len(problem) < 300
    assert "secret" not in problem


def test_secrets_are_never_printed() -> None:
    """Not in the settings' text, and not in what is said about other problems."""
    shown = repr(load()) + str(load())
    told = "\n".join(problems({"VISION__QUALITY": "0"}, without=("LIVEKIT_URL",)))
    for secret in SECRETS:
        assert secret not in shown
        assert secret not in told
    assert "**********" in shown


@pytest.mark.parametrize("name", ["LIVEKIT_API_SECRET", "DEEPGRAM_API_KEY", "OPENAI_API_KEY", "CARTESIA_API_KEY"])
def test_secret_can_be_read_by_those_who_ask_for_it(name: str) -> None:
    """Hidden is not lost."""
    secret = getattr(load().services, name.lower())
    assert secret.get_secret_value() == REQUIRED[name]


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("VISION__QUALITYY", "VISION__QUALITY"),
        ("VISION__MAX_FRAME_AGE", "VISION__MAX_FRAME_AGE_S"),
        ("VISON__SOURCE", "VISION__SOURCE"),
        ("WORKERS__MAX_JOBS", "WORKER__MAX_JOBS"),
        ("UPLOAD__MAX_BYTES", "UPLOADS__MAX_BYTES"),
        ("vision__sorce", "VISION__SOURCE"),
    ],
)
def test_misspelt_name_suggests_the_right_one(wrong: str, right: str) -> None:
    """A setting that nothing reads is a mistake, not a wish."""
    assert problems({wrong: "75"}) == [f"{wrong.upper()}: no such setting; did you mean {right}?"]


def test_name_that_resembles_nothing_lists_what_the_group_has() -> None:
    """No suggestion is better than a silly one."""
    [problem] = problems({"STT__XYZZY": "1"})
    allowed = "STT__API_KEY, STT__API_KEY_FILE, STT__BASE_URL, STT__FALLBACK, STT__LANGUAGE, STT__MODEL, STT__PROVIDER"
    assert problem == f"STT__XYZZY: no such setting; allowed: {allowed}"


@pytest.mark.parametrize(
    "name",
    [
        "LOG",
        "AGENT",
        "VISION",
        "FOO__BAR",
        "AIRFLOW__CORE__X",
        "LOGS__LEVEL",
        "__LEVEL",
        "LOG__",
        "VISION_SOURCE",
        "LIVEKIT_PORT",
        "LIVEKIT_SERVICE_HOST",
        "AGENTS__SECRET",
    ],
)
def test_foreign_variable_is_ignored(name: str) -> None:
    """Other programs, and Kubernetes, have their own."""
    assert load({name: "debug"}) == load()


@pytest.mark.parametrize("name", [name for name, _, field in variables() if name not in REQUIRED and field])
def test_empty_string_is_as_good_as_unset(name: str) -> None:
    """Compose files pass empty strings for what nobody set."""
    if name == "LIVEKIT_AGENT_NAME":
        assert load({name: ""}).services.livekit_agent_name == ""
    else:
        assert load({name: ""}) == load()


@pytest.mark.parametrize("name", [*REQUIRED])
def test_required_variable_that_is_empty_is_reported(name: str) -> None:
    """An empty key is no key."""
    [problem] = problems({name: ""})
    assert problem.startswith((f"{name}: empty.", f"{name}: not set."))


@pytest.mark.parametrize("name", [name for name in REQUIRED if name != "LIVEKIT_URL"])
@pytest.mark.parametrize("blank", [" ", "\t", " \r\n"])
def test_key_of_blanks_is_empty(name: str, blank: str) -> None:
    """A secret that was mounted from an empty file ends in a line break all the same."""
    [problem] = problems({name: blank})
    assert problem.startswith((f"{name}: empty. ", f"{name}: not set. "))


@pytest.mark.parametrize(
    "name", ["OPENAI_API_KEY", "OPENAI_BASE_URL", "DEEPGRAM_BASE_URL", "CARTESIA_BASE_URL", "LIVEKIT_AGENT_NAME"]
)
def test_blanks_are_as_good_as_nothing(name: str) -> None:
    """What can be left empty can be left blank."""
    server = {"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"} if name == "OPENAI_API_KEY" else {}
    assert load({**server, name: "  "}) == load({**server, name: ""})


def test_blanks_around_a_value_do_not_count() -> None:
    """Keys are pasted, and mounted from files, with a line break at their end."""
    services = load({name: f" {value}\n" for name, value in REQUIRED.items()}).services
    read = [getattr(services, name.lower()) for name in REQUIRED]
    assert [str(value.get_secret_value() if hasattr(value, "get_secret_value") else value) for value in read] == [
        *REQUIRED.values()
    ]
    assert load({"STT__LANGUAGE": " de ", "AGENT__GREETING": "  Hello. "}) == load(
        {"STT__LANGUAGE": "de", "AGENT__GREETING": "Hello."}
    )


@pytest.mark.parametrize(
    "url",
    ["ws://live kit:7880", "ws://livekit :7880", "ws://livekit:7880/a b", "ws://livekit:7880 ws://other", "ws://"],
)
def test_address_with_a_blank_inside_is_refused(url: str) -> None:
    """It would never be reached, and the worker would try for a minute."""
    assert problems({"LIVEKIT_URL": url}) == [
        f"LIVEKIT_URL: found {url!r}. Address of the LiveKit server, `ws://` or `wss://`."
    ]


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1:7880", "wss://livekit.example.com", "https://livekit.example.com/", "wss://a.example/b/c"]
)
def test_address_may_have_a_port_and_a_path(url: str) -> None:
    """Some servers stand behind a proxy."""
    assert load({"LIVEKIT_URL": url}).services.livekit_url == url


@pytest.mark.parametrize(
    ("delays", "found"),
    [
        ({"TURN__MIN_DELAY_S": "2", "TURN__MAX_DELAY_S": "1"}, "'1'"),
        ({"TURN__MIN_DELAY_S": "4"}, "3.0"),
        ({"TURN__MAX_DELAY_S": "0.4"}, "'0.4'"),
    ],
)
def test_turn_delays_are_in_order(delays: dict[str, str], found: str) -> None:
    """Also where one of them is a default."""
    assert problems(delays) == [f"TURN__MAX_DELAY_S: found {found}, which should not be less than TURN__MIN_DELAY_S"]


def test_turn_delays_may_be_equal() -> None:
    """A turn then ends after just that long."""
    turn = load({"TURN__MIN_DELAY_S": "1", "TURN__MAX_DELAY_S": "1"}).turn
    assert (turn.min_delay_s, turn.max_delay_s) == (1, 1)


def test_wrong_delay_is_one_problem_and_not_two() -> None:
    """What can't be read can't be compared."""
    [problem] = problems({"TURN__MIN_DELAY_S": "soon", "TURN__MAX_DELAY_S": "0.1"})
    assert problem.startswith("TURN__MIN_DELAY_S: found 'soon', which ")


def test_size_of_uploads_can_be_set() -> None:
    """Within bounds that a model can make use of."""
    uploads = load({"UPLOADS__MAX_WIDTH": "800", "UPLOADS__MAX_HEIGHT": "600"}).uploads
    assert (uploads.max_width, uploads.max_height) == (800, 600)
    assert [
        problem.split(":")[0] for problem in problems({"UPLOADS__MAX_WIDTH": "10", "UPLOADS__MAX_HEIGHT": "0"})
    ] == [
        "UPLOADS__MAX_WIDTH",
        "UPLOADS__MAX_HEIGHT",
    ]


def test_openai_key_is_optional_with_a_server_of_ones_own() -> None:
    """A local model server wants none."""
    settings = load({"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"}, without=("OPENAI_API_KEY",))
    assert settings.services.openai_api_key is None
    settings = load({"OPENAI_BASE_URL": "http://127.0.0.1:8000/v1", "OPENAI_API_KEY": ""})
    assert settings.services.openai_api_key is None


def test_openai_key_is_required_for_openai() -> None:
    """Said before the first call fails."""
    [problem] = problems(without=("OPENAI_API_KEY",))
    assert problem.startswith("OPENAI_API_KEY: not set. OpenAI key")


def test_instructions_file_that_can_not_be_read_is_a_problem(tmp_path: Path) -> None:
    """Known before the first call, not in it."""
    missing = tmp_path / "missing.txt"
    [problem] = problems({"AGENT__INSTRUCTIONS_FILE": str(missing)})
    assert problem == f"AGENT__INSTRUCTIONS_FILE: found '{missing}': No such file or directory"
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00")
    [problem] = problems({"AGENT__INSTRUCTIONS_FILE": str(binary)})
    assert problem == f"AGENT__INSTRUCTIONS_FILE: found '{binary}': it is not UTF-8 text"


def test_settings_can_not_be_changed() -> None:
    """One call's dispatch must not reach into another's."""
    settings = load()
    with pytest.raises(ValueError, match="frozen"):
        settings.vision.quality = 10


def test_every_setting_is_described() -> None:
    """The documentation is made from these sentences."""
    undescribed = [
        name
        for name, section, field in variables()
        if not (section.model_fields[field].description or "").endswith((".", ")"))
    ]
    assert undescribed == []


def test_every_default_is_within_its_own_bounds() -> None:
    """A default that would be refused if it were set is a trap."""
    for _, section, field in variables():
        info = section.model_fields[field]
        if not info.is_required() and info.default is not None:
            section.__pydantic_validator__.validate_assignment(section.model_construct(), field, info.default)


def test_turns_by_the_listener_need_one_that_tells_them() -> None:
    """With any other every turn would stay unanswered."""
    [problem] = problems({"TURN__DETECTION": "stt", "STT__MODEL": "nova-3"})
    assert problem.startswith("TURN__DETECTION: found 'stt', which needs listeners that tell turns themselves")
    assert "'nova-3' of deepgram does not" in problem
    assert load({"TURN__DETECTION": "stt", "STT__MODEL": "flux-general-en"}).turn.detection == "stt"


def test_the_turn_detector_needs_a_silence_to_judge() -> None:
    """The framework would refuse it when the first call comes."""
    assert problems({"TURN__DETECTION": "model", "TURN__MIN_SILENCE_S": "0.2"}) == [
        "TURN__MIN_SILENCE_S: found '0.2', which should be at least 0.25 while TURN__DETECTION is model"
    ]
    assert load({"TURN__DETECTION": "vad", "TURN__MIN_SILENCE_S": "0.2"}).turn.min_silence_s == 0.2
