"""What keeps the cells of a CSV apart: people's spreadsheets write commas, semicolons or tabs."""


def delimiter_of(head: str) -> str:
    """Return what most often stands in a header line: a comma, a semicolon or a tab (a comma where none does)."""
    return max(",;\t", key=head.count)
