"""The report: sections made of tables, figures and notes, built from estimates and rendered in any format."""

from persync.report.report import Block, BuiltSection, Column, Figure, Inputs, Note, Profile, Report, Section, Table

__all__ = ["Block", "BuiltSection", "Column", "Figure", "Inputs", "Note", "Profile", "Report", "Section", "Table"]
