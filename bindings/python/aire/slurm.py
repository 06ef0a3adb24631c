"""Runs as jobs of a Slurm cluster."""
from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from typing import Optional, Sequence, Union

from . import _abi
from ._lib import milliseconds, options, string_list, text

Path = Union[str, "os.PathLike[str]"]


@dataclass
class Slurm:
    """How to reach the cluster: Executor(..., slurm=Slurm("/shared/jobs")).

    `directory` is absolute, and seen by all nodes. What is None is the default of Slurm or the library;
    `arguments` are more of sbatch, `poll` the seconds between questions to the controller.
    """

    directory: Path
    partition: Optional[str] = None
    account: Optional[str] = None
    qos: Optional[str] = None
    arguments: Sequence[str] = ()
    poll: Optional[float] = None
    bin_dir: Optional[Path] = None
    conf_path: Optional[Path] = None
    job_path: Optional[Path] = None
    worker_path: Optional[Path] = None

    def _to_c(self):
        given = options(_abi.aire_slurm_options, directory=text(self.directory), partition=text(self.partition),
                        account=text(self.account), qos=text(self.qos), poll_ms=milliseconds(self.poll),
                        bin_dir=text(self.bin_dir), conf_path=text(self.conf_path), job_path=text(self.job_path),
                        worker_path=text(self.worker_path))
        arguments = string_list(self.arguments)
        given.arguments = ctypes.cast(arguments, type(given.arguments))
        return given
