"""Makes of a database URL or connection string what people may see of it, and finds what nobody may.

Knows how they are written, and what a slip makes of them: only what is known to be harmless is shown. Opens nothing.
"""

from __future__ import annotations

import re

HIDDEN = "***"
_HARMLESS = re.compile(
    "application_name|channel_binding|client_encoding|connect_timeout|dbname|fallback_application_name|gssencmode|host"
    "|hostaddr|keepalives|keepalives_count|keepalives_idle|keepalives_interval|krbsrvname|load_balance_hosts|options"
    "|passfile|port|replication|require_auth|service|sslcert|sslcrl|sslkey|sslmode|sslnegotiation|sslrootcert"
    "|target_session_attrs|tcp_user_timeout|user"
)
"""The parameters of libpq whose values are no secret."""
_HIDING = r"(?:ssl)?password|passwd|oauth_client_secret|scram_(?:client|server)_key"
_URL_SECRET = re.compile(rf"\b(?:{_HIDING})(?:=|%3D)([^&]*)", re.IGNORECASE)
_CONNINFO_SECRET = re.compile(
    rf"\b(?:{_HIDING})\s*=\s*('(?:[^'\\]|\\.)*'?|(?:[^\s\\]|\\.)+)", re.DOTALL | re.IGNORECASE
)
_CONNINFO_PART = re.compile(r"\s*(\w+)(\s*=\s*)('(?:[^'\\]|\\.)*'?|(?:[^\s\\]|\\.)+|(?=\s|$))", re.DOTALL)
# A name that holds one of these is no name, but something that slipped into its place.
_SLIPPED = re.compile(r"[\s:;,&#@?\"'<>\\]|%(?:[01]\d|2[236cf]|3[abcef]|40)", re.IGNORECASE)


def url_label(url: str) -> tuple[str, tuple[str, ...]]:
    """Return a URL without its password, and the password as written and as meant."""
    secrets: list[str] = []
    scheme, separator, rest = url.partition("://")
    # A password may hold /, @ or ? by mistake: options are what has the form of one, and the last @ is the border.
    options = re.search(r"\?(?=\w+=)", rest)
    head, query = (rest[: options.start()], rest[options.start() :]) if options else (rest, "")
    if "@" not in head and "@" in query and re.match(r"[^:/]*:(?!\d*/)", head):
        head, query = rest, ""
    userinfo, at, place = head.rpartition("@")
    if ":" in userinfo:
        user, _, password = userinfo.partition(":")
        secrets.append(password)
        userinfo = f"{_name(user)}:{HIDDEN}" if password else _name(user)
    else:
        userinfo = _name(userinfo)
    secrets += _URL_SECRET.findall(rest)
    place, mark, other = place.partition("?")  # what has not the form of options
    secrets.append(other)
    hosts, slash, name = place.partition("/")
    label = f"{scheme}{separator}{userinfo}{at}{hosts}{slash}{_name(name)}{mark and f'?{HIDDEN}'}"
    if query:
        parts = query[1:].split("&")
        secrets += (part for part in parts if "=" not in part)
        label += f"?{'&'.join(map(_option, parts))}"
    return label, _all(secrets)


def conninfo_label(text: str) -> tuple[str, tuple[str, ...]]:
    """Return a connection string of libpq (`host=... dbname=...`) without its password, and the password."""
    written = _CONNINFO_SECRET.findall(text)
    shown, at = "", 0
    while part := _CONNINFO_PART.match(text, at):
        word, sign, value = part.groups()
        is_shown = _HARMLESS.fullmatch(word.lower()) and not _speaks_of_secrets(value)
        shown += f"{text[at : part.start(1)]}{word}{sign}{value if is_shown else HIDDEN}"
        at = part.end()
    if text[at:].strip():
        shown += f" {HIDDEN}"
    meant = [re.sub(r"\\(.)", r"\1", secret.strip("'"), flags=re.DOTALL) for secret in written]
    return shown, _all(written + meant)


def _name(text: str) -> str:
    """Return the name of a user or database, as far as it can be one."""
    slip = _SLIPPED.search(text)
    return f"{text[: slip.start()]}{HIDDEN}" if slip else text


def _option(part: str) -> str:
    word, sign, value = part.partition("=")
    if not sign:
        return HIDDEN
    return part if _HARMLESS.fullmatch(word) and not _speaks_of_secrets(value) else f"{_name(word)}={HIDDEN}"


def _speaks_of_secrets(value: str) -> bool:
    """Tell whether a value holds what belongs into another parameter, or a whole URL."""
    return re.search(_HIDING, value, re.IGNORECASE) is not None or "://" in value


def _all(found: list[str]) -> tuple[str, ...]:
    """Return each as it is written, as it is meant and as errors show it, the longer before those that it holds."""
    from urllib.parse import unquote

    meant = [*found, *map(unquote, found)]
    meant += [repr(secret)[1:-1] for secret in meant]
    # An empty one would be found everywhere.
    return tuple(sorted(dict.fromkeys(secret for secret in meant if secret), key=len, reverse=True))
