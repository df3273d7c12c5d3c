"""How gathered words become those of the registry: names of papers, notes on protocols, and doubts about a value."""

import re

COPY = re.compile(r"copied(?:, rounded)? \((?:= |paper: |survey: )?(?P<source>.+?)(?:, its own method)?\)$")
"""A row that repeats another paper: its source is ``2404.01647 Table 1`` or, where it was not found, words."""

_ID = re.compile(r"\b(\d{4}\.\d{5})\b")
_TABLE = re.compile(r"\bTab\.(\d+)")
_UNNUMBERED = re.compile(r"unnumbered \(line \d+\)")
# Ways by which a text was found, which are no part of the protocol.
_ROUTES = re.compile(
    r"^(?:via [^;|]*(?:\[[^]]*\]|file id [\d/ a-z]*)|table HTML in [^;]*|PRIMARY repo README of THEval \[[^]]*\])"
    r"(?:; |$)"
)
_ASIDES = re.compile(
    r"PRIMARY |SECONDARY: | \[[a-z-]+ id \d+\]| \(v1 registry label [^)]*\)|EAT LSE-C 12\.77 is flagged[^;]*; "
)
_READINGS = {
    r"^source not in the \w+": "full text not at hand",
    r"^paper in the \w+, but its converted text has no table": "full text at hand without its tables",
    r"^arXiv v3 in the \w+; v1 value .*": "value of arXiv v3; an earlier list had another",
    r"^v1 named the paper": "an earlier list named the paper",
    r"^v1 swapped": "an earlier list swapped",
    r"^v1 took": "an earlier list took",
    r"^v1 rounded; .*": "",
    r"^checked by reading$": "",
    r"^VideoReTalking HDTF SSIM is printed .*": "",
    r"^data set inferred: a row .* of a (\w+) table$": r"data set inferred: a row repeats the paper's own row on \1",
    r"^data set set by hand$": "data set named by hand, since the table does not",
}
_OTHER_SCALE = re.compile(
    r"^(?:scale \d+-\d+ times the usual|printed on a 0-1 scale|printed in the hundreds|values .*(?:another|not the))"
)
_DROPPED_DIGIT = ("VideoReTalking HDTF SSIM is printed", 0.1)  # one SSIM below what this paper's other rows can be
_BROKEN_LOG = "F-LVD"  # its accumulator never started anew, by the log's own note
# The paper draws its 30 videos from each test set (section 4.2).
_PAPER_DRAW = "30 random test videos (wording leaves open whether per dataset or in all)"
_PAPER_DRAW_SAID = "HDTF: 30 random test videos; MEAD: 30 random test videos"


def paper_id_of(gathered: str, paper: str) -> str:
    """A paper's arXiv number, from its own column or its name; empty where it has none."""
    found = _ID.search(gathered) or _ID.search(paper)
    return found[1] if found else ""


def paper_name(paper: str) -> str:
    """A paper's short name, without numbers of arXiv and of tables, or the venue."""
    name = re.sub(r" arXiv \d{4}\.\d{5}| Tab\.\d+| \(\d{4}\.\d{5}\)| \(CVPR \d{4}\)", "", paper).strip()
    return "Survey" if name == "(survey)" else name.removesuffix(" leaderboard page")


def table_of(table: str, paper: str) -> str:
    """The table's name as the paper has it; empty where it is not known."""
    found = _TABLE.search(paper)
    return _UNNUMBERED.sub("unnumbered", table) or (f"Table {found[1]}" if found else "")


def note_of(protocol: str, check: str, other_arrow: bool) -> str:
    """What is known of the protocol, then what was found while the value was checked.

    Args:
        protocol: the gathered note; `` || stated: `` parts what an earlier list said from what the paper says.
        check: the gathered remark of the check.
        other_arrow: whether the paper prints the opposite direction.
    """
    parts = [_ASIDES.sub("", _ROUTES.sub("", part.removeprefix("stated: "))) for part in protocol.split(" || ")]
    for pattern, words in _READINGS.items():
        check = re.sub(pattern, words, check)
    arrow = "printed with the other arrow" if other_arrow else ""
    said = "; ".join(filter(None, [part.strip("; ") for part in [*parts, check, arrow]]))
    return said.replace(_PAPER_DRAW, _PAPER_DRAW_SAID)


def is_doubted(check: str, metric: str, value: float) -> bool:
    """Whether a value is on a scale of its own, so that no range may hold it."""
    typo, least = _DROPPED_DIGIT
    if check.startswith(typo):
        return value < least
    return bool(_OTHER_SCALE.match(check)) or metric == _BROKEN_LOG
