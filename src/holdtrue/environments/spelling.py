"""Spelling: texts that UTF-8 can say. Half a character, as in a file's name that is no text, it cannot."""


def spell_out(text: str) -> str:
    r"""Return a text that any database keeps: half a character, as in a file's name that is no text, stands escaped.

    >>> spell_out("no file caf\udce9.csv")
    'no file caf\\udce9.csv'
    """
    return text.encode("utf-8", "backslashreplace").decode()


def is_text(text: str) -> bool:
    r"""Say whether UTF-8 can say a text.

    >>> is_text("caf\u00e9"), is_text("caf\udce9")
    (True, False)
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
