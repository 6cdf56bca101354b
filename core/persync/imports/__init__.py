"""The user's own files: what an importer is, and reading a file through one."""

from persync.imports.batch import Batch
from persync.imports.csvfile import read_batch
from persync.imports.importer import Column, FileCheck, Importer

__all__ = ["Batch", "Column", "FileCheck", "Importer", "read_batch"]
