"""What a report is made of, and its files: the same report gives the same bytes."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from html import escape

from attrs import field, frozen, validators

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #2b2733; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.8rem; margin-bottom: 0; } h2 { margin-top: 3rem; border-bottom: 2px solid #d9d5df; }
figure { margin: 1.5rem 0; } img { max-width: 100%; height: auto; } figcaption { color: #5b5566; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; } caption { text-align: left;
font-weight: 600; padding: .3rem 0; } th, td { padding: .15rem .7rem .15rem 0; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid #2b2733; } td { border-bottom: 1px solid #eeebf2; } .scroll { overflow-x: auto; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; } dt { color: #5b5566; } dd { margin: 0;
overflow-wrap: anywhere; } nav a { margin-right: 1rem; } summary { cursor: pointer; font-weight: 600; }
"""
FILE_NAME = r"[a-z0-9][a-z0-9-]*"
LONG = 24
"""A table of more rows is folded away."""


@frozen
class Figure:
    """
    A picture.

    Attributes:
        name: Name of its file, without suffix.
        png: Its bytes.
        alt: What can be seen in it, for those who cannot.
        caption: What it shows.
    """

    name: str = field(validator=validators.matches_re(FILE_NAME))
    png: bytes = field(repr=False)
    alt: str
    caption: str

    @property
    def file(self) -> str:
        """Its file's name."""
        return f"{self.name}.png"


@frozen
class Table:
    """
    A table.

    Attributes:
        name: Name of its file, without suffix.
        caption: What it shows.
        headings: Of its columns.
        rows: Its cells, as they are printed.
        shown: Whether it stands on the page; a long one is only named there.
    """

    name: str = field(validator=validators.matches_re(FILE_NAME))
    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    shown: bool = True

    @property
    def file(self) -> str:
        """Its file's name."""
        return f"{self.name}.csv"

    def csv(self) -> bytes:
        """The table as CSV, UTF-8."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.headings)
        writer.writerows(self.rows)
        return out.getvalue().encode()


@frozen
class Section:
    """
    A part of the page.

    Attributes:
        title: Its heading.
        text: Its paragraphs.
        parts: Its figures and tables, in order.
    """

    title: str
    text: tuple[str, ...] = ()
    parts: tuple[Figure | Table, ...] = ()


@frozen
class Report:
    """
    A report.

    Attributes:
        title: Its heading.
        facts: Where it comes from: model, hash, version, corpus, seed.
        sections: Its parts; no two of their figures and tables have one file.
    """

    title: str
    facts: Mapping[str, str]
    sections: tuple[Section, ...] = field()

    @sections.validator
    def _own_names(self, _attribute: object, sections: Sequence[Section]) -> None:
        names = [part.file for section in sections for part in section.parts]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"two parts of a report are named {twice[0]!r}.")

    def files(self) -> dict[str, bytes]:
        """The page, ``index.html``, with its pictures inside; and each picture and each table by itself."""
        out = {"index.html": self.html().encode()}
        for section in self.sections:
            for part in section.parts:
                if isinstance(part, Figure):
                    out[part.file] = part.png
                else:
                    out[part.file] = part.csv()
        return out

    def html(self) -> str:
        """The page; it needs nothing but itself."""
        facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in self.facts.items())
        links = "".join(f'<a href="#s{i}">{escape(s.title)}</a>' for i, s in enumerate(self.sections))
        body = "\n".join(_section(i, section) for i, section in enumerate(self.sections))
        return (
            f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(self.title)}</title>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(self.title)}</h1>\n<dl>{facts}</dl>\n"
            f"<nav>{links}</nav>\n{body}\n</body>\n</html>\n"
        )


def _section(number: int, section: Section) -> str:
    text = "".join(f"<p>{escape(paragraph)}</p>\n" for paragraph in section.text)
    parts = "\n".join(_figure(part) if isinstance(part, Figure) else _table(part) for part in section.parts)
    return f'<section id="s{number}">\n<h2>{escape(section.title)}</h2>\n{text}{parts}\n</section>'


def _figure(figure: Figure) -> str:
    data = base64.b64encode(figure.png).decode()
    return (
        f'<figure><img alt="{escape(figure.alt)}" src="data:image/png;base64,{data}">\n'
        f"<figcaption>{escape(figure.caption)} ({figure.file})</figcaption></figure>"
    )


def _table(table: Table) -> str:
    if not table.shown:
        return f"<p>{escape(table.caption)}: {table.file}, {len(table.rows)} rows.</p>"
    head = "".join(f"<th>{escape(heading)}</th>" for heading in table.headings)
    rows = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    caption = f"{escape(table.caption)} ({table.file})"
    body = f"<thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>"
    if len(table.rows) > LONG:
        summary = f"{caption}: {len(table.rows)} rows"
        return f'<details><summary>{summary}</summary><div class="scroll"><table>{body}</details>'
    return f'<div class="scroll"><table><caption>{caption}</caption>{body}'
