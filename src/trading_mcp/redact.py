"""The one redactor: text from anywhere in, one plain line without secrets or hidden characters out.

It stands before the journal, the log and every answer. It errs towards removing: a hash that is lost from
a sentence can be looked up again, a key that was written down cannot be taken back. It is no proof of
absence: a secret that looks like a word passes, which is why keys are never put into text to begin with.
"""

import re
import unicodedata

TEXT_LENGTH_MAX = 1_000
REDACTED = "[redacted]"
_CUT = "…"

# Terminal sequences go whole, before single characters do: what follows ESC would otherwise stay as litter.
_ANSI = re.compile(
    r"(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # system commands: titles, links, clipboard
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # control sequences: colours, cursor
    r"|\x1b[ -/]*[0-~]?",  # everything else
)
_SPACES = re.compile(r"[ \t\n\v\f\r\x85\u2028\u2029]+")
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co"})

# People sign, too: "your signature: approve it" names no secret. A word of small letters is let pass after the
# bare noun and a colon; a header, a key in JSON, an assignment, digits or mixed letters are not.
_SIGNATURE = r"(?!(?<![\w.\-\"':=])(?<![:=]\s)signature:\s(?-i:[A-Za-z][a-z]{0,18})[.,;!?)]?(?:\s|\Z))signature"
_NAME = (
    r"(?:secret|passwords?|passwd|credentials?|(?:api|access|private|signing)[_\-. ]?key"
    rf"|key[_\-]id|token|authorization|cookie|session[_\-]?id|{_SIGNATURE}|(?<![A-Za-z0-9])(?:auth|pwd|otp|pin))"
    r"(?:[_\-. ]?(?:key|id|value|token))?"
)
_PHRASE_NAME = r"(?:passphrase|mnemonic|(?:seed|recovery)[_\-. ]?phrase)"
_EQUALS = r"""["']?\s{0,3}[:=]\s{0,3}"""
_QUOTED = r""""(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?"""
# Each name below has one of these in it: text with none, as nearly all of it is, need not be searched for names.
_STEMS = (
    "pass", "phrase", "mnemonic", "secret", "credential", "key", "token", "auth", "cookie", "session", "signature",
    "pwd", "otp", "pin",
)  # fmt: skip
_NAMED: tuple[tuple[re.Pattern[str], str], ...] = (
    # A phrase is several words: everything up to the next mark goes.
    (
        re.compile(rf"""(?i)({_PHRASE_NAME}(?:{_EQUALS}|\sis\s))({_QUOTED}|[^"',;&}}\]]+\]?)"""),
        rf"\1{REDACTED}",
    ),
    # The same said in a sentence.
    (
        re.compile(r"""(?i)((?:password|(?:api|secret|private|access)[_\- ]key)\sis\s)(?!\[redacted\])[^\s,;]+"""),
        rf"\1{REDACTED}",
    ),
    # name = value, name: value, "name": "value"
    (
        re.compile(
            rf"""(?i)((?:{_NAME}{_EQUALS})+(?:(?:bearer|basic)\s)?)({_QUOTED}|[^\s"',;&}}\])]+\]?)""",
        ),
        rf"\1{REDACTED}",
    ),
)
_BEFORE: tuple[tuple[re.Pattern[str], str], ...] = (
    # A private key in armour, whole or cut off.
    (re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)"), REDACTED),
    # scheme://user:password@host
    (re.compile(r"(?<=://)[^\s/@]{1,512}@"), f"{REDACTED}@"),
    # Bearer …, Basic …, when what follows is no word
    (re.compile(r"(?i)\b(bearer|basic)\s+(?=\S*\d|\S{20})[A-Za-z0-9+/_.~=-]{6,}"), rf"\1 {REDACTED}"),
)
_AFTER: tuple[tuple[re.Pattern[str], str], ...] = (
    # Shapes that issuers chose so that they can be recognised.
    (
        re.compile(
            r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?"  # JSON web tokens
            r"|\b(?:sk|pk|rk)[-_][A-Za-z0-9_-]{12,}"
            r"|\b(?:gh[opusr]_|github_pat_|glpat-|xox[abposr]-|ops_|tmcp_)[A-Za-z0-9_-]{10,}"
            r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
            r"|\bAIza[A-Za-z0-9_-]{30,}"
            r"|\b[PAC]K[A-Z0-9]{16,24}\b",  # Alpaca
        ),
        REDACTED,
    ),
    # Long hexadecimal: seeds, HMAC keys, digests.
    (re.compile(r"\b(?:0[xX])?[0-9a-fA-F]{32,}\b"), REDACTED),
)
_RUN = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_SEGMENT = re.compile(r"[A-Za-z0-9+/]{12,}")


def redacted(text: str, length_max: int = TEXT_LENGTH_MAX) -> str:
    """One line, at most `length_max` characters, without secrets or characters a person cannot see."""
    line = plain(text)
    for pattern, replacement in (*_BEFORE, *(_NAMED if _may_name(line) else ()), *_AFTER):
        line = pattern.sub(replacement, line)
    # Cutting comes last: half a secret at the end of a line is still half a secret.
    return cut(_RUN.sub(_without_noise, line), length_max)


def _may_name(line: str) -> bool:
    # Beyond ASCII a letter may match another that no folding of case makes of it.
    low = line.lower()
    return not line.isascii() or any(stem in low for stem in _STEMS)


def plain(text: str) -> str:
    """One line of visible characters: no terminal sequences, controls, bidi marks or lone surrogates."""
    if text.isascii() and text.isprintable():
        return text.strip()
    spaced = _SPACES.sub(" ", _ANSI.sub("", text))
    return _SPACES.sub(" ", "".join(filter(_is_visible, spaced))).strip()


def cut(text: str, length_max: int) -> str:
    """At most `length_max` characters; what was longer ends in an ellipsis."""
    if len(text) <= length_max:
        return text
    return text[: max(length_max - len(_CUT), 0)].rstrip() + _CUT[:length_max]


def _is_visible(character: str) -> bool:
    # Variation selectors are marks, not controls, and can carry a whole hidden message behind one letter.
    if "\ufe00" <= character <= "\ufe0f" or "\U000e0100" <= character <= "\U000e01ef":
        return False
    return unicodedata.category(character) not in _HIDDEN_CATEGORIES


def _without_noise(found: re.Match[str]) -> str:
    """A long run goes when a part of it mixes capitals, small letters and digits, as keys do."""
    run = found.group()
    return REDACTED if any(_looks_random(part) for part in _SEGMENT.findall(run)) else run


def _looks_random(part: str) -> bool:
    return (
        any(character.isdigit() for character in part)
        and any(character.isupper() for character in part)
        and any(character.islower() for character in part)
    )
