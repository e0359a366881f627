"""The report: tables, figures, the Markdown file and the page."""
