"""Secrets of channels where they lie, and what doctor says of each channel."""

from pathlib import Path

import pytest

from jobs.channels import Surroundings, check_settings
from jobs.doctor import check_channels
from riskmap.channel_settings import SecretPlace
from riskmap.errors import BadInput, Unavailable
from riskmap.settings import City, load_city

ROBOT: dict[str, object] = {"kind": "wecom", "key": {"file": "robot.key"}}


def lay(home: Path, content: bytes, mode: int = 0o600) -> Path:
    path = home / "secrets" / "robot.key"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


def city(**channels: dict[str, object]) -> City:
    return City(code="430981", name="沅江市", channels=channels)


def test_secrets_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    lay(tmp_path, "密 key\n".encode())
    around = Surroundings(tmp_path, {"KEY": " k1 "})
    assert around.secret(SecretPlace(file="robot.key")) == "密 key"
    assert around.secret(SecretPlace(file=str(tmp_path / "secrets" / "robot.key"))) == "密 key"
    assert around.secret(SecretPlace(env="KEY")) == "k1"
    with pytest.raises(Unavailable, match="OTHER"):
        around.secret(SecretPlace(env="OTHER"))


@pytest.mark.parametrize("content", [b"", b" \n", b"a\nb", b"\xff\xfe", b"a\x00b", b"x" * 5000])
def test_what_is_no_secret_is_told_by_its_place(tmp_path: Path, content: bytes) -> None:
    lay(tmp_path, content)
    with pytest.raises(Unavailable, match=r"robot\.key"):
        Surroundings(tmp_path, {}).secret(SecretPlace(file="robot.key"))


def test_a_line_of_doctor_for_each_channel(tmp_path: Path) -> None:
    lay(tmp_path, b"k", 0o644)
    sections: dict[str, dict[str, object]] = {
        "log": {"kind": "log"},
        "robot": ROBOT,
        "plain": {"kind": "sms", "url": "http://sms.city.invalid/"},
        "away": {"kind": "webhook", "url": "https://hook.city.invalid/", "secret": {"env": "AWAY"}},
        "typo": {"kind": "wecon"},
    }
    found = {check.name: check for check in check_channels(city(**sections), Surroundings(tmp_path, {}))}
    assert {name: check.ok for name, check in found.items()} == {
        "channel log": "green",
        "channel robot": "yellow",
        "channel plain": "yellow",
        "channel away": "red",
        "channel typo": "red",
    }
    assert all(check.remedy for check in found.values() if check.ok != "green")
    lay(tmp_path, b"k")
    (mended,) = check_settings(city(robot=ROBOT), Surroundings(tmp_path, {}))
    assert (mended.fault, mended.loss) == ("", "")


def test_a_city_without_channels_is_told_so(tmp_path: Path) -> None:
    (check,) = check_channels(city(), Surroundings(tmp_path, {}))
    assert (check.name, check.ok) == ("channels", "green")


def test_init_refuses_a_faulty_channel_by_file_section_and_field(tmp_path: Path) -> None:
    path = tmp_path / "our.toml"
    path.write_text(
        '[city]\ncode = "430981"\nname = "沅江市"\n[channels.robot]\nkind = "wecom"\nkey = "abc"\n'
    )
    with pytest.raises(BadInput, match=r"our\.toml 的 \[channels\.robot\] 字段 key") as caught:
        load_city(path)
    assert "secrets" in caught.value.remedy
