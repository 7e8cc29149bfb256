from holdtrue.report import Figures, Section, render_markdown


def test_sections_become_headings_sentences_and_tables_with_numbers_to_the_right() -> None:
    table = Figures("All", ("Name", "Loss"), (("v1", 0.5123), ("v2", None)))
    text = render_markdown(
        "Title", [Section(heading="In short", sentences=("It is so.",), tables=(table,))], lede="Why"
    )
    assert text.splitlines()[:7] == ["## Title", "", "Why", "", "### In short", "", "It is so."]
    assert "| Name | Loss |\n| :--- | ---: |\n| v1 | 0.512 |\n| v2 | – |" in text


def test_a_folded_section_opens_on_a_click() -> None:
    text = render_markdown("t", [Section(heading="All figures", sentences=("x",), is_folded=True)])
    assert "<details><summary>All figures</summary>\n\nx\n\n</details>" in text


def test_what_users_name_stays_text() -> None:
    attack = "<img src=x> | `a` [b](c) *d*\n# e"
    table = Figures("c", ("A",), ((attack,),))
    text = render_markdown(attack, [Section(heading=attack, sentences=(attack,), tables=(table,))])
    assert "<img" not in text.replace("\\<img", "")
    assert text.count("\\| \\`a\\` \\[b\\](c) \\*d\\* \\# e") == 4
