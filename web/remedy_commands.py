"""`riskmap explain --actions`: what would lower a colour, on a terminal or as JSON."""

from math import floor

from jobs.remedies import counterfactual
from layers.database import CITY
from riskmap.settings import Settings
from web.console import print_json, print_table, say
from web.opening import opened
from web.texts import translate, word


def below(score: float) -> float:
    """A score to two decimals, never rounded up: what falls just short of an edge is not to read as the edge."""
    return floor(score * 100) / 100


def print_actions(
    settings: Settings,
    kind: str,
    code: str,
    *,
    as_of: str | None,
    lang: str,
    goal: str | None,
    of: str,
    json: bool,
) -> None:
    """Find the actions and print them with the result as it was computed again."""
    with opened(settings) as city:
        answer = counterfactual(
            city.owner, city.reader, CITY, kind, code, of=of, goal=goal, as_of=as_of, lang=lang
        )
    if json:
        print_json(answer)
        return
    facts = {
        "name": answer["name"],
        "level": word(lang, "level", answer["level"]),
        "score": f"{answer['score']:.2f}",
        "goal": word(lang, "level", answer["goal"]),
        "level_after": word(lang, "level", answer["level_after"]),
        "score_after": f"{below(answer['score_after']):.2f}",
        "n": len(answer["actions"]),
    }
    outcome = "already" if answer["level"] == "blue" else "reached" if answer["reached"] else "none"
    say(translate(lang, f"remedies.cli_{outcome}", **facts))
    if answer["actions"]:
        say(translate(lang, "remedies.proven" if answer["proven"] else "remedies.irreducible"))
    columns = {
        name: translate(lang, f"remedies.{name}")
        for name in ("label", "reason", "contribution", "gain", "record")
    }
    if answer["actions"]:
        print_table(translate(lang, "remedies.actions"), answer["actions"], columns)
    if answer["remains"]:
        shown = {
            "value": translate(lang, "remedies.value"),
            "label": columns["label"],
            "reason": columns["reason"],
        }
        print_table(translate(lang, "remedies.remains"), answer["remains"], shown)
